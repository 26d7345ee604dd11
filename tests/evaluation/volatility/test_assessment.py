from __future__ import annotations

import dataclasses
import time

import numpy as np
import pandas as pd
import pytest

from tests.data_folder import data_folder
from tests.evaluation.volatility.conftest import make_volatility
from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import Evidence, evaluate, metrics_table, volatility_metrics


@pytest.fixture(scope="module")
def evaluation(evidence):
    return evaluate(evidence)


def said(evaluation) -> str:
    return " ".join(evaluation.caveats)


def test_the_evaluation_holds_the_scores_of_the_table(evidence, evaluation):
    table = metrics_table(evidence.predictions, evidence.references, name="har_network", task="volatility")
    pd.testing.assert_frame_equal(evaluation.metrics, table)


def test_the_basket_stands_beside_the_assets(evaluation):
    groups = evaluation.scores.groupby("group")["symbol"].unique()
    assert {group: list(names) for group, names in groups.items()} == {
        "asset": ["AAA", "BBB", "CCC"], "basket": [""], "mean": [""], "pooled": [""],
    }  # fmt: skip
    of_basket = evaluation.scores[evaluation.scores["group"] == "basket"].set_index(["fold", "method"])
    rows = evaluation.basket.predictions["ewma"]
    assert of_basket.loc[("pooled", "ewma"), "qlike"] == pytest.approx(volatility_metrics(rows)["qlike"])
    assert set(evaluation.by_asset["symbol"]) == {"AAA", "BBB", "CCC", "basket"}


def test_without_prices_the_rest_remains_and_says_so(evidence, evaluation):
    bare = evaluate(dataclasses.replace(evidence, prices=None))
    assert bare.basket is None
    assert bare.portfolio is None
    assert bare.portfolios == {}
    assert "There are no prices: the basket and the volatility-targeted portfolio are left out." in said(bare)
    pd.testing.assert_frame_equal(bare.comparisons, evaluation.comparisons)
    assert "portfolio" in evaluation.verdict.sentences
    assert "portfolio" not in bare.verdict.sentences


def test_one_asset_is_evaluated_without_basket(evidence):
    one = {
        name: getattr(evidence, name)[lambda table: table["symbol"] == "BBB"]
        for name in ("predictions", "references", "prices")
    }
    found = evaluate(dataclasses.replace(evidence, **one))
    assert "There is one asset" in said(found)
    assert found.comparisons["p_holm"].notna().all()


def test_a_model_by_itself_is_evaluated(evidence):
    alone = evaluate(dataclasses.replace(evidence, references=None))
    assert alone.verdict.outcome == "nothing"
    assert alone.comparisons.empty
    assert list(alone.portfolio.index) == ["har_network"]


def test_few_days_give_scores_and_no_tests(evidence):
    last = evidence.predictions["time"].unique()[40]
    short = {
        name: getattr(evidence, name)[lambda table: table["time"] <= last]
        for name in ("predictions", "references")
    }
    found = evaluate(dataclasses.replace(evidence, **short))
    assert found.verdict.outcome == "nothing"
    assert found.metrics["qlike"].notna().all().all()
    assert found.portfolio_differences.loc[lambda t: t["measure"] == "risk", "p_value"].isna().all()
    assert "nothing is tested" in said(found)


def test_members_are_scored_by_themselves_and_together():
    predictions, references, prices = make_volatility(200, members=2)
    found = evaluate(
        Evidence("etf", "m", predictions, prices, references=references, task="volatility", horizon_rows=5)
    )
    assert list(found.seeds.index) == ["seed0", "seed1", "mean of seeds"]
    one = predictions.assign(**{n: predictions[f"{n}_seed1"] for n in ("variance", "volatility", "median")})
    rmse = [volatility_metrics(rows)["rmse_units"] for _, rows in one.groupby("symbol")]
    assert found.seeds.loc["seed1", "rmse_units"] == pytest.approx(np.mean(rmse))
    assert found.seeds.loc["mean of seeds", "qlike"] == found.metrics.loc["pooled", ("qlike", "m")]
    assert "mean of 2 members" in said(found)


def test_insane_forecasts_are_counted_by_fold(evidence):
    acted = np.zeros(len(evidence.predictions))
    acted[[3, 4, 900]] = [1.0, 0.3, 1.0]
    found = evaluate(dataclasses.replace(evidence, predictions=evidence.predictions.assign(insane=acted)))
    assert found.insane["acted"].sum() == 3
    assert found.insane["rows"].sum() == 1500
    folds = evidence.predictions["fold"].to_numpy()[[3, 4, 900]]
    expected = pd.Series(folds).value_counts()
    assert found.insane.set_index("fold")["acted"].loc[expected.index].to_dict() == expected.to_dict()
    assert "acted on 3 of 1,500 forecasts" in said(found)


