"""LOBSTER's message and orderbook tables: read as numbers, every value checked."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.csv

from tsdeep.books import touch_faults
from tsdeep.errors import DataError
from tsdeep.sources.lobster_files import Member, Pair

UNOCCUPIED_PRICE = 9_999_999_999
"""Price of an unoccupied ask level; that of a bid level is its negative."""

HALT = 7
"""Event type of a message on a trading halt."""

_MESSAGE = ["time", "type", "order id", "size", "price", "direction"]
_VISIBLE_EXECUTION, _HIDDEN_EXECUTION, _CROSS = 4, 5, 6
_TRADING_RESUMES = 1
_DAY_SECONDS = 86_400
_BLOCK_BYTES = 1 << 22
_UNMATCHED_SHARE = 0.01  # of visible executions; of files that belong together none
_UNMATCHED_LEAST = 4  # fewer are odd rows, not a shift


def read_message(pair: Pair) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Read a message file and check every value; the second is time in nanoseconds after midnight, int64."""
    member = pair.message
    message = _read_table(member, _MESSAGE, seconds="time")
    seconds, kind = message["time"], message["type"]
    bad = ~((seconds >= 0) & (seconds <= _DAY_SECONDS))
    _refuse(member, bad, seconds, "time", "seconds after midnight, 0 to 86400")
    # At most 8.64e13 ns with an error far below a half: the nearest nanosecond to what is written.
    ns = np.rint(seconds * 1e9).astype(np.int64)
    back = ns[1:] < ns[:-1]
    if back.any():
        row = int(np.argmax(back)) + 1
        raise DataError(
            f"{member}: row {row}: unordered times, {seconds[row]} follows {seconds[row - 1]} "
            f"({int(back.sum())} such rows)"
        )
    _refuse(member, (kind < 1) | (kind > HALT), kind, "event type", "1 to 7")
    side = message["direction"]
    _refuse(member, np.abs(side) != 1, side, "direction", "1 (buy) or -1 (sell)")
    order = kind <= _HIDDEN_EXECUTION
    size, price = message["size"], message["price"]
    _refuse(member, order & (size <= 0), size, "size", "a size above zero")
    _refuse(member, order & (price <= 0), price, "price", "a price above zero")
    cross = kind == _CROSS
    _refuse(member, cross & (size < 0), size, "size", "a size of zero or more")
    _refuse(member, cross & (price < 0), price, "price", "a price of zero or more")
    unknown = (kind == HALT) & ~np.isin(price, (-1, 0, 1))
    _refuse(
        member,
        unknown,
        price,
        "price of a halt message",
        "-1 (halt), 0 (quoting resumes) or 1 (trading resumes)",
    )
    return message, ns


def read_orderbook(pair: Pair) -> dict[str, np.ndarray]:
    """Read an orderbook file; unoccupied levels must be marked as LOBSTER does."""
    member = pair.orderbook
    names = [
        f"{what} {n}"
        for n in range(1, pair.levels + 1)
        for what in ("ask price", "ask size", "bid price", "bid size")
    ]
    table = _read_table(member, names)
    book = {}
    for side, sign in (("ask", 1), ("bid", -1)):
        for n in range(1, pair.levels + 1):
            price, size = table[f"{side} price {n}"], table[f"{side} size {n}"]
            empty = price == sign * UNOCCUPIED_PRICE
            _refuse(
                member,
                empty & (size != 0),
                size,
                f"{side} size {n}",
                "0, as the level's price is LOBSTER's for an unoccupied one",
            )
            _refuse(
                member,
                ~empty & (size <= 0),
                size,
                f"{side} size {n}",
                "a size above zero, as the level has a price",
            )
        for what in ("price", "size"):
            columns = [table[f"{side} {what} {n}"] for n in range(1, pair.levels + 1)]
            book[f"{side}_{what}"] = np.stack(columns, axis=1).astype(np.float64)  # [rows, levels]
    return book


def check_executions(pair: Pair, message: Mapping[str, np.ndarray], book: Mapping[str, np.ndarray]) -> None:
    """Refuse message and book rows that do not belong together, such as files shifted against each other.

    A visible execution is at the best price of its side in the row before, and takes its size from there: what is
    left stands in its own row, at the same price, or where nothing is left the best price is a worse one. Where more
    than 1% of them (and more than three) are otherwise, the rows are not those of one day's pair. Rows that are
    crossed, locked or one-sided, and those after them, are not looked at.

    Parameters
    ----------
    pair : Pair
        The files.
    message : mapping of str to ndarray of int64, [rows]
        As `read_message` returns it.
    book : mapping of str to ndarray of float64, [rows, levels]
        As `read_orderbook` returns it, as many rows.

    Raises
    ------
    DataError
        With the first row that does not match, and what was expected there.
    """
    faulty = np.any([*touch_faults(book).values()], axis=0)
    rows = np.flatnonzero(message["type"] == _VISIBLE_EXECUTION)
    rows = rows[rows > 0]
    rows = rows[~(faulty[rows] | faulty[rows - 1])]
    size, price = message["size"][rows], message["price"][rows]
    buy = message["direction"][rows] == 1
    price_before, size_before, price_after, size_after = (
        np.where(buy, book[f"bid_{what}"][at, 0], book[f"ask_{what}"][at, 0])
        for at in (rows - 1, rows)
        for what in ("price", "size")
    )
    worse = np.where(buy, price_after < price, price_after > price)
    left = np.where(worse, 0, np.where(price_after == price, size_after, np.nan))
    unmatched = (price != price_before) | (size_before - size != left)
    count = int(unmatched.sum())
    if count < _UNMATCHED_LEAST or count <= _UNMATCHED_SHARE * len(rows):
        return
    first = int(np.argmax(unmatched))
    row, side = int(rows[first]), "bid" if buy[first] else "ask"
    raise DataError(
        f"{pair.message}: row {row}: a visible execution of {size[first]} at {price[first]}, expected it at the best "
        f"{side} of the row before in {pair.orderbook.name}, which is {price_before[first]:.0f} (size "
        f"{size_before[first]:.0f}), and its size gone in row {row}, where that is {price_after[first]:.0f} (size "
        f"{size_after[first]:.0f}); {count:,} of {len(rows):,} visible executions do not match, at most 1% may: are "
        "the rows of the two files shifted against each other?"
    )


