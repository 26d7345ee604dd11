"""The standard scaler: channels less their mean, over their standard deviation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tsdeep.features.scaler_registry import register_scaler
from tsdeep.features.scaling import Clip, Scaler, Values

_CHUNK_ROWS = 65_536


@register_scaler("standard")
class StandardScaler(Scaler):
    """Channels less their mean, over their standard deviation (population): (x - mean) / scale.

    Statistics are found in float64 and two passes.

    Parameters
    ----------
    mean : sequence of float or None
        Mean of each channel, if known already; else `fit` finds it.
    scale : sequence of float or None
        Standard deviation of each channel, above zero; given together with `mean`.
    clip : float or None
        Scaled values are clipped to -clip to clip; None leaves them.
    **kwargs : object
        See `Scaler`.

    Raises
    ------
    SpecError
        If `clip` is not above zero, or mean and scale do not go together.

    Examples
    --------
    >>> import numpy as np
    >>> scaler = StandardScaler().fit(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> np.asarray(scaler(np.array([[3.0, 20.0]], "float32")))
    array([[1., 0.]], dtype=float32)
    """

    statistics = ("mean", "scale")
    positive = ("scale",)

    def __init__(self, mean: Values = None, scale: Values = None, clip: Clip = None, **kwargs: Any) -> None:
        super().__init__({"mean": mean, "scale": scale}, clip, **kwargs)

    def find(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Find mean and standard deviation of each channel."""
        mean = np.asarray(np.mean(x, axis=0, dtype=np.float64))
        squares = np.zeros_like(mean)
        for start in range(0, len(x), _CHUNK_ROWS):
            squares += np.square(x[start : start + _CHUNK_ROWS] - mean).sum(axis=0)
        return {"mean": mean, "scale": np.sqrt(squares / len(x))}

    def scaled(self, x: Any) -> Any:
        """Scale channels, `[..., channels]`."""
        return (x - self.mean) / self.scale
