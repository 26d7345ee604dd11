"""As-of joins: no row has a value of a series that was not yet published."""

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tsdeep
from tests.asset_bars import several
from tsdeep.errors import DataError, SpecError
from tsdeep.joins import joined
from tsdeep.panel import Panel
from tsdeep.sources import make_source
from tsdeep.spec_assets import Joined, with_series

START = np.datetime64("2024-01-02T00:00", "ns")
ANY_AGE = "9999D"


def series_of(times, values=None, symbol="S"):
    times = np.asarray(times, "datetime64[ns]")
    values = np.arange(len(times)) + 50.0 if values is None else np.asarray(values, np.float64)
    return Panel({"close": values}, times, np.array([[0, len(times)]]), (symbol,))


def rows_at(times, bounds=None, symbols=("A",)):
    times = np.asarray(times, "datetime64[ns]")
    bounds = [[0, len(times)]] if bounds is None else bounds
    return Panel({"price": np.ones(len(times))}, times, np.array(bounds), symbols)


def minutes(number):
    return np.timedelta64(int(number), "m")


@st.composite
def cases(draw):
    """Irregular stamps, a lag, and rows of several instruments and segments behind the first value known."""
    steps = st.lists(st.sampled_from([0, 1, 2, 7, 60, 611, 1440, 50_000]), min_size=1, max_size=30)
    stamps = START + np.cumsum(draw(steps)).astype("timedelta64[m]")
    lag = draw(st.sampled_from([0, 1, 3, 59, 975, 1440, 5000]))
    first, times, bounds, symbols = stamps[0] + minutes(lag), [], [], []
    for symbol in draw(st.sampled_from([("A",), ("A", "B"), ("B", "A", "C")])):
        now = first
        for _ in range(draw(st.integers(1, 3))):
            moves = np.cumsum(draw(steps)).astype("timedelta64[m]")
            bounds.append([len(times), len(times) + len(moves)])
            times += list(now + moves)
            now = times[-1]
            symbols.append(symbol)
    return stamps, lag, rows_at(times, bounds, tuple(symbols))


@settings(max_examples=200, deadline=None)
@given(cases())
def test_a_row_takes_the_newest_value_that_was_published_by_its_time(case):
    stamps, lag, rows = case
    series = series_of(stamps)
    found = joined(rows, "s", series, missing="previous", lag=f"{lag}min", max_age=ANY_AGE)
    for row, time in enumerate(rows.time):
        published = [n for n, stamp in enumerate(stamps) if stamp + minutes(lag) <= time]
        assert found.fields["s"][row] == series.fields["close"][published[-1]]


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(0, 10**6), st.integers(0, 2**31))
def test_values_published_after_t_change_nothing_at_rows_up_to_t(case, row, seed):
    stamps, lag, rows = case
    time = rows.time[row % rows.n_rows]
    random = np.random.default_rng(seed)
    values = random.normal(size=len(stamps))
    values[0] = -1.0  # not a level that jumps
    later = stamps + minutes(lag) > time
    rule = {"missing": "previous", "lag": f"{lag}min", "max_age": ANY_AGE}
    before = joined(rows, "s", series_of(stamps, values), **rule).fields["s"]
    changed = series_of(stamps, np.where(later, random.normal(size=len(stamps)), values))
    after = joined(rows, "s", changed, **rule).fields["s"]
    known = rows.time <= time
    np.testing.assert_array_equal(before[known].view(np.int64), after[known].view(np.int64))
    if (rows.time >= (stamps[-1] + minutes(lag))).any() and later[-1]:
        assert (before[~known] != after[~known]).any()
    unseen = series_of(stamps[~later], values[~later])
    np.testing.assert_array_equal(joined(rows.take(known), "s", unseen, **rule).fields["s"], before[known])


@settings(max_examples=50, deadline=None)
@given(cases())
def test_within_the_day_a_value_is_known_at_its_stamp_unless_a_lag_says_otherwise(case):
    stamps, _, rows = case
    stamps = stamps + minutes(1)
    assume((rows.time >= stamps[0]).all())
    assume((stamps != stamps.astype("datetime64[D]")).any())
    assume((rows.time != rows.time.astype("datetime64[D]")).any())
    series = series_of(stamps)
    none = joined(rows, "s", series, missing="previous", max_age=ANY_AGE)
    zero = joined(rows, "s", series, missing="previous", max_age=ANY_AGE, lag="0s")
    np.testing.assert_array_equal(none.fields["s"], zero.fields["s"])


