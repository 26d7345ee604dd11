"""The report's tables on calls as trades, as text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tsdeep.evaluation.formatting import interval_text, number_text, p_cell, text_table


def replay_rows(figures: pd.DataFrame, model: str) -> dict[str, Any]:
    """Return the model's replays of one horizon: a row a way to fill, what is left of a trade by fee.

    Parameters
    ----------
    figures : pandas.DataFrame
        `replay_table` of one horizon.
    model : str
        The method that is shown.
    """
    own = figures[figures["method"] == model]
    fees = sorted(own["fee_ticks"].unique())
    rows = []
    for (fills, late), same in own.groupby(["fills", "latency_rows"], sort=False):
        free = same[same["fee_ticks"] == 0].iloc[0]
        net = same.set_index("fee_ticks")["net_per_trade"]
        rows.append(
            [
                "mid (fiction)" if fills == "mid" else "touch",
                f"{late}",
                f"{int(free['trades']):,}",
                number_text(free["won"], ".1%"),
                number_text(free["net_per_trade"], "+.3f"),
                number_text(free["error"], ".3f"),
                interval_text(free["low"], free["high"], "+.3f"),
                p_cell(free["p_value"]),
                number_text(free["net_ticks"], "+,.0f"),
                *(number_text(net.get(fee, np.nan), "+.3f") for fee in fees if fee),
            ]
        )
    header = [
        "filled at",
        "rows late",
        "trades",
        "won",
        "a trade",
        "error",
        "95% interval",
        "p",
        "all trades",
    ]
    groups = [("", 4), ("ticks, no fee", 5)]
    groups += [("ticks a trade, by fee a side", len(fees) - 1)] if len(fees) > 1 else []
    return text_table([*header, *(f"{fee:g}" for fee in fees if fee)], rows, groups=groups)


def method_rows(
    figures: pd.DataFrame | None, trips: pd.DataFrame, model: str, latency_rows: int
) -> dict[str, Any]:
    """Return p_T of every method at one horizon and, where calls were traded, what their trades earned without a fee.

    Parameters
    ----------
    figures : pandas.DataFrame, optional
        `replay_table` of one horizon.
    trips : pandas.DataFrame
        `round_trip_table` of the same.
    model : str
        Whose row is marked.
    latency_rows : int
        Of the replay at the touch that is shown.
    """
    rows = []
    for row in trips.to_dict("records"):
        cells = [
            row["method"],
            f"{row['trips']:,}",
            f"{row['correct']:,}",
            number_text(row["p_t"], ".1%"),
            number_text(row["error"], ".1%"),
            interval_text(row["low"], row["high"], ".1%"),
        ]
        if figures is not None:
            own = figures[(figures["method"] == row["method"]) & (figures["fee_ticks"] == 0)]
            fiction = own[own["fills"] == "mid"].iloc[0]
            late = own[(own["fills"] == "touch") & (own["latency_rows"] == latency_rows)].iloc[0]
            cells += [
                f"{int(late['trades']):,}",
                number_text(fiction["net_per_trade"], "+.3f"),
                number_text(late["net_per_trade"], "+.3f"),
                number_text(late["error"], ".3f"),
            ]
        rows.append(cells)
    header = ["method", "round trips", "correct", "p_T", "error", "95% interval"]
    groups = [("", 1), ("called up and down by turns", 5)]
    if figures is not None:
        header += ["trades", "mid (fiction)", "touch", "error"]
        groups += [("as trades, ticks a trade, no fee", 4)]
    return text_table(header, rows, groups=groups, model=model)
