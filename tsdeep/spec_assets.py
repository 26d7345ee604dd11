"""The parts of a spec that bring several assets and other series together."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from tsdeep.assets import ASSET, BASKET, MARKET, Assets, aligned, stacked
from tsdeep.durations import Duration
from tsdeep.errors import DataError
from tsdeep.joins import joined, rule_fault
from tsdeep.panel import Panel
from tsdeep.sources import Fetched, Source, make_source
from tsdeep.sources.calendars import closes_later
from tsdeep.spec_parts import Part


def dump_source(source: Source | None) -> dict[str, Any] | None:
    """Return a source as it stands in a spec: its kind and all settings."""
    return None if source is None else {"kind": source.kind, **source.model_dump(mode="json")}


def _source_or_none(value: Any) -> Source | None:
    return None if value is None else make_source(value)


AnySource = Annotated[Source, BeforeValidator(make_source), PlainSerializer(dump_source)]
MaybeSource = Annotated[Source | None, BeforeValidator(_source_or_none), PlainSerializer(dump_source)]


class AssetRules(Part):
    """Several assets that belong together: by which rules they come to the same days, and how they are learnt."""

    market: str | None = Field(
        default=None, description="The asset whose bars stand beside every other as market_<field>."
    )
    learn: Literal["pooled", "side_by_side"] = Field(
        default="pooled",
        description="Every day of an asset as a sample, or a day of all assets, with as many answers.",
    )
    train_only: MaybeSource = Field(
        default=None, description="A source of more assets to learn from, never tested or served."
    )
    missing: Literal["refuse", "drop"] = Field(
        default="refuse",
        description="Where an asset has no row on a day: refuse, or leave the day out for all.",
    )
    start: Literal["each", "common"] = Field(
        default="each", description="Each asset from its own first day, or all from that of the youngest."
    )
    max_jump: float = Field(
        default=0.4,
        gt=0,
        allow_inf_nan=False,
        description="Largest log change from the close before that is believed.",
    )


class Joined(Part):
    """A series that stands on the rows of all assets, such as VIX: on each the newest value known at its time."""

    source: AnySource = Field(description="Where it comes from: one symbol.")
    field: str = Field(default="close", description="What to take of it.")
    missing: Literal["refuse", "previous"] = Field(
        default="refuse",
        description="Where a row's own time has no value: refuse, or take the newest one before.",
    )
    lag: Duration | None = Field(
        default=None,
        description=(
            "How long after its time stamp a value is known, in calendar time on the clock of the rows (UTC within "
            "the day): 1D, 21h15min, 45D. Without it at its stamp, which is for daily rows with a daily series, or "
            "both within the day."
        ),
    )
    max_age: Duration | None = Field(
        default=None,
        description=(
            "Longest time from a value's stamp to the row that takes it; without it at most five row times in a row "
            "have no new value."
        ),
    )
    optional: bool = Field(
        default=False,
        strict=True,
        description="Do without it, and without the features that read it, where no path is given.",
    )

    @model_validator(mode="after")
    def _usable(self) -> Joined:
        if self.lag is None and self.source.dated_by_period:
            raise ValueError(
                "lag: found none, expected how long after its date a value is published, such as lag: 45D with "
                f"missing: previous: a source '{self.source.kind}' dates a value by the period that it describes, "
                "which is over before the value is known (lag: 0D takes it at its date nevertheless)"
            )
        length = self.source.bar_length
        if length is not None and (self.lag is None or pd.Timedelta(self.lag) < length):
            raise ValueError(
                f"lag: found {self.lag or 'none'}, expected at least {_text(length)}, with missing: previous: a bar of "
                f"'{self.source.kind}' has the time at which it begins, and is known when it ends"
            )
        fault = rule_fault(self.missing, self.lag, self.max_age)
        if fault is not None:
            raise ValueError(fault)
        return self

    @property
    def used(self) -> bool:
        """Whether it is read: it is required, or it is known where from."""
        return not self.optional or self.source.given


def _text(length: pd.Timedelta) -> str:
    """Write a length of time as a setting takes it, in minutes where they are whole."""
    seconds = length.total_seconds()
    return f"{seconds / 60:.0f}min" if seconds % 60 == 0 else f"{seconds:g}s"


_ONE_CLOSE = (
    "No calendar is given: the bars of one date are taken as known together, which is right only where all assets "
    "close at the same time."
)


def clock_fault(source: Source, rules: AssetRules | None, series: dict[str, Joined]) -> str | None:
    """Say where the rows of a spec and what stands beside them have times of another meaning, None where none has.

    Parameters
    ----------
    source : Source
        Of the rows.
    rules : AssetRules, optional
        Whose assets to train on have rows of their own.
    series : dict of str to Joined
        By the field that each becomes; without a lag, a date's value is taken on the rows of the date.

    Returns
    -------
    str or None
    """
    more = None if rules is None else rules.train_only
    if more is not None and more.bar_length != source.bar_length:
        return (
            f"assets.train_only: found {_stamps(more)}, and {_stamps(source)} in source, expected the same of both: "
            "folds are cut by time"
        )
    ours = getattr(source, "calendar", None)
    for name, each in series.items():
        theirs = getattr(each.source, "calendar", None)
        online = isinstance(source, Fetched) and isinstance(each.source, Fetched)
        if each.lag is None and online and (ours is None or theirs is None):
            return (
                f"join.{name}: found no lag, and no calendar of {'the source' if ours is None else 'the series'}: one "
                "of them may not have closed yet on a date when the other has; expected a calendar of both, such as "
                "XNYS, or lag: 1D with missing: previous"
            )
        if each.lag is None and ours is not None and theirs is not None and closes_later(theirs, ours):
            return (
                f"join.{name}: found no lag, and sessions of {theirs}, which closes after {ours}: the value of a date "
                "is not known yet when that date's rows are; expected lag: 1D with missing: previous"
            )
    return None


def _stamps(source: Source) -> str:
    length = source.bar_length
    return (
        "times at which rows are known" if length is None else f"bars of {_text(length)} by their beginning"
    )


def context_fields(fields: tuple[str, ...], rules: AssetRules | None) -> tuple[str, ...]:
    """Return the fields that stand on a row beside an asset's own."""
    if rules is None:
        return ()
    market = [MARKET + name for name in fields] if rules.market is not None else []
    return (ASSET, *(BASKET + name for name in fields), *market)