DAYS = pd.bdate_range("2024-01-01", periods=12)


def test_a_close_published_in_the_evening_is_known_from_then_on():
    """What comes at 16:15 in New York is known at 21:15 UTC, 21h15min after the midnight of its date."""
    times = ["2024-01-02 14:30", "2024-01-02 21:14:59.999999999", "2024-01-02 21:15", "2024-01-03 15:00"]
    rows = rows_at([np.datetime64(time, "ns") for time in times])
    found = joined(rows, "vix", series_of(DAYS), missing="previous", lag="21h15min")
    assert found.fields["vix"].tolist() == [50.0, 50.0, 51.0, 51.0]  # of January 1, and then of January 2
    assert found.notes == (
        "vix is taken as known 21h15min after its time stamp (lag): on 3 of 4 rows it is of an earlier day than the "
        "row; the oldest value is of 1 days 21:14:59.999999999 before its row.",
    )


def test_a_daily_row_takes_the_value_of_its_date_or_with_a_lag_of_the_day_before():
    rows = rows_at(DAYS[2:])
    same = joined(rows, "s", series_of(DAYS))
    np.testing.assert_array_equal(same.fields["s"], np.arange(2, 12) + 50.0)
    assert same.notes == ()
    assert joined(rows, "s", series_of(DAYS), missing="previous", lag="0D").fields["s"][0] == 52.0
    for lag in ("1ns", "16h15min", "1D"):
        late = joined(rows, "s", series_of(DAYS), missing="previous", lag=lag)
        np.testing.assert_array_equal(late.fields["s"], np.arange(1, 11) + 50.0)
        assert late.notes[0].startswith(
            f"s is taken as known {lag} after its time stamp (lag): on 10 of 10 rows"
        )


def test_the_row_of_a_session_counts_its_day_by_the_session():
    """A night session belongs to the next day."""
    rows = rows_at([np.datetime64("2024-01-03 22:00", "ns"), np.datetime64("2024-01-03 23:00", "ns")])
    dates = np.full(2, np.datetime64("2024-01-04"))
    night = Panel(rows.fields, rows.time, rows.bounds, rows.symbols, session_date=dates)
    rule = {"missing": "previous", "lag": "12h"}
    assert "on 0 of 2 rows" in joined(rows, "s", series_of(DAYS), **rule).notes[0]
    assert "on 2 of 2 rows" in joined(night, "s", series_of(DAYS), **rule).notes[0]


def test_dates_joined_to_rows_within_the_day_need_a_lag():
    rows = rows_at([np.datetime64("2024-01-03", "ns"), np.datetime64("2024-01-03 14:30", "ns")])
    with pytest.raises(
        DataError,
        match=r"s: found dates in the series, and rows within the day \(symbol 'A', row 1, 2024-01-03 14:30:00\): the "
        r"value of a date is not known at its midnight\. Expected a lag.* such as lag: 21h15min",
    ):
        joined(rows, "s", series_of(DAYS), missing="previous")


def test_times_within_the_day_joined_to_daily_rows_need_a_lag():
    stamps = DAYS + pd.Timedelta("16h")
    with pytest.raises(
        DataError,
        match=r"s: found daily rows, and a series with times within the day \(2024-01-01 16:00:00\).* lag: 0s",
    ):
        joined(rows_at(DAYS[1:]), "s", series_of(stamps))
    found = joined(rows_at(DAYS[1:]), "s", series_of(stamps), missing="previous", lag="0s")
    np.testing.assert_array_equal(found.fields["s"], np.arange(11) + 50.0)


def test_without_previous_every_row_within_the_day_needs_a_value_of_its_time():
    times = DAYS[0] + pd.to_timedelta([600, 601, 602], unit="min")
    series = series_of(times)
    np.testing.assert_array_equal(joined(rows_at(times), "s", series).fields["s"], [50.0, 51.0, 52.0])
    with pytest.raises(
        DataError, match=r"s: no value at 1 of 3 row times \(2024-01-01 10:02:30\); give them, or .* previous"
    ):
        joined(rows_at([*times[:2], times[2] + pd.Timedelta("30s")]), "s", series)


