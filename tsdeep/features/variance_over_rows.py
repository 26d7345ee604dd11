"""What features share that are a mean over the last rows of a variance that each row gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras

from tsdeep.features.base import Feature
from tsdeep.features.rolling import rolling_sums
from tsdeep.features.row_variance import raised
from tsdeep.features.row_windows import channels, kept, windows_of

Form = Literal["log", "root", "variance"]
"""Annotation of an argument that says how a mean variance is given: its log, its root, or as it is."""

Prefix = Literal["", "market", "basket"]
"""Annotation of an argument that says whose bars are read: the row's own, those of the market beside it, or those
of all assets of the basket, of which the mean is taken."""

OwnOrMarket = Literal["", "market"]
"""Annotation of the same for what has no mean over assets."""

MeanOf = Literal["variance", "log"]
"""Annotation of an argument that says what is averaged over rows: variances, or their logs."""


def prefixed(name: str, prefix: str) -> str:
    """Give the name of a field, or of a channel, of the row's own asset or of the market: `market_close`."""
    return f"{prefix}_{name}" if prefix else name


class VarianceOverRows(Feature):
    """Mean over the last rows of the variance that each row gives, not below a floor; one window or several."""

    form: str = "log"
    mean_of: str = "variance"

    def _read(
        self,
        label: str,
        rows: int | Sequence[int],
        fields: Sequence[str],
        before: int,
        *,
        annual_rows: int,
        prefix: str,
        floor: float,
    ) -> None:
        """Keep the arguments that all share; `label` is the channel's name between prefix and window."""
        self.rows = kept(rows)
        self.annual_rows, self.prefix, self.floor = annual_rows, prefix, floor
        self._windows = windows_of(rows, self.kind or label)
        self._bars = {name: prefixed(name, prefix) for name in fields}
        self.fields = self.positive_fields = tuple(self._bars.values())
        self.warmup = max(self._windows) - 1 + before
        unit = "" if annual_rows == 252 else f"_annualised_{annual_rows}"
        self.names = tuple(f"{prefixed(label, prefix)}_{window}{unit}" for window in self._windows)

    def row_variance(self, fields: Mapping[str, Any]) -> Any:
        """Variance of each row, per row, from bars whatever their prefix: `[batch, rows - before]`."""
        raise NotImplementedError

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, windows]`."""
        bars = {name: fields[field] for name, field in self._bars.items()}
        variance = raised(self.row_variance(bars), self.floor)
        if self.mean_of == "log":
            logs = rolling_sums(keras.ops.log(variance * self.annual_rows), self._windows)
            values = [total / n for n, total in zip(self._windows, logs, strict=True)]
        else:
            sums = rolling_sums(variance, self._windows)
            values = [total * (self.annual_rows / n) for n, total in zip(self._windows, sums, strict=True)]
            form = {"log": keras.ops.log, "root": keras.ops.sqrt, "variance": lambda mean: mean}[self.form]
            values = [form(value) for value in values]
        if self.prefix == "basket":
            values = [mean_of_present(value) for value in values]
        return channels(values)


def mean_of_present(values: Any) -> Any:
    """Average `[batch, rows, assets]` over the assets that have a value, which is NaN elsewhere: `[batch, rows]`."""
    ops = keras.ops
    present = ops.logical_not(ops.isnan(values))
    total = ops.sum(ops.where(present, values, ops.zeros_like(values)), axis=-1)
    return total / ops.sum(ops.cast(present, values.dtype), axis=-1)
