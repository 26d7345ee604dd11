from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import check_volatility, check_volatility_references
from tsdeep.evaluation.volatility.predictions import (
    CONFORMAL,
    check_horizon,
    interval_columns,
    quantile_columns,
    volatility_seeds,
)


@pytest.fixture
def frame(made) -> pd.DataFrame:
    return made[0]


def spoilt(frame: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """The table with one value changed, in the row of BBB at the tenth day."""
    frame = frame.copy()
    row = frame.index[frame["symbol"] == "BBB"][9]
    if not isinstance(value, pd.Timestamp):
        frame[column] = frame[column].astype(float)
    frame.loc[row, column] = value
    return frame


def test_rows_come_back_by_symbol_and_time(frame):
    mixed = frame.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(check_volatility(mixed), frame.reset_index(drop=True))


@pytest.mark.parametrize(
    "column", ["fold", "cutoff", "time", "symbol", "end", "y", "variance", "volatility", "median"]
)
def test_a_missing_column_is_named(frame, column):
    with pytest.raises(DataError, match=f"predictions: no column '{column}'"):
        check_volatility(frame.drop(columns=column))


@pytest.mark.parametrize("column", ["y", "variance", "volatility", "median", "q100", "conformal_q900"])
@pytest.mark.parametrize("value", [0.0, -0.1, np.nan, np.inf])
def test_figures_that_are_not_positive_are_refused_with_their_place(frame, column, value):
    with pytest.raises(DataError, match=rf"{column} of BBB at .*\(fold \d\) is .*expected a positive number"):
        check_volatility(spoilt(frame, column, value))


def test_a_label_that_ends_at_its_origin_is_refused(frame):
    at = frame.loc[frame["symbol"] == "BBB", "time"].iloc[9]
    with pytest.raises(DataError, match=r"end of BBB .*expected a time after the origin"):
        check_volatility(spoilt(frame, "end", at))


def test_nominal_quantiles_that_cross_are_refused_and_conformal_ones_are_not(frame):
    with pytest.raises(DataError, match=r"q250 of BBB .*expected at least q100: quantiles do not cross"):
        check_volatility(spoilt(frame, "q250", 1e-6))
    check_volatility(spoilt(frame, "conformal_q250", 1e-6))


def test_a_row_given_twice_is_refused(frame):
    twice = pd.concat([frame, frame[frame["symbol"] == "CCC"].iloc[[3]].assign(fold=1)])
    with pytest.raises(DataError, match=r"CCC at 2009-.* is given twice"):
        check_volatility(twice)


def test_an_insane_share_above_one_is_refused(frame):
    with pytest.raises(DataError, match=r"insane of BBB .*expected a share from 0 to 1"):
        check_volatility(spoilt(frame.assign(insane=0.0), "insane", 2.0))


def test_seeds_need_all_three_forecasts(frame):
    one = frame.assign(variance_seed0=frame["variance"], variance_seed3=frame["variance"])
    assert volatility_seeds(one) == (0, 3)
    with pytest.raises(DataError, match="no column 'volatility_seed0'"):
        check_volatility(one)


def test_columns_of_quantiles_without_a_value_are_left_out(frame):
    checked = check_volatility(frame.assign(conformal_q025=np.nan, insane=np.nan))
    assert "conformal_q025" not in checked
    assert "insane" not in checked


def test_quantile_columns_are_read_by_name_and_rise():
    frame = pd.DataFrame(columns=["q975", "q025", "conformal_q100", "q025_seed1", "quality", "q0250"])
    assert quantile_columns(frame) == {"q025": 0.025, "q975": 0.975}
    assert quantile_columns(frame, CONFORMAL) == {"conformal_q100": 0.1}
    assert interval_columns(frame, 0.95) == ("q025", "q975")
    assert interval_columns(frame, 0.8) is None


def test_references_on_other_rows_or_labels_are_refused(made):
    predictions, references, _ = made
    predictions = check_volatility(predictions)
    assert list(check_volatility_references(references, predictions)) == ["random_walk", "ewma", "log_har"]
    fewer = references.drop(references.index[references["method"] == "ewma"][5])
    with pytest.raises(DataError, match="method 'ewma': 1499 rows whose symbol differs"):
        check_volatility_references(fewer, predictions)
    other = references.assign(y=np.where(references["method"] == "log_har", 0.2, references["y"]))
    with pytest.raises(DataError, match="method 'log_har': 1500 rows whose y differs"):
        check_volatility_references(other, predictions)
    negative = references["variance"].where(references["method"] != "ewma", -1.0)
    with pytest.raises(DataError, match="method 'ewma': variance of"):
        check_volatility_references(references.assign(variance=negative), predictions)
    assert check_volatility_references(None, predictions) == {}


def test_a_horizon_shorter_than_the_labels_is_refused(made):
    predictions = check_volatility(made[0])
    check_horizon(predictions, 5)
    with pytest.raises(SpecError, match=r"horizon_rows is 1, but the label of AAA at .* ends 5 rows later"):
        check_horizon(predictions, 1)