MONTHS = pd.date_range("2023-10-31", periods=6, freq="ME")


def test_a_monthly_series_says_how_old_a_value_may_be():
    rows = rows_at(pd.bdate_range("2024-01-01", "2024-03-29"))
    with pytest.raises(
        DataError,
        match=r"s: no new value at 10 row times in a row, expected at most 5.* needs max_age.* such as 80D",
    ):
        joined(
            rows_at(pd.bdate_range("2024-01-15", "2024-01-29")),
            "s",
            series_of(MONTHS),
            missing="previous",
            lag="45D",
        )
    found = joined(rows, "s", series_of(MONTHS), missing="previous", lag="45D", max_age="75D")
    first = {50.0: "2024-01-01", 51.0: "2024-01-15", 52.0: "2024-02-14", 53.0: "2024-03-18"}
    for value, day in first.items():  # 45 days after the ends of October, November, December and January
        assert rows.time[np.argmax(found.fields["s"] == value)] == np.datetime64(day)
    assert found.notes[0].endswith(
        "on 65 of 65 rows it is of an earlier day than the row; "
        "the oldest value is of 75 days 00:00:00 before its row."
    )


def test_a_value_that_is_too_old_is_refused_with_its_row_stamp_and_age():
    rows = rows_at(pd.bdate_range("2024-01-01", "2024-03-29"))
    with pytest.raises(
        DataError,
        match=r"s: symbol 'A', row 9, 2024-01-12: the newest value known then is of 2023-10-31, 73 days 00:00:00 "
        r"before; expected one of at most 72D before \(max_age; 6 such rows\); it has 2023-10-31 to 2024-03-31",
    ):
        joined(rows, "s", series_of(MONTHS), missing="previous", lag="45D", max_age="72D")
    ended = series_of(DAYS[:4])
    with pytest.raises(
        DataError, match=r"row 7, 2024-01-10: the newest value known then is of 2024-01-04, 6 days"
    ):
        joined(rows_at(DAYS), "s", ended, missing="previous", max_age="5D")


def test_five_row_times_without_a_new_value_are_carried_and_six_are_not():
    rows = rows_at(DAYS)
    kept = [0, 1, 7, 8, 9, 10, 11]
    rule = {"missing": "previous", "lag": "0s"}
    found = joined(rows, "s", series_of(DAYS[kept]), **rule)
    np.testing.assert_array_equal(found.fields["s"][:8], [50, 51, 51, 51, 51, 51, 51, 52])
    with pytest.raises(DataError, match="no new value at 6 row times in a row, expected at most 5"):
        joined(rows, "s", series_of(DAYS[[0, 1, 8, 9, 10, 11]]), **rule)


@pytest.mark.parametrize("lag", ["2D", "100000D"])
def test_a_series_not_yet_known_on_the_first_row_is_refused(lag):
    with pytest.raises(
        DataError,
        match=rf"s: begins on 2024-01-01 and is known {lag} later \(lag\), after the first row on 2024-01-02",
    ):
        joined(rows_at(DAYS[1:]), "s", series_of(DAYS), missing="previous", lag=lag)


