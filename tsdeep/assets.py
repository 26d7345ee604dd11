"""Several assets in one panel: the same days for all, and the market and the basket beside each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tsdeep.asset_checks import check_prices, flat_rows
from tsdeep.errors import DataError, SpecError
from tsdeep.panel import Panel
from tsdeep.tables import stamp

MARKET = "market_"
"""Prefix of the fields of the market asset on every row: `market_close`."""
BASKET = "basket_"
"""Prefix of the fields of all assets of the basket on a row's day, `[rows, assets]`: `basket_close`."""
DROPPED_IN_A_ROW = 5
"""Most days in a row that may be left out for all assets, or for which a series is carried on: a week of trading."""
ASSET = "asset"
"""Field of the number of a row's asset: its place in `Assets.symbols`."""


@dataclass(frozen=True)
class Assets:
    """The assets of a study.

    They share a calendar; a day that one lacks is refused, or left out for all and counted. They are learnt pooled,
    every day of an asset a sample, or side by side, and served together: `high [batch, rows, assets]` in, `volatility
    [batch, assets]` out, with features, joined series and correlations in the graph.

    Parameters
    ----------
    names : tuple of str
        The basket, in order: what is predicted.
    train_only : tuple of str
        Assets that models learn from too, and that are never validated, tested or served.
    market : str, optional
        The asset of the basket whose bars stand beside every other.
    joined : tuple of str
        Fields that hold one value a day for all assets.

    Raises
    ------
    SpecError
        If a name is there twice, or the market is not in the basket.
    """

    names: tuple[str, ...]
    train_only: tuple[str, ...] = ()
    market: str | None = None
    joined: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        twice = [name for name in self.symbols if self.symbols.count(name) > 1]
        if twice:
            raise SpecError(f"assets: found '{twice[0]}' twice, expected each once")
        if self.market is not None and self.market not in self.names:
            raise SpecError(
                f"assets: found the market '{self.market}', expected one of the basket: {', '.join(self.names)}"
            )

    @property
    def symbols(self) -> tuple[str, ...]:
        """The basket, then the assets to train on only: what the field `asset` counts."""
        return (*self.names, *self.train_only)

    def raw_fields(self, fields: tuple[str, ...]) -> tuple[str, ...]:
        """Return the fields of bars, and the joined ones, from which given fields of a row are made."""
        found: dict[str, None] = {}
        for name in fields:
            if name == ASSET:
                continue
            found[name.removeprefix(MARKET).removeprefix(BASKET)] = None
        return tuple(found)


def aligned(
    panel: Panel,
    assets: Assets,
    *,
    missing: Literal["refuse", "drop"] = "refuse",
    start: Literal["each", "common"] = "each",
    max_jump: float = 0.4,
) -> Panel:
    """Bring the bars of several assets to the same days, and put market and basket beside each.

    Parameters
    ----------
    panel : Panel
        Bars, one segment an asset, with `close`.
    assets : Assets
        Which, and in which order they will stand.
    missing : {"refuse", "drop"}, default "refuse"
        Where an asset has no bar on a day within its life on which another has one: refuse, or leave the day
        out for all assets and say how many there were.
    start : {"each", "common"}, default "each"
        Each asset from its own first day on (the market's field must reach as far back), or all from the first
        day of the youngest asset of the basket.
    max_jump : float, default 0.4
        Largest log change between rows that is believed: a larger one is a split or a change of adjustment in
        the middle of a series.

    Returns
    -------
    Panel
        Fields of the bars `[rows]`; `market_<field>` `[rows]`; `basket_<field> [rows, assets]`, NaN before an
        asset begins; `asset [rows]`; with a note on each rule that acted.

    Raises
    ------
    DataError
        If an asset is missing, has several segments, lacks a day, or jumps.
    """
    panel = _same_days(_in_order(panel, assets), missing)
    check_prices(panel, max_jump)
    if start == "common":
        first = max(panel.time[panel.bounds[number, 0]] for number in range(len(assets.names)))
        panel = panel.take(panel.time >= first)
    days, place = np.unique(panel.time, return_inverse=True)
    fields = dict(panel.fields)
    for name, values in panel.fields.items():
        basket = np.full((len(days), len(assets.names)), np.nan)
        for number in range(len(assets.names)):
            low, high = panel.bounds[number]
            basket[place[low:high], number] = values[low:high]
        fields[BASKET + name] = basket[place]
    fields[ASSET] = panel.segment.astype(np.int64)
    if assets.market is not None:
        low, high = panel.bounds[assets.names.index(assets.market)]
        if panel.time[low] > days[0]:
            early = panel.place(int(np.argmin(panel.time)))
            raise DataError(
                f"{early}: the market {assets.market} begins later, on {stamp(panel.time[low])}; expected a market "
                "that is there from the first day; use start: common, or a later period"
            )
        for name in panel.fields:
            values = np.full(len(days), np.nan)
            values[place[low:high]] = panel.fields[name][low:high]
            fields[MARKET + name] = values[place]
    return replace(panel, fields=fields, notes=(*panel.notes, *flat_rows(panel)))


