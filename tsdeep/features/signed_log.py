"""The signed-log scaler: the logarithm of a channel's size, its sign kept."""

from __future__ import annotations

from typing import Any, Literal

import keras
import numpy as np

from tsdeep.features.scaler_registry import register_scaler
from tsdeep.features.scaling import Clip, Scaler, Values


@register_scaler("signed_log")
class SignedLogScaler(Scaler):
    """Signed logarithm in units of a typical size: sign(d) ln(1 + |d| / scale), d = x - middle.

    For channels with heavy tails around zero, such as order flow: near zero it is linear, far out logarithmic.
    `scale` is the median of |d| over the training rows (MAD). Where that is 0, because d is 0 in half of the
    rows or more, it is the mean of |d|.

    Parameters
    ----------
    about : str
        What sizes are measured from: "zero", so that middle is 0 and scale the median absolute value, or
        "median", so that middle is the median of each channel and scale the median absolute deviation.
    middle : sequence of float or None
        Middle of each channel, if known already; else `fit` finds it.
    scale : sequence of float or None
        Scale of each channel, above zero; given together with `middle`.
    clip : float or None
        Scaled values are clipped to -clip to clip; 3 is reached at about 19 scales. None leaves them.
    **kwargs : object
        See `Scaler`.

    Examples
    --------
    >>> import numpy as np
    >>> scaler = SignedLogScaler().fit(np.array([[-100.0], [1.0], [2.0], [-2.0], [0.0]]))
    >>> np.asarray(scaler(np.array([[0.0], [2.0], [-1000.0]], "float32"))).round(3)[:, 0].tolist()
    [0.0, 0.6930000185966492, -3.0]
    """

    statistics = ("middle", "scale")
    positive = ("scale",)

    def __init__(
        self,
        about: Literal["zero", "median"] = "zero",
        middle: Values = None,
        scale: Values = None,
        clip: Clip = 3.0,
        **kwargs: Any,
    ) -> None:
        super().__init__({"middle": middle, "scale": scale}, clip, **kwargs)
        self.about = about

    def find(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Find middle and scale of each channel."""
        middle, scale = np.zeros((2, x.shape[1]))
        for channel in range(x.shape[1]):
            values = x[:, channel].astype(np.float64)
            if self.about == "median":
                middle[channel] = np.float32(np.median(values))  # as it will be subtracted
            size = np.abs(values - middle[channel])
            scale[channel] = np.median(size) or np.mean(size)
        return {"middle": middle, "scale": scale}

    def scaled(self, x: Any) -> Any:
        """Scale channels, `[..., channels]`."""
        distance = x - self.middle
        return keras.ops.sign(distance) * keras.ops.log1p(keras.ops.abs(distance) / self.scale)
