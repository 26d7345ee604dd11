"""Features of prices and volumes: returns, changes, levels, lags, rolling mean and z-score."""

from __future__ import annotations

from typing import Annotated, Any

import keras
from pydantic import Field

from tsdeep.arguments import FieldName, Rows
from tsdeep.features.base import Feature
from tsdeep.features.registry import register_feature
from tsdeep.features.rolling import rolling_moments, rolling_z_score


@register_feature("field")
class FieldValue(Feature):
    """A raw field as it is, or its natural logarithm; mostly as the `of` of another feature.

    Parameters
    ----------
    field : str
        The field, `[batch, rows]`.
    log : bool
        Take the logarithm; the field must then be above zero.
    **kwargs : object
        See `Feature`.
    """

    warmup = 0

    def __init__(self, field: FieldName, log: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.field = field
        self.log = log
        self.fields = (field,)
        self.positive_fields = (field,) if log else ()
        self.names = (f"log_{field}" if log else field,)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows]`."""
        values = fields[self.field]
        return keras.ops.log(values) if self.log else values


@register_feature("log_return")
class LogReturn(Feature):
    """Log return over a number of rows: ln(price at t / price at t - rows).

    Computed as log1p of the relative change, which is precise for moves that are tiny against the price.

    Parameters
    ----------
    rows : int
        Rows over which the return is taken, 1 or more.
    field : str
        The price field, `[batch, rows]`, above zero.
    **kwargs : object
        See `Feature`.
    """

    def __init__(self, rows: Rows = 1, field: FieldName = "close", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows = rows
        self.field = field
        self.fields = self.positive_fields = (field,)
        self.warmup = rows
        self.names = (f"log_return_{rows}" + ("" if field == "close" else f"_of_{field}"),)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup]`."""
        return log_change(fields[self.field], self.rows)


@register_feature("log_volume_change")
class LogVolumeChange(Feature):
    """Log change of volume over a number of rows: ln(volume at t) - ln(volume at t - rows).

    Parameters
    ----------
    rows : int
        Rows over which the change is taken, 1 or more.
    field : str
        The volume field, `[batch, rows]`, above zero.
    **kwargs : object
        See `Feature`.
    """

    def __init__(self, rows: Rows = 1, field: FieldName = "volume", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows = rows
        self.field = field
        self.fields = self.positive_fields = (field,)
        self.warmup = rows
        self.names = (f"log_volume_change_{rows}" + ("" if field == "volume" else f"_of_{field}"),)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup]`."""
        logarithm = keras.ops.log(fields[self.field])
        return logarithm[:, self.rows :] - logarithm[:, : -self.rows]


class _OfFeature(Feature):
    """A feature that reads what another one reads, plus rows before it."""

    of: Feature

    def _read(self, of: Feature, rows: int, labels: tuple[str, ...]) -> None:
        """Take over fields and warm-up of `of`, with `rows` more, and name the channels."""
        self.of = of
        self.fields = tuple(of.fields)
        self.positive_fields = tuple(of.positive_fields)
        self.warmup = of.warmup + rows
        self.names = tuple(f"{label}_of_{name}" for label in labels for name in of.names)


@register_feature("lag")
class Lag(_OfFeature):
    """Another feature's value some rows ago.

    Parameters
    ----------
    rows : int or sequence of int
        How many rows ago, 1 or more; several give a channel each.
    of : Feature
        The feature, or its spec mapping in a spec.
    **kwargs : object
        See `Feature`.
    """

    def __init__(
        self, rows: Rows | Annotated[tuple[Rows, ...], Field(min_length=1)], of: Feature, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rows = rows if isinstance(rows, int) else tuple(rows)
        self._lags = (rows,) if isinstance(rows, int) else tuple(rows)
        self._read(of, max(self._lags), tuple(f"lag_{rows}" for rows in self._lags))

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, lags x channels of of]`."""
        values = self.of(fields)
        longest = max(self._lags)
        # All lags end at the same row: the longest starts first.
        parts = [values[:, longest - lag : -lag] for lag in self._lags]
        return parts[0] if len(parts) == 1 else keras.ops.concatenate(parts, axis=-1)


@register_feature("rolling_mean")
class RollingMean(_OfFeature):
    """Mean of another feature over the last rows, the current one included.

    Parameters
    ----------
    rows : int
        Rows of the window, 1 or more.
    of : Feature
        The feature, or its spec mapping in a spec.
    **kwargs : object
        See `Feature`.
    """

    def __init__(self, rows: Rows, of: Feature, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows = rows
        self._read(of, rows - 1, (f"rolling_mean_{rows}",))

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, channels of of]`."""
        return rolling_moments(self.of(fields), self.rows)[0]


@register_feature("rolling_z_score")
class RollingZScore(_OfFeature):
    """Distance of another feature from its mean over the last rows, in their population standard deviations.

    Where the window is constant the value equals its mean, and the z-score is 0 by definition.

    Parameters
    ----------
    rows : int
        Rows of the window, the current one included, 2 or more; the z-score is within ±sqrt(rows - 1).
    of : Feature
        The feature, or its spec mapping in a spec.
    **kwargs : object
        See `Feature`.
    """

    def __init__(self, rows: Annotated[int, Field(strict=True, ge=2)], of: Feature, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows = rows
        self._read(of, rows - 1, (f"rolling_z_score_{rows}",))

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, channels of of]`."""
        return rolling_z_score(self.of(fields), self.rows)


def log_change(values: Any, rows: int) -> Any:
    """Log of each value over the one `rows` rows before, by log1p of the relative change.

    Parameters
    ----------
    values : tensor
        `[batch, length, ...]`, above zero.
    rows : int
        Rows between the two values, 1 or more.

    Returns
    -------
    tensor
        `[batch, length - rows, ...]`.
    """
    older, newer = values[:, :-rows], values[:, rows:]
    return keras.ops.log1p((newer - older) / older)