def stacked(panel: Panel, more: Panel) -> Panel:
    """Put the segments of another panel, with the same fields, behind those of a panel."""
    both = (panel, more)
    dates = [each.session_date for each in both if each.session_date is not None]
    return replace(
        panel,
        fields={name: np.concatenate([each.raw(name) for each in both]) for name in panel.fields},
        time=np.concatenate([each.time for each in both]),
        bounds=np.concatenate([panel.bounds, more.bounds + panel.n_rows]),
        symbols=(*panel.symbols, *more.symbols),
        session_date=np.concatenate(dates) if len(dates) == 2 else None,
        notes=(*panel.notes, *more.notes),
    )


def side_by_side(panel: Panel, assets: Assets, fields: tuple[str, ...]) -> Panel:
    """Turn one segment an asset into one row a day, with a value for each asset of the basket.

    Parameters
    ----------
    panel : Panel
        Bars of the basket and joined fields; other assets are left out.
    assets : Assets
        The order of the assets.
    fields : tuple of str
        Fields of bars, which become `[days, assets]`, and joined ones, which become `[days]`.

    Returns
    -------
    Panel
        One segment, of the days that all assets have, from the last day on which one was missing.

    Raises
    ------
    DataError
        If an asset is not there, there is no day of all, or a joined field differs between assets.
    """
    panel = _in_order(panel, replace(assets, train_only=()), others=True)
    n = len(assets.names)
    days, place, count = np.unique(panel.time, return_inverse=True, return_counts=True)
    short = np.flatnonzero(count < n)
    first = int(short[-1]) + 1 if len(short) else 0
    if first == len(days):
        lacking = _lacking(panel, days[-1], assets.names)
        raise DataError(
            f"no row of {', '.join(lacking)} on the newest day, {stamp(days[-1])}; expected all assets"
        )
    notes = panel.notes
    if first:
        notes = (
            *notes,
            f"The first {first} days, up to {stamp(days[first - 1])}, are left out: "
            f"{', '.join(_lacking(panel, days[first - 1], assets.names))} had no row then.",
        )
    keep = place >= first
    made: dict[str, np.ndarray] = {}
    for name in fields:
        values = panel.raw(name)[keep].reshape(n, -1).T  # [days, assets]
        if name not in assets.joined:
            made[name] = np.ascontiguousarray(values)
            continue
        differs = (values != values[:, :1]).any(axis=1)
        if differs.any():
            day = stamp(days[first:][np.argmax(differs)])
            raise DataError(f"field '{name}': found several values on {day}, expected one for all assets")
        made[name] = np.ascontiguousarray(values[:, 0])
    return Panel(
        fields=made,
        time=days[first:],
        bounds=np.array([[0, len(days) - first]], np.int64),
        symbols=("basket",),
        row=panel.row,
        notes=notes,
    )


