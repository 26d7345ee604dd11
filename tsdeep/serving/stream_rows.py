"""Checks of rows that a stream is given, one at a time: quick, and with the field named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tsdeep.errors import DataError
from tsdeep.serving.stream_order import keys_of
from tsdeep.serving.stream_times import seconds


class RowReader:
    """Reads rows given as mappings into one array, as `StreamModel` takes them.

    Parameters
    ----------
    fields : mapping of str to tuple
        The shape of each field of one instrument's row.
    positive : sequence of str
        Fields that must be above zero.
    """

    def __init__(self, fields: Mapping[str, tuple[int, ...]], positive: Sequence[str]) -> None:
        self._places: list[tuple[str, tuple[int, ...], slice]] = []
        start = 0
        for name, shape in fields.items():
            stop = start + int(np.prod(shape))
            self._places.append((name, tuple(shape), slice(start, stop)))
            start = stop
        self.columns = start
        self._positive = np.zeros(start, bool)
        for name, _, place in self._places:
            self._positive[place] = name in positive
        self._fields = tuple(fields)

    def read(self, row: Any, symbols: Sequence[str | None], batched: bool) -> np.ndarray:
        """Return the values of all fields side by side, float64 `[instruments, columns]`.

        Parameters
        ----------
        row : mapping, Series or DataFrame
            A value a field; an axis of instruments before all others where `batched`.
        symbols : sequence of str or None
            The instruments, for messages.
        batched : bool
            Whether values have the axis of instruments.

        Raises
        ------
        DataError
            If a field is missing, is no number, has another shape, is not finite, or not above zero where it
            must be.
        """
        n = len(symbols)
        values = np.empty((n, self.columns))
        for name, shape, place in self._places:
            try:
                given = row[name]
            except (KeyError, IndexError, TypeError, ValueError):  # the last of a structured array
                raise DataError(self._missing(row, name)) from None
            found = seconds(given) if name == "time" else _numbers(given, name)
            expected = (n, *shape) if batched else shape
            if found.shape != expected:
                raise DataError(
                    f"field '{name}': found the shape {list(found.shape)}, expected {list(expected)}"
                )
            values[:, place] = found.reshape(n, -1)
        good = np.isfinite(values) & ((values > 0) | ~self._positive)
        if not good.all():
            self._refuse(values, good, symbols)
        return values

    def _missing(self, row: Any, name: str) -> str:
        if not keys_of(row) and not hasattr(row, "keys"):
            return f"a row: found {type(row).__name__}, expected a mapping of {', '.join(self._fields)}"
        return f"a row lacks the field '{name}'; expected {', '.join(self._fields)}"

    def _refuse(self, values: np.ndarray, good: np.ndarray, symbols: Sequence[str | None]) -> None:
        number, column = np.argwhere(~good)[0].tolist()
        name, shape, place = next(each for each in self._places if each[2].start <= column < each[2].stop)
        where = "" if symbols[number] is None else f"symbol '{symbols[number]}': "
        at = f" at {column - place.start} of {shape}" if shape else ""
        value = float(values[number, column])
        expected = "a finite number" if not np.isfinite(value) else "a number above zero"
        raise DataError(f"{where}field '{name}': found {value}{at}, expected {expected}")


def _numbers(given: Any, name: str) -> np.ndarray:
    try:
        found = np.asarray(given)
        if found.dtype.kind not in "fiu":
            raise TypeError
        return found.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        raise DataError(
            f"field '{name}': found {given!r}, expected a number or an array of numbers"
        ) from None