def _refuse(member: Member, bad: np.ndarray, values: np.ndarray, name: str, expected: str) -> None:
    """Raise DataError at the first row where `bad` `[rows]` is true, if there is one."""
    if bad.any():
        row = int(np.argmax(bad))
        more = f" ({int(bad.sum())} such rows)" if bad.sum() > 1 else ""
        raise DataError(f"{member}: row {row}: {name} is {values[row]}, expected {expected}{more}")


def halts(event_type: np.ndarray, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut rows at trading halts.

    Parameters
    ----------
    event_type, price : ndarray of int64, [rows]
        Of the messages; type 7 has price -1 (halt), 0 (quoting resumes) or 1 (trading resumes).

    Returns
    -------
    segment : ndarray of int64, [rows]
        How many messages of type 7 there are up to each row.
    halted : ndarray of bool, [rows]
        Whether trading is halted after the row's message.
    """
    is_halt = event_type == HALT
    segment = np.cumsum(is_halt)
    said = price[is_halt]
    # Resumed where nothing was halted before: the halt is older than the file.
    at_first = bool(len(said)) and said[0] != -1
    return segment, np.concatenate([[at_first], said != _TRADING_RESUMES])[segment]


def _read_table(member: Member, columns: list[str], seconds: str | None = None) -> dict[str, np.ndarray]:
    """Read a CSV file without a header as whole numbers.

    Parameters
    ----------
    member : Member
        The file.
    columns : list of str
        Names of its columns, for messages too.
    seconds : str, optional
        The one column that holds decimal numbers.

    Returns
    -------
    dict of str to ndarray, [rows]
        int64, `seconds` float64: the nearest to what is written.

    Raises
    ------
    DataError
        With file and row (from 0), if the file is empty, a row has another number of columns, or a value is
        not a number, or not a whole one.
    """
    content = member.read()
    if not content.strip():
        raise DataError(f"{member}: the file is empty")
    types = {name: pa.float64() if name == seconds else pa.int64() for name in columns}
    try:
        table = _parse(member, content, types)
    except pa.ArrowInvalid as error:
        # Read as text, to tell row, column and value of what is no number.
        text = _parse(member, content, dict.fromkeys(columns, pa.string()))
        raise DataError(f"{member}: {_first_fault(text, types) or error}") from None
    return {name: table.column(name).to_numpy() for name in columns}


def _parse(member: Member, content: bytes, types: dict[str, pa.DataType]) -> pa.Table:
    ragged: list[str] = []

    def refuse(row: pa.csv.InvalidRow) -> str:
        number = "" if row.number is None else f"row {row.number - 1}: "
        ragged.append(f"{number}found {row.actual_columns} columns ({row.text[:60]}...)")
        return "error"

    try:
        return pa.csv.read_csv(
            pa.BufferReader(content),
            # Without threads, as rows are numbered then alone.
            read_options=pa.csv.ReadOptions(
                column_names=list(types), use_threads=False, block_size=_BLOCK_BYTES
            ),
            parse_options=pa.csv.ParseOptions(
                quote_char=False, newlines_in_values=False, invalid_row_handler=refuse
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=types, null_values=[], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if ragged:
            raise DataError(f"{member}: {ragged[0]}, expected {len(types)}") from None
        if "string" in {str(t) for t in types.values()}:
            raise DataError(f"{member}: cannot be read as CSV: {error}") from None
        raise


def _first_fault(text: pa.Table, types: dict[str, pa.DataType]) -> str | None:
    """Say where the first value is that is not of its column's type."""
    faults = []
    for number, (name, kind) in enumerate(types.items()):
        whole = kind == pa.int64()
        for row, value in enumerate(text.column(name).to_pylist()):
            if not _reads_as(value, whole):
                faults.append((row, number, name, value, "a whole number" if whole else "a number"))
                break
    if not faults:
        return None
    row, _, name, value, expected = min(faults)
    return f"row {row}: {name} is '{value}', expected {expected}"


def _reads_as(text: str, whole: bool) -> bool:
    if whole:
        return re.fullmatch(r"-?\d{1,18}", text) is not None
    try:
        return float(text) == float(text)
    except ValueError:
        return False
