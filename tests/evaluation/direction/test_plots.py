from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.conftest import labelled
from tsdeep.evaluation import (
    backtest,
    plot_calibration,
    plot_confusion,
    plot_equity,
    plot_probabilities,
    plot_rolling_accuracy,
)


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
