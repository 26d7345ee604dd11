"""FI-2010: the benchmark of limit order books of five Finnish stocks, ten days of June 2010."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from tsdeep.books import level_fault, touch_faults, touch_text
from tsdeep.errors import DataError
from tsdeep.panel import Panel
from tsdeep.sources.base import BookSource, register_source
from tsdeep.sources.fi2010_blocks import DAYS, PUBLISHED, STOCKS, Blocks, day_file
from tsdeep.sources.fi2010_files import (
    BOOK_ROWS,
    LABEL_HORIZONS,
    LABEL_ROWS,
    Name,
    Place,
    find_files,
    read_rows,
)

_SESSIONS = np.array(
    [np.datetime64(f"2010-06-{day:02d}", "D") for day in (1, 2, 3, 4, 7, 8, 9, 10, 11, 14)], "datetime64[D]"
)
_OPEN = np.timedelta64(7 * 60 + 30, "m")
_DAY_NANOSECONDS = 27_000_000_000_000
_TICK = 1e-4
_NO_TIMES = "The files carry no times: those here are made up"
_NO_TIME_OF_DAY = "; figures by time of day would mean nothing."


@register_source("fi2010")
class Fi2010(BookSource):
    """The text files of FI-2010 (Ntakaris, Magris, Kanniainen, Gabbouj and Iosifidis 2018), a row ten events.

    A file has 149 rows: ten levels of ask price, ask size, bid price and bid size, 104 handcrafted features
    (not read), and labels at 1, 2, 3, 5 and 10 rows, that is 10 to 100 events. They become the fields of a
    book, `[rows, 10]`, and `label_1`, `label_2`, `label_3`, `label_5`, `label_10`, here 0 down, 1 stationary,
    2 up (in the files 3, 2, 1). Prices are as normalised; in decimal precision (euros / 100, tick 1e-4) they
    are prices, in the others they may be below zero and a bid above an ask, and there is no tick.

    The files have no stock, no day and no time. Which rows belong to which stock and day is found by
    `Blocks`, from the files of single days, and refused where it is not sure. Stocks are named FI1 to
    FI5 in the order of the files, sessions are the trading days 1 to 14 June 2010, and times are made up:
    rows evenly over 10:30 to 18:00 in Helsinki. A stock's day is a segment.

    Folds come from sessions: setup 1 is `WalkForward(train="1 session", test="1 session")` (nine anchored
    folds with decimal precision and no `fold`, else the last of them alone, `train="<fold> sessions"`); setup
    2 is `WalkForward(train="6 sessions", valid="1 session", test="3 sessions")`.

    Parameters
    ----------
    path : str
        A folder with the text files, or zips of them, at any depth; or one zip.
    normalisation : "DecPre", "ZScore" or "MinMax", default "DecPre"
        Decimal precision, z-score or min-max, each over a whole file, days and stocks together.
    auction : bool, default False
        Whether to read the files with the auction periods.
    setup : 1 or 2, default 2
        1: train on the first days, test on the next one. 2: train on days 1 to 7 (training file 7), test on
        days 8 to 10 (test files 7, 8 and 9).
    fold : int, optional
        Of setup 1, 1 to 9: the training and the test file of this number. By default all ten days, each from
        its own file, which needs decimal precision: of the others each file has a scale of its own.
    fidelity : "strict" or "paper", default "strict"
        "paper" cuts windows as the papers' code does, over the ends of stocks and days: one segment of the
        first 80 % of the training file's columns, one of the rest, for validation, and one of the test files
        one after another, named FI2010; each is a session, so that the folds are
        `WalkForward(train="1 session", valid="1 session", test="1 session")`. Every row has its labels.
        In "strict" the last k rows of a stock's day have no `label_k` (NaN): what it looks at is not in the
        files.

    Notes
    -----
    The files are not shipped. They come from the Fairdata service of Finland's research ministry (search for
    "FI-2010"), and stand beside the public code of DeepLOB. Each command trains one architecture on the windows and
    labels of a row of the published tables, setup 2, horizon 100 events; optimiser, learning rate and epochs are the
    spec's (Adam, 1e-4, early stopping), where some papers used others:

    ======================================= ==================================================================
    published row                           the same model on the same windows and labels
    ======================================= ==================================================================
    DeepLOB (Zhang et al. 2019, table II)   `tsdeep run fi2010 --path FOLDER --model deeplob`
    C(TABL) (Tran et al. 2018, table II)    `tsdeep run fi2010 --path FOLDER --model ctabl --lookback 10`
    BiN-C(TABL) (Tran et al. 2021)          `tsdeep run fi2010 --path FOLDER --model binctabl --lookback 10`
    TransLOB (Wallbridge 2020)              `tsdeep run fi2010 --path FOLDER --model translob`
    TLOB (Berti and Kasneci 2025)           `tsdeep run fi2010 --path FOLDER --model tlob --lookback 128`
    MLPLOB (Berti and Kasneci 2025)         `tsdeep run fi2010 --path FOLDER --model mlplob --lookback 384`
    Axial-LOB (Kisiel and Gorse 2022)       `tsdeep run fi2010 --path FOLDER --model axiallob --lookback 40`
    ======================================= ==================================================================

    Other horizons: `task: {horizon_rows: 1}` (10 events) to 10 (100 events) in a copy of the spec, which cuts windows
    over the ends of stocks and days, as the papers do (`fidelity: paper`); `fidelity: strict` cuts none. No published
    figure was reproduced: the files were not at hand.

    References
    ----------
    Ntakaris, Magris, Kanniainen, Gabbouj and Iosifidis (2018), "Benchmark dataset for mid-price forecasting of
    limit order book data with machine learning methods", Journal of Forecasting 37(8).
    """

    path: str
    normalisation: Literal["DecPre", "ZScore", "MinMax"] = "DecPre"
    auction: bool = False
    setup: Literal[1, 2] = 2
    fold: Annotated[int, Field(ge=1, le=9)] | None = None
    fidelity: Literal["strict", "paper"] = "strict"

    @field_validator("path")
    @classmethod
    def _absolute(cls, value: str) -> str:
        return str(Path(value).expanduser().absolute())

    @model_validator(mode="after")
    def _fold_of_a_setup(self) -> Fi2010:
        if self.setup == 2 and self.fold is not None:
            raise ValueError(f"found fold {self.fold} with setup 2, expected it with setup 1 alone")
        if self.setup == 1 and self.fold is None and self.fidelity == "paper":
            raise ValueError("found fidelity 'paper' with setup 1 and no fold, expected a fold")
        if self.setup == 1 and self.fold is None and self.normalisation != "DecPre":
            raise ValueError(
                f"found all folds of setup 1 with normalisation {self.normalisation!r}, expected a fold: the scale "
                "differs from file to file"
            )
        return self

    @property
    def a_row(self) -> str:
        """What one row is: ten book events."""
        return "ten book events"

    def book(self) -> Panel:
        """Read the books and labels.

        Returns
        -------
        Panel
            Fields `ask_price`, `ask_size`, `bid_price`, `bid_size` `[rows, 10]`, and `label_1`, `label_2`,
            `label_3`, `label_5`, `label_10` `[rows]`, all float64.

        Raises
        ------
        DataError
            If a file is missing or not of the form above, where a stock or day begins is not sure, or, in
            decimal precision without auctions, a row is crossed, locked or one-sided.
        """
        files = find_files(Path(self.path))
        panel = self._paper(files) if self.fidelity == "paper" else self._strict(files)
        return panel if panel.tick is None or self.auction else _checked(panel)

    def _train_and_test(self) -> tuple[Name | None, list[int]]:
        """Name the training file, and the days that are read from their own files."""
        if self.setup == 1 and self.fold is None:
            return None, list(range(1, DAYS + 1))
        fold = 7 if self.fold is None else self.fold
        days = [8, 9, 10] if self.setup == 2 else [fold + 1]
        return Name("Train", self.auction, self.normalisation, fold), days

    def _read(self, files: dict[Name, Place], name: Name) -> np.ndarray:
        if name not in files:
            raise DataError(
                f"{self.path}: {name} is not there, expected it; found {', '.join(map(str, files))}"
            )
        return read_rows(files[name], (*BOOK_ROWS, *LABEL_ROWS))

    def _day(self, files: dict[Name, Place], day: int) -> np.ndarray:
        return self._read(files, day_file(day, self.auction, self.normalisation))

    def _strict(self, files: dict[Name, Place]) -> Panel:
        train, days = self._train_and_test()
        blocks = Blocks(files, self.auction, self.normalisation)
        parts: list[np.ndarray] = []
        segments: list[tuple[int, int, int]] = []
        if train is not None:
            parts.append(self._read(files, train))
            lengths = blocks.of_training(train.fold, parts[0][len(BOOK_ROWS) :])
            segments += [
                (s, day, rows) for s in range(STOCKS) for day, rows in enumerate(lengths[s], start=1)
            ]
        for day in days:
            parts.append(self._day(files, day))
            rows_of = blocks.of_day(day)
            if sum(rows_of) != parts[-1].shape[1]:
                name = day_file(day, self.auction, self.normalisation)
                raise DataError(
                    f"{name} has {parts[-1].shape[1]} columns, the DecPre file of the day {sum(rows_of)}: expected "
                    "the same"
                )
            segments += [(stock, day, rows) for stock, rows in enumerate(rows_of)]
        values = np.concatenate(parts, axis=1)
        edges = np.cumsum([0, *(rows for _, _, rows in segments)])
        fields = _fields(values)
        for horizon in LABEL_HORIZONS:
            for stop in edges[1:].tolist():
                fields[f"label_{horizon}"][max(stop - horizon, 0) : stop] = np.nan
        return Panel(
            fields=fields,
            time=np.concatenate([_times(_SESSIONS[day - 1], rows) for _, day, rows in segments]),
            bounds=np.stack([edges[:-1], edges[1:]], axis=1),
            symbols=tuple(f"FI{stock + 1}" for stock, _, _ in segments),
            session_date=np.repeat(
                _SESSIONS[[day - 1 for _, day, _ in segments]], [rows for _, _, rows in segments]
            ),
            row=self.a_row,
            tick=self._tick,
            notes=(
                f"{self._said()} in {len(segments)} segments, one a stock and day, found from the price steps of "
                "the day files; FI1 to FI5 are the stocks in the order of the files.",
                f"{_NO_TIMES}, rows evenly over 10:30 to 18:00 in Helsinki{_NO_TIME_OF_DAY}",
                *self._normalised,
                "The last k rows of a segment have no label k: what it looks at is not in the files.",
                *self._unpublished(train, parts, days),
            ),
        )

    def _paper(self, files: dict[Name, Place]) -> Panel:
        train, days = self._train_and_test()
        assert train is not None
        parts = [self._read(files, train), *(self._day(files, day) for day in days)]
        values = np.concatenate(parts, axis=1)
        columns = parts[0].shape[1]
        edges = np.array([0, columns * 4 // 5, columns, values.shape[1]], np.int64)
        rows = np.diff(edges)
        dates = _SESSIONS[:3]
        return Panel(
            fields=_fields(values),
            time=np.concatenate(
                [_times(date, count) for date, count in zip(dates, rows.tolist(), strict=True)]
            ),
            bounds=np.stack([edges[:-1], edges[1:]], axis=1),
            symbols=("FI2010",) * 3,
            session_date=np.repeat(dates, rows),
            row=self.a_row,
            tick=self._tick,
            notes=(
                f"{self._said()} as the papers' code cuts windows: over the ends of stocks and days, in three "
                "segments, of the first 80% of the training columns, the rest of them (validation) and the test "
                "files. Training and validation are of the same days, and the labels at the end of the one look "
                "into the other.",
                f"{_NO_TIMES}, and so are the dates{_NO_TIME_OF_DAY}",
                *self._normalised,
                *self._unpublished(train, parts, days),
            ),
        )

    @property
    def _tick(self) -> float | None:
        return _TICK if self.normalisation == "DecPre" else None

    @property
    def _normalised(self) -> tuple[str, ...]:
        """What a reader of scores must know of files without prices."""
        if self.normalisation == "DecPre":
            return ()
        return (
            f"Prices and sizes are normalised ({self.normalisation}, over stocks and days): sizes of zero or less and "
            "bids at or above asks are no faults, imbalance, order flow and spread have no meaning, and the logistic "
            "and boosted references read levels as they are and the mid's change. Such a mid moves with the price "
            "within one stock alone: the rule's and the mid's changes from stock to stock mean nothing.",
        )

    def _said(self) -> str:
        auction = "with" if self.auction else "without"
        fold = "" if self.fold is None else f", fold {self.fold}"
        return f"FI-2010, setup {self.setup}{fold}, {auction} auctions, {self.normalisation},"

    def _unpublished(self, train: Name | None, parts: list[np.ndarray], days: list[int]) -> list[str]:
        """Say which files have other lengths than the published ones; nobody lists those with auctions."""
        if self.auction:
            return []
        expected = [] if train is None else [(str(train), sum(PUBLISHED[: train.fold]))]
        expected += [(str(day_file(day, False, self.normalisation)), PUBLISHED[day - 1]) for day in days]
        return [
            f"{name} has {part.shape[1]:,} columns, the published file has {columns:,}."
            for (name, columns), part in zip(expected, parts, strict=True)
            if part.shape[1] != columns
        ]


def _checked(panel: Panel) -> Panel:
    """Refuse rows without a market; deeper levels that are not those of a book are noted."""
    for kind, bad in touch_faults(panel.fields).items():
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"{panel.place(row)}: found a {kind} book, {touch_text(panel.fields, row)} ({int(bad.sum())} such rows)"
            )
    fault = level_fault(panel.fields)
    if fault is None:
        return panel
    return replace(
        panel, notes=(*panel.notes, f"Levels are not in order from {panel.place(fault[0])} on: {fault[1]}.")
    )


def _fields(values: np.ndarray) -> dict[str, np.ndarray]:
    """Turn rows of the files, [45, columns], into fields."""
    book = values[: len(BOOK_ROWS)].reshape(10, 4, -1)
    fields = {
        name: np.ascontiguousarray(book[:, number].T)  # [rows, levels]
        for number, name in enumerate(("ask_price", "ask_size", "bid_price", "bid_size"))
    }
    for horizon, label in zip(LABEL_HORIZONS, values[len(BOOK_ROWS) :], strict=True):
        fields[f"label_{horizon}"] = 3.0 - label
    return fields


def _times(date: np.datetime64, rows: int) -> np.ndarray:
    offsets = np.arange(rows, dtype=np.int64) * _DAY_NANOSECONDS // rows
    return date.astype("datetime64[ns]") + _OPEN + offsets.astype("timedelta64[ns]")
