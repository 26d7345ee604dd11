"""Scalers: layers fitted on training rows, whose statistics are weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tsdeep.errors import DataError, SpecError
from tsdeep.features.base import Shape

_CHUNK_ROWS = 65_536


@keras.saving.register_keras_serializable("tsdeep")
class StandardScaler(keras.layers.Layer):
    """Channels less their mean, over their standard deviation: (x - mean) / scale.

    Statistics are non-trainable float32 weights, computed in float64 by `fit` from the rows that are given
    to it: a fold's training rows. They are saved and exported with the model. Before `fit` they are NaN, and
    so is the output, so that a scaler that was never fitted is noticed. The output is float32, whatever the
    global dtype policy.

    Parameters
    ----------
    mean : sequence of float or None
        Mean of each channel, if known already; else `fit` finds it.
    scale : sequence of float or None
        Standard deviation of each channel, above zero; given together with `mean`.
    clip : float or None
        Scaled values are clipped to -clip to clip; None leaves them.
    **kwargs : object
        `name` of `keras.layers.Layer`.

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

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        clip: float | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("trainable", None)
        super().__init__(dtype="float32", autocast=False, trainable=False, **kwargs)
        if clip is not None and not clip > 0:
            raise SpecError(f"StandardScaler: clip is {clip!r}; expected a number above zero, or None")
        self.clip = None if clip is None else float(clip)
        self._given = _statistics(mean, scale)

    def build(self, input_shape: Shape) -> None:
        """Create the statistics for the channels of the last axis."""
        channels = input_shape[-1]
        if channels is None:
            raise SpecError("StandardScaler: the number of channels (last axis) must be known")
        if self._given is not None and len(self._given[0]) != channels:
            raise DataError(
                f"StandardScaler: {channels} channels given, mean and scale have {len(self._given[0])}"
            )
        self.mean = self._statistic("mean", channels, None if self._given is None else self._given[0])
        self.scale = self._statistic("scale", channels, None if self._given is None else self._given[1])
        self.built = True

    @property
    def fitted(self) -> bool:
        """Whether the statistics are known: given, fitted or loaded."""
        if not self.built:
            return self._given is not None
        return bool(np.all(np.isfinite(self.scale.numpy())) and np.all(np.isfinite(self.mean.numpy())))

    def fit(self, x: Any, names: Sequence[str] | None = None) -> StandardScaler:
        """Find mean and standard deviation (population) of each channel, in float64 and two passes.

        Parameters
        ----------
        x : array
            `[rows, channels]`, the training rows.
        names : sequence of str or None
            Channel names for error messages.

        Returns
        -------
        StandardScaler
            Itself.

        Raises
        ------
        DataError
            If `x` has no rows or not two axes, a value is not finite, or a channel is constant; the message
            names the channel (and row).
        """
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[0] == 0:
            raise DataError(f"StandardScaler.fit: expected [rows, channels], a row or more, found {x.shape}")
        label = _labels(names, x.shape[1])
        mean = np.mean(x, axis=0, dtype=np.float64)
        if not np.all(np.isfinite(mean)):
            row, channel = np.argwhere(~np.isfinite(x))[0]
            raise DataError(f"StandardScaler.fit: {label[channel]} is {x[row, channel]} at row {row}")
        squares = np.zeros_like(mean)
        for start in range(0, len(x), _CHUNK_ROWS):
            squares += np.square(x[start : start + _CHUNK_ROWS] - mean).sum(axis=0)
        scale = np.sqrt(squares / len(x)).astype(np.float32)
        constant = (x.max(axis=0) == x.min(axis=0)) | (scale == 0)
        if constant.any():
            channels = ", ".join(f"{label[c]} (always {x[0, c]})" for c in np.flatnonzero(constant))
            raise DataError(f"StandardScaler.fit: constant over all {len(x)} rows: {channels}")
        if not self.built:
            self.build((None, x.shape[1]))
        if self.mean.shape[0] != x.shape[1]:
            raise DataError(
                f"StandardScaler.fit: {x.shape[1]} channels given, built for {self.mean.shape[0]}"
            )
        self.mean.assign(mean)
        self.scale.assign(scale)
        return self

    def call(self, inputs: Any) -> Any:
        """Scale channels.

        Parameters
        ----------
        inputs : tensor
            `[..., channels]`.

        Returns
        -------
        tensor
            The same shape, float32.
        """
        x = (keras.ops.cast(inputs, "float32") - self.mean) / self.scale
        return x if self.clip is None else keras.ops.clip(x, -self.clip, self.clip)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Give the output's shape: the input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Give the constructor's arguments, with the statistics as they are now."""
        config = super().get_config()
        del config["dtype"], config["trainable"]
        mean, scale = self._given if self._given is not None else (None, None)
        if self.built and self.fitted:
            mean, scale = self.mean.numpy().tolist(), self.scale.numpy().tolist()
        return {**config, "mean": mean, "scale": scale, "clip": self.clip}

    def _statistic(self, name: str, channels: int, values: Sequence[float] | None) -> Any:
        """Create a statistic with the values that were given, NaN where there are none."""
        initial = keras.initializers.Constant(
            float("nan") if values is None else np.asarray(values, "float32")
        )
        return self.add_weight(name=name, shape=(channels,), initializer=initial, trainable=False)


def _statistics(
    mean: Sequence[float] | None, scale: Sequence[float] | None
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Check statistics that were given to the constructor."""
    if mean is None and scale is None:
        return None
    if mean is None or scale is None or len(mean) != len(scale):
        raise SpecError("StandardScaler: mean and scale go together, with one value a channel each")
    if not (np.all(np.isfinite(mean)) and np.all(np.isfinite(scale)) and np.all(np.asarray(scale) > 0)):
        raise SpecError("StandardScaler: mean must be finite, and scale finite and above zero")
    return tuple(float(value) for value in mean), tuple(float(value) for value in scale)


def _labels(names: Sequence[str] | None, channels: int) -> list[str]:
    """Name each channel for error messages."""
    if names is None:
        return [f"channel {i}" for i in range(channels)]
    if len(names) != channels:
        raise DataError(f"StandardScaler.fit: {len(names)} names given for {channels} channels")
    return [f"channel {i} ({name})" for i, name in enumerate(names)]
