from __future__ import annotations

import io

import matplotlib.colors
import numpy as np
import pandas as pd

from tests.validation.timelines import daily, intraday
from tsdeep.validation import CombinatorialPurged, WalkForward
from tsdeep.validation.fold import TABLE_COLUMNS


def test_the_table_lists_dates_rows_purges_and_cutoffs():
    samples = daily(43, horizon=3, first="2001-01-01")
    table = WalkForward(train=10, valid=5, test=20).table(samples)
    assert list(table.columns) == list(TABLE_COLUMNS)
    first, second = table.to_dict("records")
    assert first == {
        "fold": 0,
        "train_start": pd.Timestamp("2001-01-01"),
        "train_end": pd.Timestamp("2001-01-07"),
        "valid_start": pd.Timestamp("2001-01-11"),
        "valid_end": pd.Timestamp("2001-01-12"),
        "test_start": pd.Timestamp("2001-01-16"),
        "test_end": pd.Timestamp("2001-02-04"),
        "train_rows": 7,
        "valid_rows": 2,
        "test_rows": 20,
        "refit_rows": 12,
        "purged_train": 3,
        "purged_valid": 3,
        "train_cutoff": pd.Timestamp("2001-01-10"),
        "cutoff": pd.Timestamp("2001-01-15"),
    }
    assert second["test_rows"] == 5


def test_the_table_of_undated_rows_has_positions_and_missing_valid_blocks():
    table = WalkForward(train=10, valid=None, test=5, purge=1).table(np.zeros(22))
    assert table["test_start"].tolist() == [10, 15, 20]
    assert table["test_end"].tolist() == [14, 19, 21]
    assert table["valid_start"].isna().all()
    assert table["cutoff"].tolist() == [9, 14, 19]


def test_a_fold_says_how_many_rows_it_has():
    fold = next(WalkForward(train=10, valid=5, test=20).split(daily(43, horizon=3)))
    assert repr(fold) == "Fold(0, train=7, valid=2, test=20 rows, cutoff=2001-01-15 00:00:00)"


def test_the_plot_has_a_bar_for_each_block_of_each_fold():
    samples = daily(43, horizon=3)
    figure = WalkForward(train=10, valid=5, test=10).plot(samples)
    axes = figure.axes[0]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["train", "valid", "test", "purged"]
    widths = {
        label: [round(bar.get_width()) for bar in bars]
        for label, bars in zip(labels, axes.containers, strict=True)
    }
    assert widths["train"] == [7, 17, 27]
    assert widths["valid"] == [2, 2, 2]
    assert widths["test"] == [10, 10, 4]
    assert widths["purged"] == [3, 3, 3, 3, 3, 3]


def test_the_bars_differ_in_grey():
    figure = WalkForward(train=10, valid=5, test=10).plot(daily(43, horizon=3))
    colours = [matplotlib.colors.to_rgb(bars[0].get_facecolor()) for bars in figure.axes[0].containers]
    greys = sorted(0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in colours)
    assert min(np.diff(greys)) > 0.08


def test_plots_of_sessions_positions_and_many_folds_are_drawn():
    for cv, data in (
        (WalkForward(train="2 sessions", valid="1 session", test="1 session"), intraday()),
        (WalkForward(train=10, valid=None, test=5, purge=0), np.zeros(100)),
        (CombinatorialPurged(8, 3, purge=1), np.zeros(100)),
    ):
        picture = io.BytesIO()
        cv.plot(data).savefig(picture, format="png", dpi=40)
        assert picture.getvalue().startswith(b"\x89PNG")


def test_folds_are_numbered_sparsely_where_they_are_many():
    figure = WalkForward(train=10, valid=None, test=1, purge=0).plot(np.zeros(101))
    assert figure.axes[0].get_yticks().tolist() == list(range(0, 91, 3))
