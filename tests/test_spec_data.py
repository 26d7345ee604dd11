"""The data of a spec: what it takes from its source, and what it cannot use: what, where, and of which file."""

import datetime

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.specs import spec
from tests.synthetic import bars
from tsdeep import DataError, load_spec


@pytest.fixture
def csv_spec(tmp_path):
    """Make a spec over a CSV file of the bars given."""

    def make(frame, **changes):
        frame.rename_axis("date").to_csv(tmp_path / "A.csv")
        settings = {
            "source": {"kind": "csv", "path": str(tmp_path / "A.csv")},
            "period": {},
            "features": [{"kind": "log_return", "rows": 5}, {"kind": "log_volume_change", "rows": 1}],
            "split": {"train": 50, "valid": 10, "test": 10},
        }
        return spec(**(settings | changes))

    return make


# What a spec gives


def test_the_spec_that_comes_with_tsdeep_reads_its_data():
    samples = tsdeep.load("sp500_direction")
    assert samples.panel.symbols == ("sp500",)
    assert list(samples.panel.fields) == ["open", "high", "low", "close", "volume"]
    assert samples.panel.n_rows == 5031
    assert samples.spec == load_spec("sp500_direction")
    assert samples.input_shape == (samples.spec.lookback, len(samples.feature_names))


def test_the_period_is_inclusive_at_both_ends():
    samples = tsdeep.load(spec(period={"start": "2005-01-03", "end": datetime.date(2006, 12, 29)}))
    days = pd.DatetimeIndex(samples.time)
    assert (str(days.min().date()), str(days.max().date())) == ("2005-01-03", "2006-12-29")
    assert len(days) == 252 + 251  # trading days of 2005 and 2006


def test_the_last_day_of_a_period_has_all_its_hours(csv_spec):
    frame = bars(200).set_index(pd.date_range("2020-01-01", periods=200, freq="h"))
    samples = csv_spec(frame, period={"end": "2020-01-05"}).samples()
    assert samples.time.max() == np.datetime64("2020-01-05T23:00")


def test_rows_outside_the_period_may_be_bad(csv_spec):
    frame = bars(200)
    frame.iloc[0, 3] = np.nan
    assert csv_spec(frame, period={"start": str(frame.index[1].date())}).samples().panel.n_rows == 199


def test_only_the_fields_of_the_spec_are_taken(csv_spec):
    frame = bars(200).assign(note="text", broken=np.nan)
    assert list(csv_spec(frame, fields=["volume", "close"]).samples().panel.fields) == ["volume", "close"]


# What it cannot use


def test_a_lookback_beyond_the_data_is_refused(csv_spec):
    with pytest.raises(
        DataError,
        match=r"csv \(path: .*A\.csv\): symbol 'A': one window needs 505 rows .*, its longest segment has 400",
    ):
        csv_spec(bars(400), lookback=500).samples()


def test_an_empty_period_is_refused(csv_spec):
    with pytest.raises(
        DataError,
        match=r"A\.csv\): no row in the period 1990-01-01 to 1991-01-01; it has 2000-01-03 to 2000-10-06",
    ):
        csv_spec(bars(200), period={"start": "1990-01-01", "end": "1991-01-01"}).samples()
    with pytest.raises(DataError, match=r"no row in the period 2030-01-01 to "):
        csv_spec(bars(200), period={"start": "2030-01-01"}).samples()


def test_a_field_that_the_source_lacks_is_refused(csv_spec):
    with pytest.raises(
        DataError, match=r"A\.csv\): unknown field 'volume': did you mean 'volumen'\? Known: close, high"
    ):
        csv_spec(bars(200).rename(columns={"volume": "volumen"})).samples()


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (7, "close", np.nan, "row 7, 2000-01-12: field 'close' is nan, expected a finite number"),
        (7, "open", np.inf, "row 7, 2000-01-12: field 'open' is inf, expected a finite number"),
        (7, "low", -3.0, "row 7, 2000-01-12: field 'low' is -3.0, expected a price above zero"),
        (7, "volume", -3.0, "row 7, 2000-01-12: field 'volume' is -3.0, expected a size of zero or more"),
        (
            7,
            "high",
            1.0,
            "row 7, 2000-01-12: field 'high' is 1.0, expected at least the low of its row, 101.2",
        ),
        (7, "close", "1,2", "2000-01-12: field 'close' is '1,2', expected a number"),
    ],
)
def test_a_bad_value_in_a_file_is_refused_with_file_row_date_and_value(csv_spec, row, column, value, message):
    frame = bars(200).astype({column: object})
    frame.iloc[row, frame.columns.get_loc(column)] = value
    with pytest.raises(DataError, match=rf"csv \(path: .*A\.csv\): symbol 'A', {message}"):
        csv_spec(frame).samples()


def test_unordered_and_duplicate_dates_in_a_file_are_refused(csv_spec):
    frame = bars(200)
    with pytest.raises(
        DataError, match=r"A\.csv\): symbol 'A', row 3, 2000-01-05: unordered times, it follows 2000-01-06"
    ):
        csv_spec(frame.iloc[[0, 1, 3, 2, *range(4, 200)]]).samples()
    with pytest.raises(DataError, match=r"A\.csv\): symbol 'A', row 3, 2000-01-05: duplicate time"):
        csv_spec(frame.iloc[[0, 1, 2, 2, *range(3, 200)]]).samples()


def test_zero_volume_is_refused_by_the_feature_that_takes_its_logarithm(csv_spec):
    frame = bars(200)
    frame.iloc[9, frame.columns.get_loc("volume")] = 0.0
    samples = csv_spec(frame).samples()
    with pytest.raises(
        DataError, match=r"symbol 'A', row 9, 2000-01-14: field 'volume' is 0.0, .* log_volume_change"
    ):
        _ = samples.x


def test_a_source_of_one_s_own_whose_times_carry_a_zone_is_refused():
    @tsdeep.register_source("test_spec_zoned")
    class Zoned(tsdeep.Source):
        """Bars in New York time."""

        def bars(self):
            return (
                bars(200).tz_localize("America/New_York").rename_axis("time").reset_index().assign(symbol="A")
            )

    with pytest.raises(DataError, match=r"^test_spec_zoned: time: found the zone America/New_York"):
        spec(source={"kind": "test_spec_zoned"}).samples()
