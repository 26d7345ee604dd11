from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import labelled
from tsdeep.errors import DataError
from tsdeep.evaluation import plot_learning_curves
from tsdeep.evaluation.drawing import new_figure, percent_ticks


def history(folds: int = 3) -> pd.DataFrame:
    rows = [
        {
            "fold": f,
            "member": 0,
            "stage": "fit",
            "epoch": e + 1,
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


@pytest.mark.parametrize(
    ("steps", "labels"),
    [
        ((0.4, 0.5, 0.6), ["40%", "50%", "60%"]),
        ((0.4, 0.425, 0.45), ["40.0%", "42.5%", "45.0%"]),
        ((0.0, 0.005, 0.01), ["0.0%", "0.5%", "1.0%"]),
        ((-0.05, -0.0, 0.05), ["\N{MINUS SIGN}5%", "0%", "5%"]),
    ],
)
def test_percent_ticks_have_the_decimals_that_tell_them_exactly(steps, labels):
    _, (axis,) = new_figure(1, 1)
    axis.set_yticks(steps)
    percent_ticks(axis.yaxis)
    assert [label.get_text() for label in axis.get_yticklabels()] == labels
