"""The parts of a spec that bring several assets and other series together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator, Field, PlainSerializer

from tsdeep.assets import ASSET, BASKET, MARKET, Assets, aligned, joined, stacked
from tsdeep.errors import DataError
from tsdeep.panel import Panel
from tsdeep.sources import Source, make_source
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
    """A series of one value a day for all assets, such as VIX."""

    source: AnySource = Field(description="Where it comes from: one symbol.")
    field: str = Field(default="close", description="What to take of it.")
    missing: Literal["refuse", "previous"] = Field(
        default="refuse", description="On a day without a value: refuse, or take the last one before."
    )
    optional: bool = Field(
        default=False,
        strict=True,
        description="Do without it, and without the features that read it, where no path is given.",
    )

    @property
    def used(self) -> bool:
        """Whether it is read: it is required, or it is known where from."""
        return not self.optional or self.source.given


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
    joins = {name: each for name, each in series.items() if each.used}
    assets = None
    if rules is not None:
        names = tuple(dict.fromkeys(panel.symbols))
        others: tuple[str, ...] = ()
        if rules.train_only is not None:
            more = _from(rules.train_only, fields, start, end)
            others = tuple(dict.fromkeys(more.symbols))
        assets = Assets(names, others, rules.market, tuple(joins))
        if rules.train_only is not None:
            panel = stacked(panel, more)
        try:
            panel = aligned(panel, assets, missing=rules.missing, start=rules.start, max_jump=rules.max_jump)
        except DataError as error:
            raise DataError(f"{source.describe()}: {error}") from None
    for name, each in joins.items():
        found = _from(each.source, (each.field,), None, end)
        try:
            panel = joined(panel, name, found, each.field, missing=each.missing)
        except DataError as error:
            raise DataError(f"{each.source.describe()}: {error}") from None
    return panel, assets


def _from(
    source: Source, fields: tuple[str, ...], start: pd.Timestamp | None, end: pd.Timestamp | None
) -> Panel:
    try:
        return source.panel(fields, start, end)
    except DataError as error:
        raise DataError(f"{source.describe()}: {error}") from None
