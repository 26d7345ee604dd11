"""The tables of volatility's report, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.formatting import interval_text, number_text, p_cell, text_table
from tsdeep.evaluation.risk import risk_figures, rows_a_year
from tsdeep.evaluation.volatility.assessment import VolatilityEvaluation
from tsdeep.evaluation.volatility.basket import CORRELATION_ROWS
from tsdeep.evaluation.volatility.comparison import SET_SIZE
from tsdeep.evaluation.volatility.comparison_tables import (
    LOSS_NAMES,
    asset_test_table,
    difference_tables,
    member_table,
    portfolio_difference_table,
    regime_test_table,
)
from tsdeep.evaluation.volatility.figures import fold_names
from tsdeep.evaluation.volatility.losses import POINTS
from tsdeep.evaluation.volatility.portfolio import LEVERAGE_LIMIT, TARGET_VOLATILITY
from tsdeep.evaluation.volatility.portfolio_scores import equal_weight_returns
from tsdeep.evaluation.volatility.predictions import NOMINAL, quantile_columns
from tsdeep.evaluation.volatility.regimes import REGIMES
from tsdeep.evaluation.volatility.scores import (
    ASSET,
    BASKET,
    MEAN,
    POINT_METRICS,
    POOLED,
    VOLATILITY_METRICS,
)

METRIC_NAMES = {
    "qlike": "QLIKE",
    "rmse": "RMSE",
    "mae": "MAE",
    "rmse_units": "RMSE, unit-corrected",
    "mae_units": "MAE, unit-corrected",
    "r2": "R², out of sample",
    "crps_quantiles": "CRPS from quantiles",
    "coverage_80": "in 80%",
    "coverage_95": "in 95%",
    "conformal_crps_quantiles": "CRPS, conformal",
    "conformal_coverage_80": "in 80%, conformal",
    "conformal_coverage_95": "in 95%, conformal",
}
_MATRICES = ("qlike", "rmse_units")


def report_context(evidence: Evidence, evaluation: VolatilityEvaluation) -> dict[str, Any]:
    """Return what the page's blocks on volatility are filled with; a table is header, groups and rows."""
    model = evidence.model
    metrics = evaluation.metrics
    methods = [str(method) for method in metrics["qlike"].columns]
    compared = len(methods) > 1
    effective = evaluation.effective
    quantiles = list(quantile_columns(evidence.predictions, NOMINAL).values())
    return {
        "horizon": evidence.horizon_rows,
        "pooled": _pooled(metrics.loc["pooled"], methods, model),
        "realised": number_text(metrics.loc["pooled", ("test", "volatility")], ".1f"),
        "levels": len(quantiles),
        "references": compared,
        "differences": difference_tables(evaluation, evidence.horizon_rows) if compared else {},
        "loss_names": LOSS_NAMES,
        "lags": int(effective["lags"]),
        "members": member_table(evaluation, model) if compared else None,
        "set_level": f"{1 - SET_SIZE:.0%}",
        "set_size": f"{SET_SIZE:g}",
        "set_block": int(evaluation.members["block_rows"].iloc[0]),
        "draws": f"{evidence.draws:,}",
        "by_asset": [(METRIC_NAMES[m], _by_asset(evaluation, m, methods, model)) for m in _MATRICES],
        "asset_tests": asset_test_table(evaluation) if compared else None,
        "regression": _regression(evaluation, methods, model),
        "asset_regression": _asset_regression(evaluation, model),
        "by_fold": [(METRIC_NAMES[m], _by_fold(metrics, m, methods, model)) for m in _MATRICES],
        "by_regime": _by_regime(evaluation, methods, model),
        "regime_tests": regime_test_table(evaluation) if compared and len(evaluation.by_regime) else None,
        "effective": {
            "days": f"{effective['days']:,.0f}",
            "windows": f"{effective['windows']:,.0f}",
            "days_of_loss": number_text(effective["effective_days"], ",.0f"),
        },
        "coverage": _coverage(evaluation, methods, model),
        "coverage_by_fold": _coverage_by(evaluation, model, "fold", fold_names(metrics)),
        "coverage_by_asset": _coverage_by(evaluation, model, "symbol", None),
        "portfolio": _portfolio(evaluation, model),
        "portfolio_differences": portfolio_difference_table(evaluation) if compared else None,
        "target": f"{TARGET_VOLATILITY:.0%}",
        "leverage": f"{LEVERAGE_LIMIT:g}",
        "cost_bps": f"{evidence.cost_bps:g}",
        "correlation_rows": CORRELATION_ROWS,
        "basket": evaluation.basket is not None,
        "insane": _insane(evaluation, fold_names(metrics)),
        "seed_scores": _seeds(evaluation.seeds),
    }