def read_panel(
    source: Source,
    fields: tuple[str, ...],
    start: pd.Timestamp | None,
    end: pd.Timestamp | None,
    rules: AssetRules | None,
    series: dict[str, Joined],
) -> tuple[Panel, Assets | None]:
    """Read the bars of a spec, bring its assets to the same days, and join other series.

    Parameters
    ----------
    source : Source
        Of the assets that are predicted.
    fields : tuple of str
        To take of them.
    start, end : Timestamp, optional
        First and last time.
    rules : AssetRules, optional
        Of assets that belong together.
    series : dict of str to Joined
        Other series by the field they become.

    Returns
    -------
    tuple of Panel and Assets or None

    Raises
    ------
    DataError
        If anything cannot be read or does not fit, with the source.
    """
    panel = _from(source, fields, start, end)
    assets = None
    if rules is not None:
        names = tuple(dict.fromkeys(panel.symbols))
        others: tuple[str, ...] = ()
        if rules.train_only is not None:
            more = _from(rules.train_only, fields, start, end)
            others = tuple(dict.fromkeys(more.symbols))
        assets = Assets(
            names, others, rules.market, tuple(name for name, each in series.items() if each.used)
        )
        if rules.train_only is not None:
            panel = stacked(panel, more)
        try:
            panel = aligned(panel, assets, missing=rules.missing, start=rules.start, max_jump=rules.max_jump)
            if (
                isinstance(source, Fetched)
                and len(assets.symbols) > 1
                and getattr(source, "calendar", None) is None
            ):
                panel = replace(panel, notes=(*panel.notes, _ONE_CLOSE))
        except DataError as error:
            raise DataError(f"{source.describe()}: {error}") from None
    return with_series(panel, series, read_series(series, end)), assets


def read_series(series: dict[str, Joined], end: pd.Timestamp | None) -> dict[str, Panel]:
    """Read the series that are used, by the field that each becomes, up to a last time; errors as `read_panel`."""
    return {name: _from(each.source, (each.field,), None, end) for name, each in series.items() if each.used}


def with_series(panel: Panel, series: dict[str, Joined], read: dict[str, Panel]) -> Panel:
    """Join series, as `read_series` gives them, to a panel or to a part of one; errors as `read_panel`."""
    for name, found in read.items():
        rule = series[name]
        try:
            panel = joined(
                panel,
                name,
                found,
                rule.field,
                missing=rule.missing,
                lag=rule.lag,
                max_age=rule.max_age,
            )
        except DataError as error:
            raise DataError(f"{rule.source.describe()}: {error}") from None
    return panel


def _from(
    source: Source, fields: tuple[str, ...], start: pd.Timestamp | None, end: pd.Timestamp | None
) -> Panel:
    try:
        return source.panel(fields, start, end)
    except DataError as error:
        raise DataError(f"{source.describe()}: {error}") from None
