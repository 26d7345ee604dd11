"""What a reader should know before believing an evaluation of volatility forecasts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tsdeep.evaluation.common_caveats import fitting_caveats, simulated_caveat
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.opens import open_warning
from tsdeep.evaluation.significance import overlap_lags
from tsdeep.evaluation.verdict import join_words
from tsdeep.evaluation.volatility.basket import CORRELATION_ROWS, Basket
from tsdeep.evaluation.volatility.comparison import LEAST_WINDOWS
from tsdeep.evaluation.volatility.coverage import crossed_rows


def volatility_caveats(
    evidence: Evidence,
    methods: Mapping[str, pd.DataFrame],
    effective: pd.Series,
    basket: Basket | None,
    traded: bool,
) -> tuple[str, ...]:
    """List what qualifies an evaluation: how it was made, what was assumed, what looks odd.

    Parameters
    ----------
    evidence : Evidence
        What was evaluated.
    methods : mapping of str to pandas.DataFrame
        Checked predictions, the model's first.
    effective : pandas.Series
        days, windows and effective_days, see `VolatilityEvaluation`.
    basket : Basket or None
        None where there is none.
    traded : bool
        Whether portfolios were held.

    Returns
    -------
    tuple of str
        A sentence or two each.
    """
    predictions = methods[evidence.model]
    horizon, symbols = evidence.horizon_rows, predictions["symbol"].nunique()
    days, windows = int(effective["days"]), float(effective["windows"])
    said = simulated_caveat(evidence)
    if horizon > 1:
        said.append(
            f"Labels look {horizon} rows ahead and overlap: {days:,} test days hold about {windows:,.0f} labels that "
            f"do not. Tests use HAC errors of {overlap_lags(days, horizon)} lags; those of {horizon - 1} lags, "
            "often given, find differences that are not there more often than they say."
        )
    if symbols > 1:
        said.append(
            f"The {symbols} assets move together: their losses are averaged day by day before any test, and count as "
            "one observation a day. Figures of single assets, years and classes of days have no adjusted tests, "
            "and differ by chance."
        )
    if windows < LEAST_WINDOWS:
        said.append(f"With fewer than {LEAST_WINDOWS} labels beside each other, nothing is tested.")
    if len(methods) > 2:
        said.append(
            "The best reference is known only after the test: the model is held against what no one could have chosen "
            "beforehand, unless it is the best on most other data too."
        )
    said += _basket_caveats(evidence, basket, traded, symbols)
    said += _forecast_caveats(methods)
    if evidence.prices is not None and "open" in evidence.prices:
        warning = open_warning(
            evidence.prices, "what methods and features read of the night says little there"
        )
        said += [warning] if warning else []
    said += fitting_caveats(evidence, predictions, members="members")
    said.append(
        "Realised volatility from daily returns is itself a noisy measure of what volatility was. QLIKE and the "
        "squared error of variance rank forecasts as the true one would (Patton 2011); the errors of volatility "
        "nearly so."
    )
    return tuple(said)


def _basket_caveats(evidence: Evidence, basket: Basket | None, traded: bool, symbols: int) -> list[str]:
    if evidence.prices is None:
        return ["There are no prices: the basket and the volatility-targeted portfolio are left out."]
    if symbols < 2:
        return ["There is one asset: the basket and the volatility-targeted portfolio are left out."]
    if basket is None:
        return [
            "The basket and the volatility-targeted portfolio are left out: on no day are all assets predicted, "
            f"with {CORRELATION_ROWS} returns before."
        ]
    said = []
    if basket.left_out:
        said.append(
            f"{basket.left_out:,} origins have no forecast of the basket: not all assets were predicted, or fewer than "
            f"{CORRELATION_ROWS} returns of all lie before."
        )
    if not traded:
        said.append("There are too few days for the volatility-targeted portfolio: it is left out.")
        return said
    said.append(
        "The portfolio is filled at the very close that decides it, pays no interest, borrow fees or market "
        "impact, earns nothing on cash, and knows correlations from the past 50 returns alone. Closes that are not "
        "adjusted for dividends leave these out of its return. A Sharpe ratio says more of the assets than of "
        "forecasts of their volatility."
    )
    return said


def _forecast_caveats(methods: Mapping[str, pd.DataFrame]) -> list[str]:
    said = []
    model, frame = next(iter(methods.items()))
    plain = [name for name, table in methods.items() if _in_one_unit(table)]
    if plain and len(plain) < len(methods):
        said.append(
            f"{join_words(plain)} {'state' if len(plain) > 1 else 'states'} one figure as mean and median of "
            "volatility and as root of the mean of variance, which cannot all be right: figures that are "
            "unit-corrected are not, of those."
        )
    constant = frame.groupby("symbol")["volatility"].agg(np.ptp) == 0
    if constant.all():
        said.append(f"{model} forecasts one volatility of each asset on all rows: it is a constant.")
    if "insane" in frame:
        acted = int((frame["insane"] > 0).sum())
        said.append(
            f"The insanity filter acted on {acted:,} of {len(frame):,} forecasts of the model, which lay outside what "
            "its training rows had shown and were replaced."
        )
    crossed = crossed_rows(frame)
    if crossed:
        said.append(
            f"Conformal quantiles cross on {crossed:,} rows, since each bound is shifted by itself: an interval whose "
            "lower bound lies above the upper one holds nothing."
        )
    return said


def _in_one_unit(table: pd.DataFrame) -> bool:
    root = np.sqrt(table["variance"].to_numpy(dtype=np.float64))
    same = [
        np.allclose(table[name].to_numpy(dtype=np.float64), root, rtol=1e-6)
        for name in ("volatility", "median")
    ]
    return all(same)
