"""The base of scalers: layers fitted on training rows, whose statistics are weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

import keras
import numpy as np
from pydantic import Field

from tsdeep.arguments import argument_model
from tsdeep.errors import DataError, SpecError
from tsdeep.features.base import Shape

Clip = (
    Annotated[
        float,
        Field(strict=True, gt=0, allow_inf_nan=False, description="Scaled values are clipped to ± this."),
    ]
    | None
)
"""Annotation of the argument `clip`."""

Values = Sequence[float] | None
"""Annotation of a statistic that is a constructor argument, a value a channel; None until it is fitted."""


class Scaler(keras.layers.Layer):
    """Channels scaled by statistics of the rows that `fit` was given: a fold's training rows.

    Statistics are non-trainable float32 weights, so that they are saved and exported with the model. Before
    `fit` they are NaN, and so is the output, so that a scaler that was never fitted is noticed. The output is
    float32, whatever the global dtype policy.

    A subclass names its `statistics`, which are arguments of its constructor too (None until fitted), and
    implements `find` and `scaled`. Every other argument is kept as an attribute of its own name. `fit` reads
    the rows it is given and nothing else. `register_scaler` gives the scaler its name in specs.

    Parameters
    ----------
    given : mapping of str to array or None
        Statistics by name, if known already: all of them or none.
    clip : float or None
        Scaled values are clipped to -clip to clip; None leaves them.
    **kwargs : object
        `name` of `keras.layers.Layer`.

    Attributes
    ----------
    kind : str
        The name under which the class is registered; empty while it is not.
    statistics : tuple of str
        Names of the weights.
    positive : tuple of str
        Those of them that are above zero.

    Raises
    ------
    SpecError
        If `clip` is not above zero, or statistics are given in part, not finite, or not above zero.
    """

    kind: str = ""
    statistics: tuple[str, ...]
    positive: tuple[str, ...] = ()

    #: Set by `Samples.fit_scaler(rows, mirror=True)`: the scaler does the same to both sides of a book.
    fitted_on_mirror: bool = False

    def __init__(self, given: Mapping[str, Any], clip: float | None, **kwargs: Any) -> None:
        kwargs.pop("trainable", None)
        super().__init__(dtype="float32", autocast=False, trainable=False, **kwargs)
        if clip is not None and not (0 < clip < float("inf")):
            raise SpecError(f"{self._label}: clip is {clip!r}; expected a number above zero, or None")
        self.clip = None if clip is None else float(clip)
        self._given = self._check_given(given)

    def find(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Find the statistics of rows; implemented by subclasses.

        Parameters
        ----------
        x : ndarray, [rows, channels]
            Finite, one row or more, no channel constant.

        Returns
        -------
        dict of str to ndarray
            Each statistic, of the shape that `statistic_shapes` says.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement find(x)")

    def scaled(self, x: Any) -> Any:
        """Scale channels by the statistics; implemented by subclasses with `keras.ops` alone.

        Parameters
        ----------
        x : tensor
            `[..., channels]`, float32.

        Returns
        -------
        tensor
            The same shape.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement scaled(x)")

    def statistic_shapes(self, channels: int) -> dict[str, tuple[int, ...]]:
        """Give the shape of each statistic, channels last; by default one value a channel."""
        return dict.fromkeys(self.statistics, (channels,))

    def build(self, input_shape: Shape) -> None:
        """Create the statistics for the channels of the last axis."""
        channels = input_shape[-1]
        if channels is None:
            raise SpecError(f"{self._label}: the number of channels (last axis) must be known")
        for name, shape in self.statistic_shapes(channels).items():
            value: Any = float("nan")
            if self._given is not None:
                value = self._given[name]
                if value.shape != shape:
                    raise DataError(
                        f"{self._label}: {channels} channels given, {' and '.join(self.statistics)} have "
                        f"{value.shape[-1]}"
                        + ("" if value.shape[-1] != channels else f" (shape {value.shape})")
                    )
            initial = keras.initializers.Constant(value)
            setattr(self, name, self.add_weight(name=name, shape=shape, initializer=initial, trainable=False))
        self.built = True

    @property
    def channels(self) -> int | None:
        """Number of channels, None before it is known."""
        if self.built:
            return int(getattr(self, self.statistics[0]).shape[-1])
        return None if self._given is None else int(self._given[self.statistics[0]].shape[-1])

    @property
    def fitted(self) -> bool:
        """Whether the statistics are known: given, fitted or loaded."""
        if not self.built:
            return self._given is not None
        return all(bool(np.all(np.isfinite(getattr(self, name).numpy()))) for name in self.statistics)

    def fit(self, x: Any, names: Sequence[str] | None = None, session: Any = None) -> Self:  # noqa: ARG002
        """Find the statistics of each channel, in float64.

        Parameters
        ----------
        x : array
            `[rows, channels]`, the training rows; no other row is read.
        names : sequence of str or None
            Channel names for error messages.
        session : array of int or None
            Session number of each row, ascending in time, `[rows]`: for scalers that tell sessions apart.

        Returns
        -------
        Scaler
            Itself.

        Raises
        ------
        DataError
            If `x` has no rows or not two axes, a value is not finite, or a channel is constant; the message
            names the channel (and row).
        """
        x, channels = self._checked(x, names)
        self._take(self._found(x, channels))
        return self

    def transform(self, x: np.ndarray, session: np.ndarray | None = None) -> np.ndarray:  # noqa: ARG002
        """Scale rows for training and prediction; the same as a call, but for scalers that tell sessions apart.

        Parameters
        ----------
        x : ndarray, [rows, channels]
            Rows of any session.
        session : ndarray of int, [rows], optional
            Session number of each.

        Returns
        -------
        ndarray
            float32, the same shape.
        """
        return np.asarray(self(x))

    def by_session(self) -> dict[int, dict[str, np.ndarray]]:
        """Return the statistics of sessions that have their own in training, by session number; by default none."""
        return {}

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
        x = self.scaled(keras.ops.cast(inputs, "float32"))
        return x if self.clip is None else keras.ops.clip(x, -self.clip, self.clip)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Give the output's shape: the input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Give the constructor's arguments, with the statistics as they are now."""
        config = super().get_config()
        del config["dtype"], config["trainable"]
        for name in argument_model(type(self)).model_fields:
            config[name] = None if name in self.statistics else getattr(self, name)
        if self.built and self.fitted:
            config |= {name: getattr(self, name).numpy().tolist() for name in self.statistics}
        elif not self.built and self._given is not None:
            config |= {name: self._given[name].tolist() for name in self.statistics}
        return config

    def _checked(self, x: Any, names: Sequence[str] | None) -> tuple[np.ndarray, list[str]]:
        """Check rows to be fitted on; give them as an array, with their channels' names for messages."""
        x = np.asarray(x)
        label = f"{self._label}.fit"
        if x.ndim != 2 or x.shape[0] == 0:
            raise DataError(f"{label}: expected [rows, channels], a row or more, found {x.shape}")
        channels = channel_labels(names, x.shape[1], label)
        if not np.all(np.isfinite(np.sum(x, axis=0, dtype=np.float64))):
            row, channel = np.argwhere(~np.isfinite(x))[0]
            raise DataError(f"{label}: {channels[channel]} is {x[row, channel]} at row {row}")
        if self.built and self.channels != x.shape[1]:
            raise DataError(f"{label}: {x.shape[1]} channels given, built for {self.channels}")
        return x, channels

    def _found(self, x: np.ndarray, channels: list[str], where: str = "") -> dict[str, np.ndarray]:
        """Statistics of rows as float32; refuse channels that do not vary."""
        label = f"{self._label}.fit"
        _refuse_constant(x.max(axis=0) == x.min(axis=0), x, channels, label, where)
        found = {name: np.asarray(value, np.float32) for name, value in self.find(x).items()}
        for name in self.positive:
            _refuse_constant(found[name] == 0, x, channels, label, where)
        return found

    def _take(self, found: Mapping[str, np.ndarray]) -> None:
        """Set the weights."""
        if not self.built:
            self.build((None, found[self.statistics[0]].shape[-1]))
        for name in self.statistics:
            getattr(self, name).assign(found[name])

    @property
    def _label(self) -> str:
        return type(self).__name__

    def _check_given(self, given: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        """Check statistics that were given to the constructor."""
        arrays = {name: np.asarray(value, np.float32) for name, value in given.items() if value is not None}
        if not arrays:
            return None
        names = " and ".join(self.statistics)
        if len(arrays) < len(self.statistics) or len({array.shape for array in arrays.values()}) > 1:
            raise SpecError(f"{self._label}: {names} go together, with one shape")
        for name, array in arrays.items():
            if not np.all(np.isfinite(array)):
                raise SpecError(f"{self._label}: {name} must be finite")
            if name in self.positive and not np.all(array > 0):
                raise SpecError(f"{self._label}: {name} must be above zero")
        return arrays


def channel_labels(names: Sequence[str] | None, channels: int, label: str) -> list[str]:
    """Name each channel for error messages.

    Parameters
    ----------
    names : sequence of str or None
        Channel names, if there are any.
    channels : int
        Number of channels.
    label : str
        What the message calls the reader.

    Returns
    -------
    list of str
        Such as "channel 2 (log_return_5)".

    Raises
    ------
    DataError
        If the numbers of names and channels differ.
    """
    if names is None:
        return [f"channel {i}" for i in range(channels)]
    if len(names) != channels:
        raise DataError(f"{label}: {len(names)} names given for {channels} channels")
    return [f"channel {i} ({name})" for i, name in enumerate(names)]


def _refuse_constant(constant: Any, x: np.ndarray, channels: list[str], label: str, where: str) -> None:
    """Refuse channels that do not vary."""
    if np.any(constant):
        which = ", ".join(f"{channels[c]} (always {x[0, c]})" for c in np.flatnonzero(constant).tolist())
        raise DataError(f"{label}: constant over all {len(x)} rows{where}: {which}")