def longest_run(mask: np.ndarray) -> int:
    """Count the most true values in a row of a bool array `[rows]`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _in_order(panel: Panel, assets: Assets, *, others: bool = False) -> Panel:
    """Return one segment an asset in the order of the assets."""
    missing = [name for name in assets.symbols if name not in panel.symbols]
    if missing:
        known = ", ".join(dict.fromkeys(panel.symbols))
        raise DataError(f"no rows of {', '.join(missing)}; the data has {known}")
    extra = [name for name in panel.symbols if name not in assets.symbols]
    if extra and not others:
        raise DataError(
            f"rows of {', '.join(extra)}, which are not among the assets: {', '.join(assets.symbols)}"
        )
    rows = []
    for name in assets.symbols:
        segments = [
            b for b, symbol in zip(panel.bounds.tolist(), panel.symbols, strict=True) if symbol == name
        ]
        if len(segments) > 1:
            raise DataError(f"symbol '{name}': found {len(segments)} segments, expected one unbroken history")
        rows.append(np.arange(*segments[0]))
    order = np.concatenate(rows)
    stops = np.cumsum([len(each) for each in rows])
    return replace(
        panel,
        fields={name: values[order] for name, values in panel.fields.items()},
        time=panel.time[order],
        bounds=np.stack([np.concatenate([[0], stops[:-1]]), stops], axis=1).astype(np.int64),
        symbols=assets.symbols,
        session_date=None if panel.session_date is None else panel.session_date[order],
    )


def _same_days(panel: Panel, missing: str) -> Panel:
    """Refuse, or leave out for all, the days within an asset's life on which it has no row."""
    days = np.unique(panel.time)
    absent = np.zeros(len(days), bool)
    for low, high in panel.bounds:
        own = panel.time[low:high]
        inside = (days >= own[0]) & (days <= panel.time.max())
        lacks = inside & ~np.isin(days, own)
        if lacks.any() and missing == "refuse":
            day = days[np.argmax(lacks)]
            symbol = panel.symbols[int(panel.segment[low])]
            raise DataError(
                f"symbol '{symbol}': no row on {stamp(day)} ({int(lacks.sum())} such days between {stamp(own[0])} and "
                f"{stamp(days[-1])}), on which {', '.join(_having(panel, day)[:3])} have one; give the rows, or leave "
                "the days out for all assets with missing: drop"
            )
        absent |= lacks
    if not absent.any():
        return panel
    run = longest_run(absent)
    if run > DROPPED_IN_A_ROW:
        raise DataError(
            f"{run} days in a row on which one asset or another has no row, expected at most {DROPPED_IN_A_ROW} to "
            "leave out: windows and labels would run across the hole; choose another period, or leave the asset out"
        )
    keep = np.isin(panel.time, days[~absent])
    kept = np.bincount(panel.segment[keep], minlength=len(panel.bounds))
    if (kept == 0).any():
        raise DataError(
            f"symbol '{panel.symbols[int(np.argmin(kept))]}': none of its days is a day of all assets"
        )
    note = (
        f"{int(absent.sum())} days were left out for all assets, as one or more had no row on them "
        f"(the first is {stamp(days[np.argmax(absent)])}); returns, windows and labels run across them."
    )
    stops = np.cumsum(kept)
    return replace(
        panel,
        fields={name: values[keep] for name, values in panel.fields.items()},
        time=panel.time[keep],
        bounds=np.stack([np.concatenate([[0], stops[:-1]]), stops], axis=1).astype(np.int64),
        session_date=None if panel.session_date is None else panel.session_date[keep],
        notes=(*panel.notes, note),
    )


def _having(panel: Panel, day: np.datetime64) -> list[str]:
    return [panel.symbols[number] for number in panel.segment[panel.time == day]]


def _lacking(panel: Panel, day: np.datetime64, names: tuple[str, ...]) -> list[str]:
    there = _having(panel, day)
    return [name for name in names if name not in there]