def _metric(metric: str, value: float) -> str:
    if "coverage" in metric or metric == "r2":
        return number_text(value, ".1%")
    return number_text(value, ".3f" if metric == "qlike" else ".2f")


def _pooled(pooled: pd.Series, methods: Sequence[str], model: str) -> dict[str, Any]:
    told = [m for m in VOLATILITY_METRICS if any(np.isfinite(pooled[m, method]) for method in methods)]
    rows = [[method, *(_metric(m, pooled[m, method]) for m in told)] for method in methods]
    return text_table(["method", *(METRIC_NAMES[m] for m in told)], rows, model=model)


def _by_asset(
    evaluation: VolatilityEvaluation, metric: str, methods: Sequence[str], model: str
) -> dict[str, Any]:
    table = evaluation.scores[evaluation.scores["fold"] == "pooled"]
    assets = list(dict.fromkeys(table.loc[table["group"] == ASSET, "symbol"]))
    groups = [(group, name) for group, name in ((MEAN, "mean"), (POOLED, "all rows"), (BASKET, "basket"))]
    groups = [(group, name) for group, name in groups if (table["group"] == group).any()]
    found = table.set_index(["group", "symbol", "method"])[metric]
    rows = []
    for method in methods:
        cells = [found[ASSET, asset, method] for asset in assets]
        cells += [found[group, "", method] for group, _ in groups]
        rows.append([method, *(_metric(metric, value) for value in cells)])
    return text_table(["method", *assets, *(name for _, name in groups)], rows, model=model)


def _by_fold(metrics: pd.DataFrame, metric: str, methods: Sequence[str], model: str) -> dict[str, Any]:
    names = fold_names(metrics)
    rows = [
        [method, *(_metric(metric, metrics.loc[fold, (metric, method)]) for fold in [*names, "pooled"])]
        for method in methods
    ]
    came = [number_text(metrics.loc[fold, ("test", "volatility")], ".1f") for fold in [*names, "pooled"]]
    rows.append(["realised volatility", *came])
    return text_table(["method", *names.values(), "all"], rows, model=model, last=True)


def _mincer_zarnowitz(row: pd.Series) -> list[str]:
    return [
        f"{number_text(row['intercept'], '+.2f')} ({number_text(row['intercept_error'], '.2f')})",
        f"{number_text(row['slope'], '.3f')} ({number_text(row['slope_error'], '.3f')})",
        number_text(row["r2"], ".3f"),
        number_text(row["statistic"], ".2f"),
        p_cell(row["p_value"]),
    ]


_REGRESSION = ["intercept (error)", "slope (error)", "R²", "F", "p"]


def _regression(evaluation: VolatilityEvaluation, methods: Sequence[str], model: str) -> dict[str, Any]:
    table = evaluation.regressions
    groups = [POOLED if (table["group"] == POOLED).any() else ASSET]
    groups += [BASKET] if (table["group"] == BASKET).any() else []
    rows = []
    for method in methods:
        cells: list[str] = []
        for group in groups:
            chosen = table[(table["group"] == group) & (table["method"] == method)]
            cells += _mincer_zarnowitz(chosen.iloc[0])
        rows.append([method, *cells])
    names = {POOLED: "all assets together", ASSET: "", BASKET: "basket"}
    heads = [("", 1), *((names[group], len(_REGRESSION)) for group in groups)]
    return text_table(["method", *_REGRESSION * len(groups)], rows, groups=heads, model=model)


def _asset_regression(evaluation: VolatilityEvaluation, model: str) -> dict[str, Any] | None:
    table = evaluation.regressions
    chosen = table[(table["group"] == ASSET) & (table["method"] == model)]
    if len(chosen) < 2:
        return None
    rows = [[str(row["symbol"]), *_mincer_zarnowitz(row)] for _, row in chosen.iterrows()]
    return text_table(["asset", *_REGRESSION], rows)


def _by_regime(evaluation: VolatilityEvaluation, methods: Sequence[str], model: str) -> dict[str, Any] | None:
    table = evaluation.regimes
    table = table[table["group"] == MEAN].set_index(["regime", "method"])
    present = [regime for regime in REGIMES if regime in table.index.get_level_values(0)]
    if not present:
        return None
    told = ["qlike", "rmse_units"]
    if table.loc[[(regime, model) for regime in present], "coverage_80"].notna().any():
        told.append("coverage_80")
    rows = [
        [method, *(_metric(m, table.loc[(regime, method), m]) for m in told for regime in present)]
        for method in methods
    ]
    came = [number_text(table.loc[(regime, model), "volatility"], ".1f") for regime in present]
    rows.append(["realised volatility", *came, *[""] * (len(present) * (len(told) - 1))])
    groups = [("", 1), *((METRIC_NAMES[m], len(present)) for m in told)]
    return text_table(["method", *present * len(told)], rows, groups=groups, model=model, last=True)


