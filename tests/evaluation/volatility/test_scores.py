from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from tests.evaluation.volatility.conftest import make_volatility
from tsdeep.evaluation import (
    VOLATILITY_METRICS,
    check_volatility,
    check_volatility_references,
    metrics_table,
    past_labels,
    pooled_scores,
    summary_table,
    tidy_metrics,
    volatility_metrics,
    volatility_scores,
)


@pytest.fixture(scope="module")
def methods(made) -> dict[str, pd.DataFrame]:
    predictions = check_volatility(made[0])
    return {"har_network": predictions, **check_volatility_references(made[1], predictions)}


def expected(rows: pd.DataFrame, past: pd.Series) -> dict[str, float]:
    """Scores of rows taken together, from their definitions."""
    y = 100 * rows["y"]
    ratio = rows["y"] ** 2 / rows["variance"]
    known = past.notna()
    errors = (y - 100 * rows["volatility"])[known] ** 2
    found = {
        "qlike": (ratio - np.log(ratio) - 1).mean(),
        "rmse": root_mean_squared_error(y, 100 * np.sqrt(rows["variance"])),
        "mae": mean_absolute_error(y, 100 * np.sqrt(rows["variance"])),
        "rmse_units": root_mean_squared_error(y, 100 * rows["volatility"]),
        "mae_units": mean_absolute_error(y, 100 * rows["median"]),
        "r2": 1 - errors.sum() / ((y - 100 * past)[known] ** 2).sum(),
        "coverage_80": ((rows["q100"] <= rows["y"]) & (rows["y"] <= rows["q900"])).mean(),
        "coverage_95": ((rows["q025"] <= rows["y"]) & (rows["y"] <= rows["q975"])).mean(),
    }
    if "conformal_q100" in rows:
        inside = (rows["conformal_q100"] <= rows["y"]) & (rows["y"] <= rows["conformal_q900"])
        found["conformal_coverage_80"] = inside.mean()
    return found


def test_scores_of_one_asset_follow_their_definitions(methods):
    for frame in methods.values():
        rows = frame[frame["symbol"] == "BBB"]
        found = volatility_metrics(rows)
        assert list(found) == list(VOLATILITY_METRICS)
        for metric, value in expected(rows, past_labels(rows)["mean"]).items():
            assert found[metric] == pytest.approx(value, rel=1e-10), metric


def test_every_cell_of_the_table_is_that_of_its_rows(methods):
    table = volatility_scores(methods).set_index(["class", "group", "symbol", "method"])
    past = past_labels(methods["har_network"])["mean"]
    for method, frame in methods.items():
        for fold in [*frame["fold"].unique(), "pooled"]:
            rows = frame if fold == "pooled" else frame[frame["fold"] == fold]
            of_assets = {
                symbol: expected(part, past[part.index])
                for symbol, part in rows.groupby("symbol", sort=False)
            }
            for symbol, scores in of_assets.items():
                row = table.loc[fold, "asset", symbol, method]
                assert row["rows"] == (rows["symbol"] == symbol).sum()
                for metric, value in scores.items():
                    assert row[metric] == pytest.approx(value, rel=1e-10, nan_ok=True), (fold, symbol, metric)
            mean = table.loc[fold, "mean", "", method]
            for metric in of_assets["AAA"]:
                value = np.mean([scores[metric] for scores in of_assets.values()])
                assert mean[metric] == pytest.approx(value, rel=1e-10, nan_ok=True)
            together = table.loc[fold, "pooled", "", method]
            for metric, value in expected(rows, past[rows.index]).items():
                assert together[metric] == pytest.approx(value, rel=1e-10, nan_ok=True)
            assert together["volatility"] == pytest.approx(100 * rows["y"].mean())


def test_rows_of_no_class_count_in_all_rows_only(methods):
    classes = np.full(1500, None, dtype=object)
    classes[10:60], classes[700:800] = "calm", "crisis"
    table = volatility_scores(methods, classes)
    together = table[(table["group"] == "pooled") & (table["method"] == "ewma")].set_index("class")["rows"]
    assert together.to_dict() == {"calm": 50, "crisis": 100, "pooled": 1500}
    one = table[(table["class"] == "calm") & (table["group"] == "asset")]
    assert set(one["symbol"]) == {"AAA"}


def test_a_method_without_quantiles_has_no_coverage(made):
    plain = made[0][[c for c in made[0] if "q" not in c]]
    table = metrics_table(plain, made[1], name="har_network", task="volatility")
    assert table["coverage_80", "har_network"].isna().all()
    assert table["coverage_80", "ewma"].notna().all()
    assert table["conformal_coverage_95"].isna().all().all()


def test_the_table_of_folds_holds_means_over_assets(made, methods):
    table = metrics_table(made[0], made[1], name="har_network", task="volatility")
    folds = sorted(made[0]["fold"].unique())
    assert list(table.index) == [*folds, "pooled"]
    assert table.loc["pooled", ("test", "rows")] == 1500
    assert table.loc["pooled", ("test", "symbols")] == 3
    assert table["test", "rows"].iloc[:-1].sum() == 1500
    assert table.loc["pooled", ("test", "first")] == made[0]["time"].min()
    scores = volatility_scores(methods)
    means = scores[(scores["group"] == "mean") & (scores["class"] == "pooled")].set_index("method")
    for metric in VOLATILITY_METRICS:
        assert np.array_equal(
            table.loc["pooled", metric].to_numpy(float), means[metric].to_numpy(float), equal_nan=True
        )
    of_assets = [volatility_metrics(rows)["rmse"] for _, rows in made[0].groupby("symbol")]
    assert table.loc["pooled", ("rmse", "har_network")] == pytest.approx(np.mean(of_assets))
    assert pooled_scores(table)["ewma"]["qlike"] == table.loc["pooled", ("qlike", "ewma")]
    assert len(tidy_metrics(table)) == 4 * len(table)


def test_the_summary_shows_the_model_and_the_strongest_references():
    predictions, references, _ = make_volatility(
        150, methods=("random_walk", "ewma", "log_har", "garch", "ridge", "fifty_days")
    )
    table = metrics_table(predictions, references, name="har_network", task="volatility")
    summary = summary_table(table, "volatility")
    for metric in ("qlike", "rmse_units"):
        best = table[metric].loc["pooled"].drop("har_network").sort_values().index[:4]
        assert list(summary[metric].columns) == ["har_network", *best]
    assert summary.index.names == ["fold", "test"]
    assert summary["", "rows"].iloc[-1] == 450


def test_one_asset_and_one_fold_are_enough(made):
    rows = made[0][(made[0]["symbol"] == "AAA") & (made[0]["fold"] == 1)]
    table = metrics_table(rows, None, name="har_network", task="volatility")
    assert list(table.index) == [1, "pooled"]
    assert table.loc[1, "qlike"].equals(table.loc["pooled", "qlike"])
