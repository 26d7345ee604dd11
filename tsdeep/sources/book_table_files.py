"""Files of book snapshots: found, and their columns read as numbers, times and texts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tsdeep.errors import DataError, unknown_name
from tsdeep.sources.clock import local_to_utc

EPOCH_UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""Formats of time that are numbers since 1970-01-01 UTC, in nanoseconds each."""

_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".csv.gz")
_ANY_TEXT = (pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary)


def find_files(path: Path, pattern: str) -> list[Path]:
    """List a file, or the Parquet and CSV files in a folder whose names match a pattern, all the way down.

    Raises
    ------
    DataError
        If there is none.
    """
    kinds = ", ".join(_PARQUET + _CSV)
    if path.is_dir():
        files = sorted(
            file
            for file in path.rglob(pattern)
            if file.is_file() and file.name.lower().endswith(_PARQUET + _CSV)
        )
        if not files:
            raise DataError(f"{path}: the folder has no file of kind {kinds} whose name matches '{pattern}'")
        return files
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder, expected book snapshots as Parquet or CSV")
    if not path.name.lower().endswith(_PARQUET + _CSV):
        raise DataError(f"{path}: found a file of another kind, expected {kinds}")
    return [path]


def column_names(file: Path) -> list[str]:
    """List the columns of a file; DataError if it cannot be read or has a name twice."""
    try:
        if file.name.lower().endswith(_PARQUET):
            names = pa.parquet.read_schema(file).names
        else:
            with pa.csv.open_csv(file) as reader:
                names = reader.schema.names
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: cannot be read: {error}") from error
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{file}: found more than one column '{name}', expected one")
    return names


def read_columns(file: Path, numbers: list[str], texts: list[str]) -> pa.Table:
    """Read some columns of a file, of CSV those of `texts` as text and those of `numbers` as float64.

    Raises
    ------
    DataError
        If a column is not there (with the nearest one), or the file cannot be read.
    """
    there = column_names(file)
    for name in [*texts, *numbers]:
        if name not in there:
            raise DataError(f"{file}: {unknown_name('column', name, there)}")
    try:
        if file.name.lower().endswith(_PARQUET):
            table = pa.parquet.read_table(file, columns=[*texts, *numbers], use_threads=False)
        else:
            try:
                table = _csv(file, numbers, texts)
            except pa.ArrowInvalid:
                table = _csv(file, [], [*texts, *numbers])
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: cannot be read: {error}") from error
    if not table.num_rows:
        raise DataError(f"{file}: found no rows")
    return table


def _csv(file: Path, numbers: list[str], texts: list[str]) -> pa.Table:
    types = {**dict.fromkeys(numbers, pa.float64()), **dict.fromkeys(texts, pa.string())}
    return pa.csv.read_csv(
        file,
        read_options=pa.csv.ReadOptions(use_threads=False),
        convert_options=pa.csv.ConvertOptions(
            column_types=types, include_columns=[*texts, *numbers], strings_can_be_null=True
        ),
    )


def as_numbers(table: pa.Table, name: str, file: Path) -> np.ndarray:
    """Return a column as float64 `[rows]`, NaN where a value is missing; DataError names what is no number."""
    column = table.column(name)
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        if not any(is_text(kind) for is_text in _ANY_TEXT) and not pa.types.is_null(kind):
            raise DataError(f"{file}: column '{name}' is of type {kind}, expected numbers")
        for row, value in enumerate(column.to_pylist()):
            if not _is_number(value):
                raise DataError(f"{file}: row {row}: column '{name}' is {value!r}, expected a number")
        return np.array([np.nan if v is None else float(v) for v in column.to_pylist()], np.float64)
    try:
        return column.cast(pa.float64(), safe=not pa.types.is_decimal(kind)).to_numpy()
    except pa.ArrowInvalid as error:
        raise DataError(f"{file}: column '{name}' is not exact in float64: {error}") from None


def _is_number(value: str | None) -> bool:
    try:
        return value is None or float(value) is not None
    except ValueError:
        return False


def as_texts(table: pa.Table, name: str, file: Path) -> np.ndarray:
    """Return a column as text, object `[rows]`; DataError gives the row where one is missing."""
    values = table.column(name).to_pandas()
    if values.isna().any():
        raise DataError(f"{file}: row {int(np.argmax(values.isna()))}: column '{name}' is missing")
    return values.astype(str).to_numpy(object)


