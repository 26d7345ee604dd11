from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import labelled
from tsdeep.errors import DataError
from tsdeep.evaluation import (
    check_volatility,
    evaluate,
    plot_interval_coverage,
    plot_loss_differences,
    plot_volatility_forecasts,
)


@pytest.fixture(scope="module")
def evaluation(evidence):
    return evaluate(evidence)


def test_each_asset_and_the_basket_have_a_panel(evidence, evaluation):
    frame = check_volatility(evidence.predictions)
    figure = plot_volatility_forecasts(frame, name="tcn", basket=evaluation.basket.predictions["har_network"])
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_title(loc="left") for axis in shown] == ["AAA", "BBB", "CCC", "basket, equal weight"]
    line = shown[1].lines[0]
    assert np.allclose(line.get_ydata(), 100 * frame.loc[frame["symbol"] == "BBB", "volatility"])
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {
        "realised", "conformal 80% interval", "forecast by tcn",
    }  # fmt: skip
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    assert len(buffer.getvalue()) > 5000


def test_a_symbol_is_written_as_it_is(evidence):
    frame = check_volatility(evidence.predictions)
    name = "A$x^{$B"  # no mathematics, and no valid one
    figure = plot_volatility_forecasts(frame.assign(symbol=frame["symbol"].replace("AAA", name)))
    figure.savefig(io.BytesIO(), format="png")
    assert figure.axes[0].get_title(loc="left").replace("\\$", "$") == name


def test_lines_break_where_years_are_missing(evidence):
    frame = check_volatility(evidence.predictions)
    gap = frame[
        (frame["symbol"] == "AAA") & ((frame["time"] < "2009-12-01") | (frame["time"] > "2010-06-01"))
    ]
    figure = plot_volatility_forecasts(gap)
    assert np.isnan(figure.axes[0].lines[0].get_ydata()).sum() == 1
    assert "basket" not in [axis.get_title(loc="left") for axis in figure.axes]


def test_more_than_twenty_assets_are_cut_and_counted(evidence):
    frame = check_volatility(evidence.predictions)
    one = frame[frame["symbol"] == "AAA"].head(30)
    many = pd.concat([one.assign(symbol=f"S{k:02d}") for k in range(23)], ignore_index=True)
    figure = plot_volatility_forecasts(many)
    assert sum(axis.get_visible() for axis in figure.axes) == 20
    assert "the first 20 of 23 assets" in figure.get_suptitle()


def test_loss_differences_end_at_their_means_and_show_the_strongest(evaluation):
    figure = plot_loss_differences(evaluation.losses, model="har_network", regimes=evaluation.days, most=2)
    for axis, loss in zip(figure.axes, ("qlike", "squared_error"), strict=True):
        table = evaluation.losses[loss]
        drawn = {line.get_label(): line for line in axis.lines if not line.get_label().startswith("_")}
        assert set(drawn) == set(table.drop(columns="har_network").mean().nsmallest(2).index)
        for name, line in drawn.items():
            assert line.get_ydata()[-1] == pytest.approx((table["har_network"] - table[name]).mean())
    assert labelled(figure)
    alone = {"qlike": evaluation.losses["qlike"][["har_network"]]}
    with pytest.raises(DataError, match="there is no reference"):
        plot_loss_differences(alone, model="har_network")


def test_coverage_is_drawn_by_fold_and_by_level(evaluation):
    folds = {0: "2009", 1: "2010", 2: "2011"}
    figure = plot_interval_coverage(
        evaluation.coverage, evaluation.quantiles, model="har_network", folds=folds
    )
    left, right = figure.axes
    assert [tick.get_text() for tick in left.get_xticklabels()] == ["2009", "2010", "2011"]
    table = evaluation.coverage.set_index(["method", "kind", "share", "by", "value"])["coverage"]
    expected = [table["har_network", "nominal", 0.8, "fold", fold] for fold in folds]
    assert any(np.allclose(line.get_ydata(), expected) for line in left.lines if len(line.get_ydata()) == 3)
    assert len(right.lines) == 3
    assert labelled(figure)
