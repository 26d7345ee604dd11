import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.panels import ragged_panel
from tests.tasks.volatility_panels import etf_panel, side_by_side
from tsdeep import DataError
from tsdeep.tasks import Volatility
from tsdeep.tasks.volatility_labels import log_variance_of, volatility_of


def log_variance_by_definition(close, t, k, annual_rows):
    """Log of the annualised mean of the next k squared log returns, with products before logs as exact fractions."""
    total = 0.0
    for i in range(1, k + 1):
        ratio = Fraction(float(close[t + i])) / Fraction(float(close[t + i - 1]))
        total += math.log1p(float(ratio - 1)) ** 2
    return math.log(annual_rows * total / k)


@pytest.mark.parametrize("symbol", ["SPY", "IEF"])
def test_labels_of_real_closes_equal_a_loop_over_the_definition(symbol):
    panel = etf_panel(symbol)
    close = panel.fields["close"]
    labels = Volatility().label(panel)
    assert (labels.y.dtype, labels.end.dtype) == (np.float32, np.int64)
    for t in range(0, panel.n_rows - 21, 7):
        expected = log_variance_by_definition(close, t, 21, 252)
        # To half a unit in the last place of float32, as only the result is rounded.
        assert abs(float(labels.y[t]) - expected) <= 0.501 * np.spacing(np.float32(abs(expected)))
    np.testing.assert_array_equal(labels.end[:-21], np.arange(21, panel.n_rows))
    assert np.isnan(labels.y[-21:]).all()
    assert (labels.end[-21:] == -1).all()


def test_quiet_prices_of_many_digits_keep_their_variance():
    """Closes that float32 holds all equal have a variance: returns are taken in float64."""
    n = 60
    close = 1e4 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 1e-9, n)))
    assert len(np.unique(close.astype(np.float32))) == 1
    panel = ragged_panel([n]).replace(close=close)
    y = Volatility(horizon_rows=21).label(panel).y
    expected = [log_variance_by_definition(close, t, 21, 252) for t in range(n - 21)]
    np.testing.assert_allclose(y[: n - 21], expected, rtol=1e-6)
    assert (y[: n - 21] < -30).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 14), min_size=1, max_size=4), st.integers(1, 6), st.integers(0, 99))
def test_no_label_crosses_a_segment_and_each_ends_at_the_horizon(lengths, horizon_rows, seed):
    panel = ragged_panel(lengths, seed=seed)
    close = panel.fields["close"]
    labels = Volatility(horizon_rows, 12).label(panel)
    for start, stop in panel.bounds:
        for row in range(start, stop):
            if row + horizon_rows < stop:
                expected = log_variance_by_definition(close, row, horizon_rows, 12)
                assert labels.y[row] == pytest.approx(expected, rel=1e-6, abs=1e-6)
                assert labels.end[row] == row + horizon_rows
            else:
                assert np.isnan(labels.y[row])
                assert labels.end[row] == -1


@pytest.mark.parametrize("target", ["log_variance", "variance", "volatility"])
def test_rows_after_a_label_s_end_and_before_its_row_change_nothing(target):
    panel = ragged_panel([80, 50], ["A", "B"], seed=3)
    task = Volatility(horizon_rows=7, target=target)
    before = task.label(panel)
    random = np.random.default_rng(1)
    for cut in (20, 72, 79, 95):
        close = panel.fields["close"].copy()
        close[cut + 1 :] *= np.exp(random.normal(0, 2, len(close) - cut - 1))
        after = task.label(panel.replace(close=close))
        known = (before.end >= 0) & (before.end <= cut)
        np.testing.assert_array_equal(before.y[known], after.y[known])  # bit by bit
        np.testing.assert_array_equal(before.end, after.end)
        # And the first label that reads a changed row did change: labels do not end early.
        reads = np.flatnonzero(before.end == cut + 1)
        assert (before.y[reads] != after.y[reads]).all()
        close = panel.fields["close"].copy()
        close[:cut] *= 3.0
        np.testing.assert_array_equal(before.y[cut:], task.label(panel.replace(close=close)).y[cut:])


def test_a_return_before_the_row_is_not_read():
    close = np.r_[100.0, 200.0, 200.0 * 1.01 ** np.arange(1, 6)]
    y = Volatility(horizon_rows=5, target="variance").label(ragged_panel([7]).replace(close=close)).y
    np.testing.assert_allclose(y[1], 252 * np.log(1.01) ** 2, rtol=1e-6)


def test_targets_hold_the_same_variance():
    panel = ragged_panel([60, 9])
    y = {
        target: Volatility(target=target).label(panel).y
        for target in ("log_variance", "variance", "volatility")
    }
    np.testing.assert_allclose(np.exp(y["log_variance"]), y["variance"], rtol=2e-6)
    np.testing.assert_allclose(y["volatility"] ** 2, y["variance"], rtol=1e-6)
    for target, values in y.items():
        known = ~np.isnan(values)
        assert known.sum() == 39
        np.testing.assert_allclose(
            log_variance_of(values, target)[known], y["log_variance"][known], atol=1e-6
        )
        np.testing.assert_allclose(volatility_of(values, target)[known], y["volatility"][known], rtol=2e-6)


def test_assets_side_by_side_have_the_labels_of_each_alone():
    panel = side_by_side()
    labels = Volatility().for_assets(3).label(panel)
    assert labels.y.shape == (60, 3)
    for asset in range(3):
        alone = Volatility().label(panel.replace(close=panel.fields["close"][:, asset]))
        np.testing.assert_array_equal(labels.y[:, asset], alone.y)
        np.testing.assert_array_equal(labels.end, alone.end)


def test_one_asset_of_a_joint_panel_has_labels_of_one_axis():
    panel = side_by_side(n_assets=1)
    assert Volatility().for_assets(1).label(panel).y.shape == (60,)


def test_other_assets_than_the_task_s_are_refused():
    with pytest.raises(DataError, match=r"found 3 assets a row, expected 1: task.for_assets\(3\)"):
        Volatility().label(side_by_side())
    with pytest.raises(DataError, match="found 1 assets a row, expected 4"):
        Volatility().for_assets(4).label(ragged_panel([40]))


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"target": "variance", "point_loss": "qlike", "quantiles": ()},
        {"target": "volatility", "point_loss": "mse"},
    ],
)
def test_prices_that_never_move_are_refused_where_a_log_is_needed_with_their_place(asked):
    panel = ragged_panel([40, 50], ["A", "B"])
    close = panel.fields["close"].copy()
    close[60:70] = close[60]
    panel = panel.replace(close=close)
    with pytest.raises(
        DataError, match=r"symbol 'B', row 20, .*does not move over the next 5 rows.*\(5 such rows\)"
    ):
        Volatility(horizon_rows=5, **asked).label(panel)
    y = Volatility(5, target="variance", point_loss="mse", quantiles=()).label(panel).y
    np.testing.assert_array_equal(np.flatnonzero(y == 0), np.arange(60, 65))


@pytest.mark.parametrize("bad", [0.0, -3.0, np.nan])
def test_a_close_that_is_not_above_zero_is_refused_with_its_place(bad):
    panel = ragged_panel([40, 50], ["A", "B"])
    close = panel.fields["close"].copy()
    close[47] = bad
    with pytest.raises(DataError, match=rf"symbol 'B', row 7, .*'close' is {bad}, expected above zero"):
        Volatility().label(panel.replace(close=close))