def as_dates(table: pa.Table, name: str, file: Path) -> np.ndarray:
    """Return a column of dates, or of texts or whole numbers like 20250605, as datetime64[D] `[rows]`."""
    column = table.column(name)
    values = (
        column.to_pandas() if pa.types.is_temporal(column.type) else pd.Series(as_texts(table, name, file))
    )
    dates = pd.to_datetime(
        values, errors="coerce", format=None if pa.types.is_temporal(column.type) else "ISO8601"
    )
    if dates.isna().any():
        row = int(np.argmax(dates.isna()))
        raise DataError(f"{file}: row {row}: column '{name}' is {values[row]!r}, expected a date")
    return dates.dt.tz_localize(None).to_numpy().astype("datetime64[D]")


def as_times(table: pa.Table, name: str, file: Path, time_format: str, zone: str) -> np.ndarray:
    """Return a column of times as UTC, datetime64[ns] `[rows]`.

    Parameters
    ----------
    table : pyarrow.Table
        The columns read.
    name : str
        The column of times.
    file : Path
        What the message calls the data.
    time_format : str
        Of times that are texts, "ISO8601" or a format of `strptime`; of numbers, one of `EPOCH_UNITS`.
    zone : str
        The zone of times that carry none themselves.

    Returns
    -------
    ndarray of datetime64[ns], [rows]

    Raises
    ------
    DataError
        With file and row, for a time that is missing or of another form.
    """
    column = table.column(name)
    kind = column.type
    if time_format in EPOCH_UNITS:
        return _epoch(table, name, file, time_format)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        raise DataError(
            f"{file}: column '{name}' has numbers, expected times; the source's setting `time_format` says their "
            f"unit since 1970: {', '.join(EPOCH_UNITS)}"
        )
    values = column.to_pandas()
    try:
        times = (
            values
            if pa.types.is_temporal(kind)
            else pd.to_datetime(values, format=time_format, errors="coerce")
        )
        times = pd.to_datetime(times)
    except (ValueError, TypeError) as error:
        raise DataError(f"{file}: column '{name}': {error}") from None
    if times.isna().any():
        row = int(np.argmax(times.isna()))
        expected = "an ISO 8601 time" if time_format == "ISO8601" else f"the form {time_format}"
        raise DataError(f"{file}: row {row}: column '{name}' is {values[row]!r}, expected {expected}")
    try:
        if times.dt.tz is not None:
            return times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[ns]")
        local = times.astype("datetime64[ns]").to_numpy()
    except pd.errors.OutOfBoundsDatetime as error:
        raise DataError(f"{file}: column '{name}': {error}, expected years 1678 to 2261") from None
    return local_to_utc(local, zone, str(file))


def _epoch(table: pa.Table, name: str, file: Path, unit: str) -> np.ndarray:
    """Return numbers since 1970 as times: whole ones exactly, others to the precision of float64."""
    nanoseconds = EPOCH_UNITS[unit]
    texts = table.column(name).cast(pa.string()).to_pylist()
    if all(text is not None and re.fullmatch(r"-?\d+", text) for text in texts):
        exact = [int(text) * nanoseconds for text in texts]
        bad = np.array([abs(ns) >= 2**63 for ns in exact])
    else:
        numbers = as_numbers(table, name, file)
        bad = ~(np.abs(numbers) * nanoseconds < 2**63)
        whole, part = np.divmod(np.where(bad, 0.0, numbers), 1)
        exact = (whole.astype(np.int64) * nanoseconds + np.rint(part * nanoseconds).astype(np.int64)).tolist()
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"{file}: row {row}: column '{name}' is {texts[row]}, expected {unit} since 1970")
    return np.array(exact, np.int64).astype("datetime64[ns]")


def date_in_name(file: Path) -> np.datetime64:
    """Return the date, like 20250605 or 2025-06-05, that is in a file's name; DataError if there is not one."""
    found = re.findall(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)", file.name)
    try:
        (parts,) = found
        return np.datetime64("-".join(parts), "D")
    except ValueError:
        raise DataError(
            f"{file}: found {len(found)} dates in the file's name, expected one such as 20250605"
        ) from None
