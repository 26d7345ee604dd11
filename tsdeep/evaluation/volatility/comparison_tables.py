"""The tables of tests in volatility's report, as text."""

from __future__ import annotations

from typing import Any

import numpy as np

from tsdeep.evaluation.formatting import interval_text, number_text, p_cell, text_table
from tsdeep.evaluation.volatility.assessment import VolatilityEvaluation
from tsdeep.evaluation.volatility.comparison import LOSSES
from tsdeep.evaluation.volatility.regimes import REGIMES

LOSS_NAMES = {"qlike": "QLIKE", "squared_error": "squared error of volatility"}
_FORMS = {"qlike": ".3f", "squared_error": ".2f"}


def difference_tables(evaluation: VolatilityEvaluation, horizon: int) -> dict[str, dict[str, Any]]:
    """Return, by loss, the tests of the model against each reference, the strongest first."""
    return {loss: _differences(evaluation, loss, horizon) for loss in LOSSES}


def _differences(evaluation: VolatilityEvaluation, loss: str, horizon: int) -> dict[str, Any]:
    rows, form = [], _FORMS[loss].replace(".", "+.").replace("3", "4")
    table = evaluation.comparisons[evaluation.comparisons["loss"] == loss]
    means = evaluation.members[evaluation.members["loss"] == loss].set_index("method")["mean"]
    for row in table.sort_values("reference", key=lambda names: names.map(means)).itertuples():
        rows.append(
            [
                str(row.reference),
                number_text(means[row.reference], form.replace("+", "")),
                number_text(row.estimate, form),
                interval_text(row.low, row.high, form),
                number_text(row.statistic, "+.2f"),
                p_cell(row.p_value),
                p_cell(row.p_holm),
                number_text(row.statistic_overlap, "+.2f"),
            ]
        )
    header = [
        "reference",
        "its mean loss",
        "model minus it",
        "95% interval",
        "t",
        "p",
        "p, Holm",
        f"t, {max(horizon - 1, 0)} lags",
    ]
    return text_table(header, rows)


def member_table(evaluation: VolatilityEvaluation, model: str) -> dict[str, Any]:
    """Return the model confidence sets of both losses, those that stay longest first."""
    tables = {loss: rows.set_index("method") for loss, rows in evaluation.members.groupby("loss", sort=False)}
    order = tables["qlike"].sort_values(["p_value", "mean"], ascending=[False, True], kind="stable").index
    rows = []
    for method in order:
        cells = []
        for loss in LOSSES:
            row = tables[loss].loc[method]
            defined = np.isfinite(row["p_value"])
            inside = "—" if not defined else "yes" if row["included"] else "no"
            form = ".4f" if loss == "qlike" else ".2f"
            cells += [number_text(row["mean"], form), p_cell(row["p_value"]), inside]
        rows.append([str(method), *cells])
    groups = [("", 1), *((LOSS_NAMES[loss], 3) for loss in LOSSES)]
    return text_table(["method", *["mean loss", "p", "in the set"] * 2], rows, groups=groups, model=model)


def asset_test_table(evaluation: VolatilityEvaluation) -> dict[str, Any]:
    """Return the model minus the best reference of each loss, asset by asset."""
    tables = {
        loss: rows.set_index("symbol") for loss, rows in evaluation.by_asset.groupby("loss", sort=False)
    }
    rows = []
    for symbol in tables["qlike"].index:
        cells = []
        for loss in LOSSES:
            row, form = tables[loss].loc[symbol], _FORMS[loss].replace(".", "+.").replace("3", "4")
            cells += [
                number_text(row["estimate"], form),
                interval_text(row["low"], row["high"], form),
                number_text(row["statistic"], "+.2f"),
            ]
        rows.append([str(symbol), *cells])
    groups = [("", 1), *((f"{LOSS_NAMES[loss]}, minus {evaluation.best[loss]}", 3) for loss in LOSSES)]
    return text_table(["asset", *["difference", "95% interval", "t"] * 2], rows, groups=groups)


def regime_test_table(evaluation: VolatilityEvaluation) -> dict[str, Any]:
    """Return the model minus each reference on calm days, those between and in crises."""
    table = evaluation.by_regime.set_index(["loss", "reference", "regime"])
    present = [regime for regime in REGIMES if regime in table.index.get_level_values(2)]
    references = list(dict.fromkeys(evaluation.comparisons["reference"]))
    rows = []
    for reference in references:
        cells = []
        for loss in LOSSES:
            form = _FORMS[loss].replace(".", "+.")
            for regime in present:
                if (loss, reference, regime) in table.index:
                    row = table.loc[(loss, reference, regime)]
                    t = number_text(row["statistic"], "+.1f")
                    cells.append(f"{number_text(row['estimate'], form)} (t {t})")
                else:
                    cells.append("—")
        rows.append([reference, *cells])
    days = evaluation.by_regime.drop_duplicates("regime").set_index("regime")["days"]
    groups = [("", 1), *((LOSS_NAMES[loss], len(present)) for loss in LOSSES)]
    header = ["model minus", *[f"{regime} ({days[regime]:,} days)" for regime in present] * len(LOSSES)]
    return text_table(header, rows, groups=groups)


def portfolio_difference_table(evaluation: VolatilityEvaluation) -> dict[str, Any] | None:
    """Return the model's portfolio beside each reference's; None where there is none."""
    table = evaluation.portfolio_differences
    if table is None or table.empty:
        return None
    rows = []
    for reference, of_reference in table.groupby("reference", sort=False):
        found = of_reference.set_index("measure")
        risk, sharpe = found.loc["risk"], found.loc["sharpe"]
        rows.append(
            [
                str(reference),
                number_text(risk["estimate"], "+.2f"),
                interval_text(risk["low"], risk["high"], "+.2f"),
                number_text(risk["statistic"], "+.2f"),
                p_cell(risk["p_holm"]),
                number_text(sharpe["estimate"], "+.3f"),
                interval_text(sharpe["low"], sharpe["high"], "+.3f"),
                p_cell(sharpe["p_holm"]),
            ]
        )
    groups = [("", 1), ("squared distance from the target", 4), ("Sharpe ratio after costs", 3)]
    header = [
        "model minus",
        "difference",
        "95% interval",
        "t",
        "p, Holm",
        "difference",
        "95% interval",
        "p, Holm",
    ]
    return text_table(header, rows, groups=groups)
