"""Whether P(up) ranks the symbols of a date: information coefficient, and returns by quantile, of a panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsdeep.evaluation.drawing import MODEL, OTHER, date_axis, new_figure
from tsdeep.evaluation.formatting import interval_text, number_text, p_cell, text_table
from tsdeep.evaluation.information import (
    LEAST_SYMBOLS,
    InformationCoefficient,
    QuantileSpread,
    forward_returns,
    information_coefficient,
    quantile_spread,
)
from tsdeep.evaluation.significance import Significance

_MOST_QUANTILES = 5


@dataclass(frozen=True, eq=False)
class Ranking:
    """How P(up) ranks the symbols of a date beside the returns that came.

    Parameters
    ----------
    coefficient : InformationCoefficient
        Rank correlation of P(up) and the return over the horizon.
    spread : QuantileSpread
        Returns of the symbols by quantile of P(up): five, or as many as there are symbols.
    horizon_rows : int
        Rows of a return.
    left_out : int
        Predictions without a price `horizon_rows` later.
    """

    coefficient: InformationCoefficient
    spread: QuantileSpread
    horizon_rows: int
    left_out: int


def rank_symbols(predictions: pd.DataFrame, prices: pd.DataFrame, *, horizon_rows: int = 1) -> Ranking | None:
    """Rank the symbols of each date by P(up), beside what they returned.

    Parameters
    ----------
    predictions : pandas.DataFrame
        As `check_predictions` returns them.
    prices : pandas.DataFrame
        Columns time, symbol, close.
    horizon_rows : int
        Rows ahead that labels look.

    Returns
    -------
    Ranking or None
        None where no date has as many as three symbols whose return is known.
    """
    if predictions["symbol"].nunique() < LEAST_SYMBOLS:
        return None
    returns = forward_returns(prices[["time", "symbol", "close"]], horizon_rows)
    table = predictions[["time", "symbol", "up"]].merge(
        returns, on=["time", "symbol"], how="inner", validate="one_to_one"
    )
    symbols = table.groupby("time").size()
    if not (symbols >= LEAST_SYMBOLS).any():
        return None
    quantiles = min(_MOST_QUANTILES, max(LEAST_SYMBOLS, int(symbols.median())))  # that most dates have
    asked: dict[str, Any] = {"score": "up", "outcome": "forward_return", "horizon_rows": horizon_rows}
    return Ranking(
        information_coefficient(table, **asked),
        quantile_spread(table, quantiles=quantiles, **asked),
        horizon_rows,
        len(predictions) - len(table),
    )


def ranking_rows(ranking: Ranking | None) -> dict[str, Any] | None:
    """Return the two measures as a table of text; None where nothing was ranked."""
    if ranking is None:
        return None
    top = ranking.spread.by_date.columns[-1]
    rows = [
        _row("rank correlation (information coefficient)", ranking.coefficient, "+.4f"),
        _row(f"return, quantile {top} minus 1, basis points", ranking.spread, "+.1f", 1e4),
    ]
    header = ["of a date", "mean", "95% interval", "t", "p", "dates above zero", "dates", "without"]
    return text_table(header, rows)


def _row(
    name: str, found: InformationCoefficient | QuantileSpread, form: str, scale: float = 1.0
) -> list[str]:
    test: Significance = found.mean if isinstance(found, InformationCoefficient) else found.spread
    return [
        name,
        number_text(test.estimate * scale, form),
        interval_text(test.low * scale, test.high * scale, form),
        number_text(test.statistic, "+.2f"),
        p_cell(test.p_value),
        number_text(found.positive, ".1%"),
        f"{test.rows:,}",
        f"{found.undefined:,}",
    ]


def plot_ranking(ranking: Ranking, *, name: str = "model") -> Figure:
    """Draw mean returns by quantile of P(up), and the information coefficient added up through time.

    Parameters
    ----------
    ranking : Ranking
        See `rank_symbols`.
    name : str
        The method's, for the title.

    Returns
    -------
    matplotlib.figure.Figure
        Left basis points over the horizon with 95% intervals, right a line that rises where ranks are right.
    """
    figure, (left, right) = new_figure(1, 2, height=4.0)
    table = ranking.spread.table * 1e4
    middle = table["mean"].to_numpy(dtype=float)
    reach = np.nan_to_num(np.stack([middle - table["low"], table["high"] - middle]))
    left.axhline(0, color="black", lw=0.9)
    left.bar(table.index, np.nan_to_num(middle), width=0.62, color=MODEL, alpha=0.75)
    left.errorbar(table.index, middle, yerr=reach, color=OTHER, lw=0, elinewidth=1.8, capsize=4)
    left.set_xticks(table.index.to_list())
    rows = f"{ranking.horizon_rows} row{'' if ranking.horizon_rows == 1 else 's'}"
    left.set(xlabel="quantile of P(up), 1 the lowest", ylabel=f"return over {rows}, basis points (95%)")
    left.set_title("Return by quantile")
    total = ranking.coefficient.by_date.dropna().cumsum()
    right.axhline(0, color="black", lw=0.9)
    right.plot(total.index, total, color=MODEL, lw=2)
    right.set_ylabel("information coefficient, added up")
    right.set_title("Rank correlation through time")
    date_axis(right)
    figure.suptitle(f"How {name} ranks the symbols of a date")
    return figure
