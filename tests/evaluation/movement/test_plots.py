from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import labelled
from tests.evaluation.movement.conftest import NAMES, make_movement
from tsdeep.evaluation import (
    breakdown,
    confusion_counts,
    coverage_table,
    plot_class_calibration,
    plot_confusions,
    plot_coverage,
    plot_time_of_day,
    wilson_interval,
)
from tsdeep.evaluation.movement.breakdown import times_of_day


def test_confusions_show_the_counts_a_panel_a_method():
    counts = confusion_counts([0, 0, 1, 2], [0, 1, 1, 2])
    figure = plot_confusions(dict.fromkeys("abcd", counts))
    assert [text.get_text() for text in figure.axes[0].texts][:2] == ["1\n50.0%", "1\n50.0%"]
    assert [axis.get_title() for axis in figure.axes if axis.get_visible()] == list("abcd")
    assert labelled(plot_confusions({"tlob": counts}))


def test_calibration_intervals_count_rows_over_horizon(frame):
    y, p = frame["y"].to_numpy(), frame[NAMES].to_numpy()
    figure = plot_class_calibration(y, p, horizon=10, bins=1)
    container = figure.axes[2].containers[0]
    low, high = wilson_interval((y == 2).mean(), len(y) / 10)
    ends = container[2][0].get_segments()[0][:, 1]
    assert np.allclose(ends, [low, high])
    assert labelled(plot_class_calibration(y, p))
    assert labelled(plot_class_calibration(y, np.tile([0.3, 0.3, 0.4], (len(y), 1))))


def test_coverage_leaves_out_methods_with_one_confidence(frame):
    y, p = frame["y"].to_numpy(), frame[NAMES].to_numpy()
    tables = [
        coverage_table(y, p).assign(method="tlob"),
        coverage_table(y, p * 0 + 1 / 3).assign(method="flat"),
    ]
    figure = plot_coverage(pd.concat(tables), model="tlob")
    assert [line.get_label() for line in figure.axes[0].lines] == ["tlob"]
    assert labelled(figure)
    assert labelled(plot_coverage(tables[1], model="flat"))


def test_time_of_day_draws_losses_and_the_model_minus_each_reference():
    frame = make_movement(400)
    other = frame.assign(**dict.fromkeys(NAMES, 1 / 3))
    table = breakdown({"tlob": frame, "uniform": other}, times_of_day(frame["seconds"]))
    figure = plot_time_of_day(table, model="tlob")
    difference = figure.axes[1].lines[0].get_ydata()
    assert difference == pytest.approx((table["log_loss", "tlob"] - np.log(3)).to_numpy())
    assert labelled(figure)