def test_caveats_tell_windows_variants_units_and_constants(evidence):
    base = evaluate(evidence)
    assert "500 test days hold about 100 labels that do not" in said(base)
    assert "not recorded" in said(base)
    one_unit = evidence.references.assign(
        volatility=np.sqrt(evidence.references["variance"]), median=np.sqrt(evidence.references["variance"])
    )
    chosen = evidence.references["method"] == "ewma"
    mixed = evidence.references.where(~chosen, one_unit)
    still = evidence.predictions.assign(volatility=0.2)
    found = evaluate(dataclasses.replace(evidence, references=mixed, predictions=still, variants=7))
    assert "ewma states one figure" in said(found)
    assert "it is a constant" in said(found)
    assert "7 settings were tried" in said(found)


def test_the_same_evidence_gives_the_same_numbers(evidence, evaluation):
    again = evaluate(evidence)
    pd.testing.assert_frame_equal(again.members, evaluation.members)
    pd.testing.assert_frame_equal(again.portfolio_differences, evaluation.portfolio_differences)


def test_the_order_of_rows_changes_nothing(evidence, evaluation):
    mixed = dataclasses.replace(
        evidence,
        predictions=evidence.predictions.sample(frac=1, random_state=0),
        prices=evidence.prices.sample(frac=1, random_state=1),
    )
    found = evaluate(mixed)
    pd.testing.assert_frame_equal(found.comparisons, evaluation.comparisons)
    pd.testing.assert_frame_equal(found.portfolio, evaluation.portfolio)


def test_evidence_that_does_not_fit_is_refused(evidence):
    with pytest.raises(SpecError, match="horizon_rows is 2, but the label of AAA"):
        evaluate(dataclasses.replace(evidence, horizon_rows=2))
    negative = evidence.predictions.assign(variance=-evidence.predictions["variance"])
    with pytest.raises(DataError, match="variance of AAA"):
        evaluate(dataclasses.replace(evidence, predictions=negative))
    with pytest.raises(DataError, match="prices: none of CCC"):
        evaluate(dataclasses.replace(evidence, prices=evidence.prices[evidence.prices["symbol"] != "CCC"]))


def etf_closes() -> pd.DataFrame:
    folder = data_folder() / "etf"
    names = ("SPY", "QQQ", "IWM", "EFA", "EEM", "TLT", "IEF", "LQD", "GLD", "VNQ")
    files = {n: pd.read_csv(folder / f"{n}.csv", index_col="Date", parse_dates=True) for n in names}
    return pd.DataFrame({name: file["Close"] for name, file in files.items()}).dropna()


def test_ewma_and_random_walk_of_ten_etfs_have_the_published_qlike():
    # An independent calculation on these rows (test years 2010 to 2019) has .262 and .327.
    closes = etf_closes()
    squares = 252 * np.log(closes).diff().iloc[1:] ** 2
    past = squares.rolling(21).mean()
    realised = past.shift(-21)
    ends = pd.Series(closes.index, closes.index).shift(-21)
    views = {"ewma": squares.ewm(alpha=0.06).mean(), "random_walk": past}
    chosen = (squares.index >= "2010-01-01") & realised.notna().all(axis=1)
    tables = {}
    for method, variance in views.items():
        parts = [
            pd.DataFrame(
                {
                    "fold": squares.index[chosen].year,
                    "cutoff": pd.Timestamp("2009-12-31"),
                    "time": squares.index[chosen],
                    "symbol": symbol,
                    "end": ends[squares.index[chosen]].to_numpy(),
                    "y": np.sqrt(realised.loc[chosen, symbol].to_numpy()),
                    "variance": variance.loc[chosen, symbol].to_numpy(),
                    "volatility": np.sqrt(variance.loc[chosen, symbol].to_numpy()),
                    "median": np.sqrt(variance.loc[chosen, symbol].to_numpy()),
                }
            )
            for symbol in closes
        ]
        tables[method] = pd.concat(parts, ignore_index=True)
    prices = closes.stack().rename_axis(["time", "symbol"]).rename("close").reset_index()
    found = evaluate(
        Evidence(
            "etf_volatility", "ewma", tables["ewma"], prices,
            references=tables["random_walk"].assign(method="random_walk"),
            task="volatility", horizon_rows=21, draws=100,
        )
    )  # fmt: skip
    pooled = found.metrics.loc["pooled", "qlike"]
    assert pooled["ewma"] == pytest.approx(0.262, rel=0.02)
    assert pooled["random_walk"] == pytest.approx(0.327, rel=0.02)
    assert found.basket.left_out == 0
    assert found.metrics.loc["pooled", ("test", "rows")] == 10 * 2495


@pytest.mark.slow
def test_twenty_five_thousand_predictions_of_fourteen_methods_take_well_under_a_minute():
    references = tuple(f"reference{k}" for k in range(13))
    symbols = tuple(f"A{k}" for k in range(10))
    predictions, others, prices = make_volatility(2500, symbols, horizon=21, methods=references)
    evidence = Evidence(
        "etf", "m", predictions, prices, references=others, task="volatility", horizon_rows=21
    )
    begun = time.process_time()
    evaluate(evidence)
    assert time.process_time() - begun < 30