def test_the_notes_of_a_series_go_with_it():
    series = series_of(DAYS)
    noted = Panel(series.fields, series.time, series.bounds, series.symbols, notes=("Revised later.",))
    assert joined(rows_at(DAYS), "s", noted).notes == ("s: Revised later.",)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"lag": "1D"}, r"join\.s: lag: found 1D with missing: refuse, expected it with missing: previous"),
        ({"max_age": "9D"}, r"join\.s: max_age: found 9D with missing: refuse"),
        (
            {"lag": "3D", "max_age": "2D", "missing": "previous"},
            "max_age: found 2D, expected at least the lag, 3D",
        ),
        ({"lag": 45, "missing": "previous"}, r"join\.s\.lag: found 45, expected a time with its unit"),
        ({"lag": "45", "missing": "previous"}, "found '45', expected a time with its unit"),
        ({"lag": "-1D", "missing": "previous"}, "found '-1D', expected a time with its unit"),
        (
            {
                "source": {"kind": "datareader", "reader": "fred", "symbols": ["VIXCLS"]},
                "missing": "previous",
            },
            r"join\.s: lag: found none, expected how long after its date a value is published, such as lag: 45D .*"
            r"'datareader' dates a value by the period",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(rule, message):
    source = {"kind": "bundled", "symbols": ["sp500"]}
    with pytest.raises(SpecError, match=message):
        tsdeep.load_spec("sp500_direction").replace(join={"s": {"source": source, **rule}})
    if not {"lag", "source"} & set(rule) or "max_age" in rule:
        keys = {key: rule[key] for key in rule if key != "missing"}
        with pytest.raises(SpecError, match="s: max_age"):
            joined(rows_at(DAYS), "s", series_of(DAYS), missing=rule.get("missing", "refuse"), **keys)


def test_a_source_dated_by_period_may_be_taken_at_its_date_where_a_spec_insists():
    fred = {"kind": "datareader", "reader": "fred", "symbols": ["VIXCLS"]}
    assert Joined(source=fred, missing="previous", lag="0D", field="value").lag == "0D"


def test_a_series_is_joined_to_books_and_to_parts_of_them():
    rule = Joined(source=make_source({"kind": "csv"}), missing="previous", lag="1D", max_age="5D")
    books = make_source(
        {"kind": "simulated_book", "symbols": ["X", "Y"], "sessions": 4, "rows": 50, "levels": 2}
    )
    series = series_of(pd.bdate_range("2023-12-20", periods=20))
    whole = with_series(books.panel(("ask_price",)), {"vix": rule}, {"vix": series})
    parts = [with_series(p.read(), {"vix": rule}, {"vix": series}) for p in books.pieces(("ask_price",))]
    np.testing.assert_array_equal(whole.fields["vix"], np.concatenate([p.fields["vix"] for p in parts]))
    by_day = dict(zip(series.time.astype("datetime64[D]").tolist(), series.fields["close"], strict=True))
    for day, value in zip(whole.session_date, whole.fields["vix"], strict=True):
        assert value == by_day[np.busday_offset(day, -1).item()]


@pytest.fixture
def study(tmp_path):
    """A spec on CSV prices of three assets with a monthly series that is published 45 days later, by its values."""
    several("A", "B", "C", days=250).to_csv(tmp_path / "prices.csv", index=False)
    months = pd.date_range("2003-09-30", periods=20, freq="ME")

    def make(values, assets=True, name="monthly.csv"):
        table = pd.DataFrame({"date": months, "symbol": "CPI", "close": values})
        table.to_csv(tmp_path / name, index=False)
        spec = {
            "name": "asof",
            "source": {"kind": "csv", "path": "prices.csv", "time": "time"},
            "fields": ["open", "high", "low", "close", "volume"],
            "join": {
                "cpi": {
                    "source": {"kind": "csv", "path": name},
                    "missing": "previous",
                    "lag": "45D",
                    "max_age": "80D",
                }
            },
            "features": [{"kind": "log_return", "rows": 1}, {"kind": "log_level", "field": "cpi", "lag": 0}],
            "task": {"kind": "direction"},
            "lookback": 5,
            "split": {"train": 100, "valid": 40, "test": 40},
        }
        if assets:
            spec["assets"] = {"market": "A"}
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(spec))
        return tsdeep.load(tmp_path / "study.yaml")

    return make, months.to_numpy()


@pytest.mark.parametrize("assets", [True, False])
def test_a_study_on_a_monthly_series_reads_nothing_before_it_is_published(study, assets):
    make, months = study
    random = np.random.default_rng(0)
    values = random.uniform(90.0, 110.0, len(months))
    samples = make(values, assets)
    assert tsdeep.audit(samples, trials=3).ok
    published = months + np.timedelta64(45, "D")
    moved = 0
    for day in np.unique(samples.panel.time)[[0, 40, 41, 120, 199, 249]]:
        changed = make(np.where(published > day, random.uniform(90.0, 110.0, len(months)), values), assets)
        upto = samples.panel.time <= day
        for name in samples.panel.fields:
            np.testing.assert_array_equal(samples.panel.fields[name][upto], changed.panel.fields[name][upto])
        np.testing.assert_array_equal(samples.x[upto], changed.x[upto])
        moved += int((samples.x[~upto] != changed.x[~upto]).sum())
    assert moved > 0
    assert any(
        note.startswith("cpi is taken as known 45D after its time stamp (lag)")
        for note in samples.panel.notes
    )
