from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tsdeep.errors import DataError
from tsdeep.evaluation import (
    backtest,
    plot_calibration,
    plot_confusion,
    plot_equity,
    plot_learning_curves,
    plot_probabilities,
    plot_rolling_accuracy,
)


def labelled(figure: Figure) -> bool:
    """Whether it draws, and every outer axis says what it shows."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    left = [axis for axis in figure.axes if axis.get_subplotspec().is_first_col()]
    named = all(axis.get_ylabel() or [t.get_text() for t in axis.get_yticklabels()] for axis in left)
    return named and len(buffer.getvalue()) > 5000


def history(folds: int = 3) -> pd.DataFrame:
    rows = [
        {
            "fold": f,
            "member": 0,
            "stage": "fit",
            "epoch": e,
            "loss": 0.7 - e / 100,
            "val_loss": 0.69 + f / 100,
        }
        for f in range(folds)
        for e in range(3 + f)
    ]
    return pd.DataFrame(rows)


def test_learning_curves_draw_a_line_a_fit_and_the_mean_of_those_that_go_on():
    figure = plot_learning_curves(history())
    train = figure.axes[0].lines
    assert len(train) == 4
    assert train[-1].get_xdata().tolist() == [1, 2, 3, 4]
    assert np.allclose(train[-1].get_ydata(), [0.7, 0.69, 0.68, 0.67])
    assert labelled(figure)


def test_learning_curves_without_validation_say_so():
    figure = plot_learning_curves(history().assign(val_loss=np.nan))
    assert "not measured" in [text.get_text() for text in figure.axes[1].texts]
    with pytest.raises(DataError, match="stage 'fit'"):
        plot_learning_curves(history().assign(stage="refit"))


def test_confusion_shows_the_counts():
    figure = plot_confusion([1, 1, 1, 0], [0.9, 0.8, 0.1, 0.2])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["1 rows\n100.0%", "0 rows\n0.0%", "1 rows\n33.3%", "2 rows\n66.7%"]
    assert labelled(figure)


def test_rolling_accuracy_equals_a_loop(predictions):
    figure = plot_rolling_accuracy(predictions, window=100)
    line = next(line for line in figure.axes[0].lines if line.get_label() == "model")
    right = [(up > 0.5) == bool(y) for up, y in zip(predictions["up"], predictions["y"], strict=True)]
    assert np.allclose(line.get_ydata(), [np.mean(right[i - 99 : i + 1]) for i in range(99, 400)])
    assert labelled(figure)


def test_equity_ends_at_the_compounded_return(predictions, prices):
    result = backtest(predictions, prices)
    figure = plot_equity(result, name="tcn")
    assert figure.axes[0].lines[0].get_ydata()[-1] == pytest.approx(np.prod(1 + result.net))
    assert "5 bps" in figure.axes[0].lines[0].get_label()
    assert labelled(figure)


@pytest.mark.parametrize("constant", [False, True])
def test_calibration_and_probabilities_draw_even_for_a_constant(predictions, constant):
    if constant:
        predictions = predictions.assign(up=0.53)
    assert labelled(plot_calibration(predictions["y"], predictions["up"]))
    assert labelled(plot_probabilities({"tcn": predictions, "logistic": predictions}))
