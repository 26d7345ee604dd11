"""CSV files of bars: one file, or a folder with a file for each symbol."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from tsdeep.errors import DataError
from tsdeep.sources.bar_files import BarFiles
from tsdeep.sources.base import register_source

# From 3.1 on pandas does so by itself, and warns of the argument.
_EXACT_BY_DEFAULT = tuple(int(part) for part in pd.__version__.split(".")[:2]) >= (3, 1)
_TO_THE_LAST_DIGIT: dict[str, Any] = {} if _EXACT_BY_DEFAULT else {"float_precision": "round_trip"}


@register_source("csv")
class Csv(BarFiles):
    """Bars from CSV files with a header row; names of columns are compared in lower case.

    Parameters
    ----------
    path : str, optional
        A file, whose symbol is its column `symbol` or its own name; or a folder of `<symbol>.csv`. Left open
        in a spec for data that every user keeps elsewhere; it must be given to read.
    symbols : list of str, optional
        Which symbols, in this order; by default all, a folder's in alphabetical order.
    time : str, default "date"
        The column of dates or times.
    bar : str, optional
        The length of bars within the day, such as `1min`, where their times are those at which they begin; by
        default a time within the day is one at which the values of its row are known.
    time_format : str, default "ISO8601"
        How they are written: 2018-12-31, 20181231, 2018-12-31 15:59:00; or a format of `strptime`, such as
        `%m/%d/%Y`.
    columns : dict, optional
        Field to column name, where they differ: `{close: Adj Close}`.
    calendar : str, optional
        Exchange whose sessions bars must have, such as `XNYS`: a session without a bar is a hole, and refused.

    Examples
    --------
    A study of one's own bars; in a file `my_study.yaml` it is what `tsdeep run my_study.yaml` takes.

    >>> import tsdeep, yaml
    >>> study = '''
    ... name: my_study
    ... source: {kind: csv, path: bars/, symbols: [SPY]}
    ... fields: [open, high, low, close, volume]
    ... features: [{kind: log_return, rows: 1}, {kind: garman_klass, rows: 20}]
    ... task: {kind: direction, horizon_rows: 1}
    ... lookback: 20
    ... split: {train: 4YE, valid: 1YE, test: 1YE}
    ... '''
    >>> tsdeep.make_spec(yaml.safe_load(study)).source.symbols
    ['SPY']
    """

    suffix: ClassVar[str] = ".csv"
    what: ClassVar[str] = "CSV"

    def _table(self, file: Path) -> pd.DataFrame:
        """Read a file, the time and the symbol as text; DataError if it cannot be parsed."""
        try:
            header = list(pd.read_csv(file, nrows=0).columns)
            # As text, so that a symbol keeps its leading zeros and 20181231 is no number.
            text = {name: str for name in header if self._is_key(name)}
            table = pd.read_csv(file, dtype=text, **_TO_THE_LAST_DIGIT)
        except (ValueError, OSError) as error:
            raise DataError(f"{file}: cannot be read as CSV: {error}") from error
        if not isinstance(
            table.index, pd.RangeIndex
        ):  # pandas takes what is before the named columns as index
            raise DataError(
                f"{file}: found rows with more values than the {len(header)} columns of the header"
            )
        return table
