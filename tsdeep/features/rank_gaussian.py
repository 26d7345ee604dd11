"""The rank-Gaussian scaler: channels mapped to a normal distribution by their rank among the training rows."""

from __future__ import annotations

from typing import Annotated, Any

import keras
import numpy as np
from pydantic import Field
from scipy.special import ndtri

from tsdeep.errors import SpecError
from tsdeep.features.scaler_registry import register_scaler
from tsdeep.features.scaling import Clip, Scaler

Knots = Annotated[int, Field(strict=True, ge=2, description="Values kept of each channel, 2 or more.")]

TwoAxes = Annotated[Any, Field(description="[knots, channels]")]


@register_scaler("rank_gaussian")
class RankGaussianScaler(Scaler):
    """Normal score of a value's rank among the training rows: Φ⁻¹((rows below + ½ rows equal) / rows).

    Ties thus share the score of their average rank (van der Waerden's scores, with ranks less a half). A channel
    with no more than `knots` distinct training values keeps them all. Of others those are kept that are nearest
    to evenly spaced scores within ±clip, both sides of a jump between them, and the least and the greatest.
    Between two kept values the score is interpolated; beyond the least and the greatest it stays theirs.

    Parameters
    ----------
    knots : int
        Values kept of each channel, 2 or more. With 256 a score is off by 0.01 or so at most.
    values : array or None
        Kept values of each channel, rising, `[knots, channels]`, if known already; else `fit` finds them.
    scores : array or None
        Their scores, `[knots, channels]`; given together with `values`.
    clip : float or None
        Scores are clipped to -clip to clip; None leaves them.
    **kwargs : object
        See `Scaler`.

    References
    ----------
    van der Waerden (1952), "Order tests for the two-sample problem and their power", Indagationes Mathematicae 14.

    Examples
    --------
    >>> import numpy as np
    >>> scaler = RankGaussianScaler().fit(np.array([[0.0], [0.0], [5.0], [700.0]]))
    >>> np.asarray(scaler(np.array([[0.0], [5.0], [1e6]], "float32"))).round(3)[:, 0].tolist()
    [-0.6740000247955322, 0.3190000057220459, 1.149999976158142]
    """

    statistics = ("values", "scores")

    def __init__(
        self,
        knots: Knots = 256,
        values: TwoAxes = None,
        scores: TwoAxes = None,
        clip: Clip = 3.0,
        **kwargs: Any,
    ) -> None:
        if knots < 2:
            raise SpecError(f"RankGaussianScaler: knots is {knots!r}; expected 2 or more")
        super().__init__({"values": values, "scores": scores}, clip, **kwargs)
        self.knots = knots

    def statistic_shapes(self, channels: int) -> dict[str, tuple[int, ...]]:
        """Give the shape of each statistic, `[knots, channels]`."""
        return dict.fromkeys(self.statistics, (self.knots, channels))

    def find(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Find kept values and scores of each channel, the last ones repeated where there are fewer."""
        values, scores = np.empty((2, self.knots, x.shape[1]))
        for channel in range(x.shape[1]):
            kept, score = self._knots_of(x[:, channel].astype(np.float32))  # as they will be compared
            last = self.knots - len(kept)
            values[:, channel] = np.pad(kept, (0, last), mode="edge")
            scores[:, channel] = np.pad(score, (0, last), mode="edge")
        return {"values": values, "scores": scores}

    def scaled(self, x: Any) -> Any:
        """Scale channels, `[..., channels]`: search by halving, then interpolate."""
        channels = int(self.values.shape[1])
        channel = keras.ops.arange(channels, dtype="int32")
        values, scores = (keras.ops.reshape(weight, (-1,)) for weight in (self.values, self.scores))
        last = self.knots - 1
        lower = keras.ops.zeros_like(x, dtype="int32")  # the last knot that is not above x, or 0
        step = 1 << (last.bit_length() - 1)
        while step:
            candidate = keras.ops.minimum(lower + step, last)
            reached = x >= keras.ops.take(values, candidate * channels + channel)
            lower = keras.ops.where(reached, candidate, lower)
            step >>= 1
        place = keras.ops.minimum(lower, last - 1) * channels + channel
        left, right = keras.ops.take(values, place), keras.ops.take(values, place + channels)
        low, high = keras.ops.take(scores, place), keras.ops.take(scores, place + channels)
        width = right - left
        some = width > 0
        share = (x - left) / keras.ops.where(some, width, keras.ops.ones_like(width))
        return low + keras.ops.clip(share, 0.0, 1.0) * (high - low)

    def _knots_of(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Kept values of one channel, rising, and their scores."""
        distinct, equal = np.unique(x, return_counts=True)
        rank = (np.cumsum(equal) - equal / 2) / len(x)
        score = ndtri(rank)
        if len(distinct) > self.knots:
            kept = self._kept(score)
            distinct, score = distinct[kept], score[kept]
        return distinct, score

    def _kept(self, score: np.ndarray) -> np.ndarray:
        """Places of the scores to keep: the ends, those nearest to a grid, and both sides of what jumps over it."""
        bound = np.inf if self.clip is None else self.clip
        low, high = max(float(score[0]), -bound), min(float(score[-1]), bound)
        points = self.knots - 2
        while True:
            at = np.clip(np.searchsorted(score, np.linspace(low, high, points)), 1, len(score) - 1)
            step = (high - low) / max(points - 1, 1)
            jumps = (score[at] - score[at - 1]) > step
            kept = np.unique(np.concatenate([[0], at[jumps] - 1, at, [len(score) - 1]]))
            if len(kept) <= self.knots:
                return kept
            points -= max((len(kept) - self.knots) // 2, 1)
