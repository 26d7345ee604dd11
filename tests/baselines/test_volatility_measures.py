from __future__ import annotations

import math

import numpy as np
import pytest

from tests.baselines.volatility_samples import asset_samples
from tsdeep.baselines.volatility_measures import FLOOR, by_segment, log_returns, row_variances, trailing_mean
from tsdeep.errors import DataError

PANEL = asset_samples(120).panel
STARTS = PANEL.bounds[:, 0]


def brute_variance(measure, row, prefix=""):
    opened, high, low, close = (PANEL.fields[prefix + name] for name in ("open", "high", "low", "close"))
    if measure == "parkinson":
        return math.log(high[row] / low[row]) ** 2 / (4 * math.log(2))
    if row in STARTS:
        return math.nan
    if measure == "close":
        return math.log(close[row] / close[row - 1]) ** 2
    return (
        0.5 * math.log(high[row] / low[row]) ** 2
        - (2 * math.log(2) - 1) * math.log(close[row] / opened[row]) ** 2
        + math.log(opened[row] / close[row - 1]) ** 2
    )


@pytest.mark.parametrize("measure", ["close", "parkinson", "garman_klass"])
@pytest.mark.parametrize("prefix", ["", "market_"])
def test_variance_of_a_row_is_the_formula_and_crosses_no_segment(measure, prefix):
    brute = [max(brute_variance(measure, row, prefix), FLOOR) for row in range(PANEL.n_rows)]
    np.testing.assert_allclose(row_variances(PANEL, measure, prefix), brute, rtol=1e-9)


def test_a_row_without_a_range_has_the_floor_which_is_that_of_the_features():
    from tsdeep.features import row_variance

    assert row_variance.FLOOR == FLOOR
    flat = PANEL.replace(high=PANEL.fields["low"])
    np.testing.assert_array_equal(row_variances(flat, "parkinson"), FLOOR)


def test_a_price_of_zero_is_refused_with_its_place():
    low = PANEL.fields["low"].copy()
    low[130] = 0.0
    with pytest.raises(DataError, match=r"symbol 'TLT', row 10, .*field 'low' is 0.0, expected above zero"):
        row_variances(PANEL.replace(low=low), "parkinson")


def test_log_returns_cross_no_segment():
    returns = log_returns(PANEL)
    assert np.flatnonzero(np.isnan(returns)).tolist() == STARTS.tolist()
    close = PANEL.fields["close"]
    np.testing.assert_allclose(returns[121], np.log(close[121] / close[120]), rtol=1e-9)


@pytest.mark.parametrize("rows", [1, 5, 66, 500])
def test_a_trailing_mean_is_over_the_last_rows_or_those_there_are(rows):
    values = row_variances(PANEL, "close")
    found = trailing_mean(PANEL, values, rows)
    for start, stop in PANEL.bounds:
        assert np.isnan(found.mean[start])
        assert not found.whole[start]
        for row in range(start + 1, stop):
            first = max(row - rows + 1, start + 1)
            np.testing.assert_allclose(found.mean[row], np.mean(values[first : row + 1]), rtol=1e-12)
            assert found.whole[row] == (row - rows + 1 >= start + 1)


def test_a_function_is_applied_to_the_known_values_of_each_segment():
    values = log_returns(PANEL)
    found = by_segment(PANEL, np.cumsum, values)
    for start, stop in PANEL.bounds:
        assert np.isnan(found[start])
        np.testing.assert_array_equal(found[start + 1 : stop], np.cumsum(values[start + 1 : stop]))
