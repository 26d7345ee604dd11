"""Parquet files of bars: one file, or a folder with a file for each symbol."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pandas as pd
import pyarrow as pa

from tsdeep.errors import DataError
from tsdeep.sources.bar_files import BarFiles
from tsdeep.sources.base import register_source


@register_source("parquet")
class Parquet(BarFiles):
    """Bars from Parquet files, an index of pandas' as a column; names of columns are compared in lower case.

    Parameters
    ----------
    path : str, optional
        A file, whose symbol is its column `symbol` or its own name; or a folder of `<symbol>.parquet`. Left
        open in a spec for data that every user keeps elsewhere; it must be given to read.
    symbols : list of str, optional
        Which symbols, in this order; by default all, a folder's in alphabetical order.
    time : str, default "date"
        The column of dates or times. Times without a zone are taken as they are. Times with the zone UTC are
        taken as UTC and the zone is dropped; any other zone is refused.
    bar : str, optional
        The length of bars within the day, such as `1min`, where their times are those at which they begin; by
        default a time within the day is one at which the values of its row are known.
    time_format : str, default "ISO8601"
        How times that are texts or whole numbers are written: 2018-12-31, 20181231; or a format of
        `strptime`. Times and dates of Parquet's own types need none.
    columns : dict, optional
        Field to column name, where they differ: `{close: Adj Close}`.
    calendar : str, optional
        Exchange whose sessions bars must have, such as `XNYS`: a session without a bar is a hole, and refused.
    """

    suffix: ClassVar[str] = ".parquet"
    what: ClassVar[str] = "Parquet"
    zone: ClassVar[str | None] = "UTC"

    def _table(self, file: Path) -> pd.DataFrame:
        """Read a file, numbers of time and symbol as text; DataError if it cannot be read."""
        try:
            table = pd.read_parquet(file)
        except (pa.ArrowException, ValueError, OSError) as error:
            raise DataError(f"{file}: cannot be read as Parquet: {error}") from error
        if isinstance(table.columns, pd.MultiIndex):
            raise DataError(f"{file}: found two rows of column names, expected one name a column")
        if not isinstance(table.index, pd.RangeIndex):
            table = table.reset_index()
        table.attrs = {}  # pandas writes and reads them back: they are not this table's
        for name in table.columns:
            if not self._is_key(str(name)):
                continue
            column = table[name]
            if pd.api.types.is_numeric_dtype(column):
                table[name] = column.astype(str)
            elif isinstance(column.dtype, pd.CategoricalDtype):
                table[name] = column.astype(object)
        return table