def _coverage(evaluation: VolatilityEvaluation, methods: Sequence[str], model: str) -> list[dict[str, Any]]:
    """Return a table a kind of interval, of the methods that state it."""
    table = evaluation.coverage[evaluation.coverage["by"] == "all"]
    found = table.set_index(["kind", "method", "share"])
    tables = []
    for kind, of_kind in table.groupby("kind", sort=False):
        shares = sorted(of_kind["share"].unique())
        rows = []
        for method in methods:
            cells = []
            for share in shares:
                if (kind, method, share) not in found.index:
                    cells += ["—"] * 4
                    continue
                row = found.loc[(kind, method, share)]
                cells += [
                    number_text(row["coverage"], ".1%"),
                    interval_text(row["low"], row["high"], ".0%"),
                    f"{row['below']:.1%} / {row['above']:.1%}",
                    number_text(row["width"], ".1f"),
                ]
            if set(cells) != {"—"}:
                rows.append([method, *cells])
        groups = [("", 1), *((f"{share:.0%}, {kind}", 4) for share in shares)]
        header = ["method", *["within", "95% error band", "below / above", "width"] * len(shares)]
        tables.append(text_table(header, rows, groups=groups, model=model))
    return tables


def _coverage_by(
    evaluation: VolatilityEvaluation, model: str, by: str, names: Mapping[object, str] | None
) -> dict[str, Any] | None:
    table = evaluation.coverage
    table = table[(table["by"] == by) & (table["method"] == model)]
    if table.empty or table["value"].nunique() < 2:
        return None
    wide = table.set_index(["value", "kind", "share"])["coverage"]
    columns = list(dict.fromkeys(zip(table["kind"], table["share"], strict=True)))
    rows = [
        [
            str(value) if names is None else names[value],
            *(number_text(wide[value, kind, share], ".1%") for kind, share in columns),
        ]
        for value in dict.fromkeys(table["value"])
    ]
    head = {"fold": "test fold", "symbol": "asset"}[by]
    return text_table([head, *(f"{share:.0%}, {kind}" for kind, share in columns)], rows)


def _portfolio(evaluation: VolatilityEvaluation, model: str) -> dict[str, Any] | None:
    if evaluation.portfolio is None:
        return None
    header = [
        "forecasts by", "volatility", "mean while held", "distance from target", "exposure", "at the limit",
        "turnover a year", "costs a year", "return a year", "Sharpe", "max. drawdown",
    ]  # fmt: skip
    forms = {
        "volatility": ".2f", "held_volatility": ".2f", "risk_error": ".2f", "exposure": ".2f", "capped": ".1%",
        "turnover": ".1f", "cost": ".2%", "annual_return": ".1%", "sharpe": ".2f", "max_drawdown": ".1%",
    }  # fmt: skip
    rows = [
        [str(method), *(number_text(row[key], form) for key, form in forms.items())]
        for method, row in evaluation.portfolio.iterrows()
    ]
    if evaluation.basket is not None:
        days = next(iter(evaluation.portfolios.values())).days.index
        equal = equal_weight_returns(evaluation.basket).reindex(days)
        found = risk_figures(equal, equal, periods_per_year=rows_a_year(days))
        known = found | {"volatility": POINTS * found["annual_volatility"], "exposure": 1.0}
        rows.append(
            ["equal weights, no target"]
            + [number_text(known.get(key, float("nan")), form) for key, form in forms.items()]
        )
    return text_table(header, rows, model=model)


def _insane(evaluation: VolatilityEvaluation, names: Mapping[object, str]) -> dict[str, Any] | None:
    if evaluation.insane is None:
        return None
    methods = list(dict.fromkeys(evaluation.insane["method"]))
    found = evaluation.insane.set_index(["method", "fold"])
    rows = []
    for method in methods:
        of_method = found.loc[method]
        acted = [int(of_method["acted"].get(fold, 0)) for fold in names]
        rows.append(
            [method, *(f"{n:,}" for n in acted), f"{sum(acted):,}", f"{int(of_method['rows'].sum()):,}"]
        )
    return text_table(["method", *names.values(), "acted", "of rows"], rows)


def _seeds(seeds: pd.DataFrame | None) -> dict[str, Any] | None:
    if seeds is None:
        return None
    rows = [[str(seed), *(_metric(m, row[m]) for m in POINT_METRICS)] for seed, row in seeds.iterrows()]
    return text_table(["member", *(METRIC_NAMES[m] for m in POINT_METRICS)], rows, last=True)
