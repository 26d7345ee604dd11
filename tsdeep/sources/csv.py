"""CSV files of bars: one file, or a folder with a file for each symbol."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pydantic import Field

from tsdeep.errors import DataError
from tsdeep.sources.base import Source, register_source


@register_source("csv")
class Csv(Source):
    """Bars from CSV files with a header row.

    Parameters
    ----------
    path : str
        A file, whose symbol is its column `symbol` or its own name; or a folder of `<symbol>.csv`.
    symbols : list of str, optional
        Which symbols, in this order; by default all, a folder's in alphabetical order.
    time : str, default "date"
        The column of dates or times; names are compared in lower case.
    columns : dict, optional
        Field to column name, where they differ beyond case: `{close: Adj Close}`.
    """

    path: str
    symbols: list[str] | None = None
    time: str = "date"
    columns: dict[str, str] = Field(default_factory=dict)

    def bars(self) -> pd.DataFrame:
        """Read all bars.

        Raises
        ------
        DataError
            If a file is missing or cannot be parsed, has no time column, a mapped column is not there, or
            a symbol asked for is not found.
        """
        path = Path(self.path).expanduser()
        if path.is_dir():
            symbols = self.symbols or sorted(file.stem for file in path.glob("*.csv"))
            if not symbols:
                raise DataError(f"{path}: the folder has no .csv file")
            return pd.concat(
                [self._read(path / f"{symbol}.csv", symbol) for symbol in symbols], ignore_index=True
            )
        bars = self._read(path, path.stem)
        if self.symbols is None:
            return bars
        missing = [symbol for symbol in self.symbols if symbol not in set(bars["symbol"])]
        if missing:
            raise DataError(
                f"{path}: no symbol {', '.join(missing)}; it has: {', '.join(bars['symbol'].unique())}"
            )
        return pd.concat([bars[bars["symbol"] == symbol] for symbol in self.symbols], ignore_index=True)

    def _read(self, file: Path, symbol: str) -> pd.DataFrame:
        if not file.is_file():
            raise DataError(f"{file}: no such file; expected CSV bars of '{symbol}'")
        try:
            table = pd.read_csv(file)
        except (ValueError, UnicodeDecodeError) as error:
            raise DataError(f"{file}: cannot be read as CSV: {error}") from error
        for field, column in self.columns.items():
            if column not in table.columns:
                raise DataError(
                    f"{file}: no column '{column}' (mapped to '{field}'); it has: {', '.join(map(str, table.columns))}"
                )
            table = table.drop(columns=[c for c in table.columns if c.lower() == field and c != column])
        table = table.rename(columns={column: field for field, column in self.columns.items()})
        table = table.rename(columns=lambda name: str(name).strip().lower())
        if self.time.lower() not in table.columns:
            raise DataError(f"{file}: no time column '{self.time}'; it has: {', '.join(table.columns)}")
        try:
            time = pd.to_datetime(table.pop(self.time.lower()))
        except (ValueError, TypeError) as error:
            raise DataError(f"{file}: column '{self.time}' does not hold dates: {error}") from error
        table.insert(0, "time", time.astype("datetime64[ns]"))
        if "symbol" not in table.columns:
            table.insert(1, "symbol", symbol)
        return table
