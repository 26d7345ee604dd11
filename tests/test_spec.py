import datetime
import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import yaml

import tsdeep
from tests.synthetic import bars
from tsdeep import DataError, SpecError, load_spec, make_spec

FOLDER = Path(__file__).parent.parent / "data_specs"
CONTENT = yaml.safe_load((FOLDER / "sp500_direction.yaml").read_text())


def spec(**changes):
    content = {**CONTENT, **changes}
    return make_spec({key: value for key, value in content.items() if value is not ...}, where="my.yaml")


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


# Round trips, changes, files


@pytest.mark.parametrize("name", tsdeep.spec_names())
def test_yaml_reads_back_as_the_same_spec(name, tmp_path):
    first = load_spec(name)
    path = tmp_path / "again.yaml"
    path.write_text(first.to_yaml())
    assert load_spec(path) == first
    assert load_spec(str(path)).resolved() == first.resolved()
    assert json.loads(json.dumps(first.resolved())) == first.resolved()


def test_yaml_with_lists_as_hyperparameters_builds_the_model(tmp_path):
    tcn = spec(model="tcn", hparams={"tcn": {"dilations": [1, 2], "filters": 4, "dropout": "1e-1"}})
    again = make_spec(yaml.safe_load(tcn.to_yaml()))
    assert again.hparams == {"tcn": {"dilations": [1, 2], "filters": 4, "dropout": 0.1}}
    model = tsdeep.build("tcn", input_shape=(8, 3), task=again.make_task(), **again.hparams["tcn"])
    assert isinstance(model, keras.Model)


def test_replace_changes_only_the_keys_of_a_mapping():
    first = load_spec("sp500_direction")
    other = first.replace(training={"epochs": 2}, lookback=9, split={"max_folds": 3})
    assert (other.training.epochs, other.lookback, other.split.max_folds) == (2, 9, 3)
    assert other.training.batch_size == first.training.batch_size
    assert other.split.train == first.split.train
    assert first.training.epochs == CONTENT["training"]["epochs"]


def test_replace_takes_a_mapping_with_a_kind_as_a_whole_and_one_without_as_changes(tmp_path):
    first = load_spec("sp500_direction")
    csv = first.replace(source={"kind": "csv", "path": str(tmp_path), "columns": {"close": "last"}})
    assert csv.source == tsdeep.sources.Csv(path=str(tmp_path), columns={"close": "last"})
    assert csv.replace(source={"time": "day"}).source.columns == {"close": "last"}
    assert first.replace(source=csv.source).source is csv.source
    assert first.replace(task={"horizon_rows": 5}).make_task().horizon_rows == 5
    assert first.replace(task={"kind": "direction"}).task == {"kind": "direction"}


def test_replace_refuses_what_is_wrong_by_the_spec_s_name():
    with pytest.raises(
        SpecError, match=r"^spec 'sp500_direction': training.epochs: found 0, expected a number greater"
    ):
        load_spec("sp500_direction").replace(training={"epochs": 0})


def test_a_spec_does_not_change():
    with pytest.raises(ValueError, match=r"frozen"):
        load_spec("sp500_direction").lookback = 3


def test_a_name_works_from_any_folder_and_a_path_where_a_name_does(tmp_path, monkeypatch):
    (tmp_path / "mine.yml").write_text(load_spec("sp500_direction").replace(name="mine").to_yaml())
    monkeypatch.chdir(tmp_path)
    assert load_spec("sp500_direction").name == "sp500_direction"
    assert load_spec("mine.yml").name == tsdeep.load("./mine.yml").spec.name == "mine"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_spec("~/mine.yml").name == "mine"


def test_dates_are_the_same_quoted_or_not(tmp_path):
    text = (FOLDER / "sp500_direction.yaml").read_text()
    quoted = text.replace("1999-01-01", "'1999-01-01'")
    assert quoted != text
    (tmp_path / "q.yaml").write_text(quoted)
    assert load_spec(tmp_path / "q.yaml") == load_spec("sp500_direction")


# What is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found NoneType, expected a mapping of keys such as name, source, features"),
        ("- a\n- b\n", "found list, expected a mapping of keys"),
        ("name: [1, 2\n", r"cannot be read as YAML: (?s:.*)line 2"),
        ("name: a\nname: b\n", r"cannot be read as YAML: found the key 'name' twice(?s:.*)line 2, column 1"),
        ("split: {train: 1, test: 2, train: 3}\n", "found the key 'train' twice"),
        ("a: 1\n---\nb: 2\n", "cannot be read as YAML: expected a single document"),
        ("name: !!python/object:os.system x\n", "cannot be read as YAML: could not determine a constructor"),
        ("1: x\n", r"\[1\]: found 1, expected keys should be strings|keys should be strings"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=rf"bad\.yaml: .*{message}"):
        load_spec(path)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    names = "fi2010, lob_midprice, sp500_direction"
    with pytest.raises(
        SpecError, match=rf"none\.yaml: no such file, expected a YAML spec, or a name: {names}"
    ):
        load_spec(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(SpecError, match=r"bytes\.yaml: cannot be read as YAML: .*utf-8"):
        load_spec(tmp_path / "bytes.yaml")


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(
        SpecError,
        match=r"unknown spec 'sp500_directoin': did you mean 'sp500_direction'\? Known: .* path that ends in \.yaml",
    ):
        load_spec("sp500_directoin")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"lookbak": 3},
            r"my\.yaml: unknown key 'lookbak': did you mean 'lookback'\? Known: backtest, description",
        ),
        ({"lookback": ...}, r"my\.yaml: lookback is missing"),
        ({"lookback": "20"}, "lookback: found '20', expected an integer"),
        ({"lookback": 0}, "lookback: found 0, expected a number greater than or equal to 1"),
        ({"lookback": True}, "lookback: found True, expected an integer"),
        ({"name": "a/b"}, "name: found 'a/b', "),
        ({"source": {"kind": "cvs"}}, r"source: unknown source 'cvs': did you mean 'csv'\? Known: "),
        ({"source": {"kind": ["csv"]}}, "source: unknown source"),
        (
            {"source": {"kind": "csv", "paht": "x"}},
            r"source: source 'csv': unknown key 'paht': did you mean 'path'\?",
        ),
        ({"source": "bundled"}, "source: found 'bundled', expected a mapping with 'kind'"),
        (
            {"period": {"strat": "1999-01-04"}},
            r"unknown key 'period.strat': did you mean 'start'\? Known: end, start",
        ),
        ({"period": {"start": 1999}}, "period.start: found '1999', expected a date such as 1999-01-04"),
        ({"period": {"end": "2018-12-31 16:00"}}, "period.end: found '2018-12-31 16:00', expected a date"),
        ({"period": {"end": "now"}}, "period.end: found 'now', expected a date"),
        (
            {"period": {"start": "2018-01-02", "end": "2018-01-01"}},
            "period: found the end 2018-01-01 before the start",
        ),
        ({"fields": "close"}, "fields: found 'close', expected a list"),
        ({"fields": []}, r"fields: found \[\], expected at least one"),
        ({"fields": ["close", "close"]}, "fields: found 'close' twice"),
        ({"fields": ["close", "time"]}, r"fields\[1\]: found 'time', which is no field"),
        (
            {"fields": ["close", "volume"]},
            "my.yaml: fields: found close, volume, expected 'high' too, which the features read",
        ),
        ({"features": []}, r"features: found \[\], expected at least one"),
        ({"features": ["log_return"]}, r"features\[0\]: found 'log_return', expected a mapping of keys"),
        (
            {"features": [{"kind": "log_return", "rows": 1}, {"kind": "log_retrun"}]},
            r"features\[1\]: unknown feature 'log_retrun': did you mean 'log_return'\? Known: ",
        ),
        ({"features": [{"kind": ["a"]}]}, r"features\[0\]: found the kind \['a'\], expected a name"),
        ({"features": [{"rows": 1}]}, r"features\[0\]: feature: 'kind' is missing"),
        (
            {"features": [{"kind": "log_return", "row": 3}]},
            r"features\[0\]: feature 'log_return': unknown argument 'row': did you mean 'rows'\?",
        ),
        (
            {"features": [{"kind": "log_return", "rows": 0}]},
            r"features\[0\]: feature 'log_return': rows = 0: ",
        ),
        (
            {"features": [{"kind": "log_return", "rows": "five"}]},
            "feature 'log_return': rows = 'five': .*valid integer",
        ),
        (
            {"features": [{"kind": "log_return", "rows": 1}] * 2},
            "channels given more than once: log_return_1",
        ),
        ({"task": {"kind": "direktion"}}, r"task: unknown task 'direktion': did you mean 'direction'\?"),
        (
            {"task": {"kind": "direction", "horizon": 3}},
            r"task: .*unknown argument 'horizon': did you mean 'horizon_rows'",
        ),
        ({"task": {"kind": "direction", "horizon_rows": 0}}, "task: task 'direction': horizon_rows = 0: "),
        ({"task": {}}, "task: 'kind' is missing; known: direction"),
        ({"task": "direction"}, "task: found 'direction', expected a mapping of keys"),
        (
            {"split": {"tran": 2, "test": 2}},
            r"unknown key 'split.tran': did you mean 'train'\?(?s:.*)split.train is missing",
        ),
        (
            {"split": {"train": "4Y", "test": "1YE"}},
            r"split: train='4Y': not a pandas offset; did you mean '4YE'\?",
        ),
        (
            {"split": {"train": 2.5, "test": 3}},
            r"split.train: found 2.5, expected rows .*, 'N sessions', or an offset",
        ),
        ({"split": {"train": -2, "test": 3}}, r"split: train=-2: expected a length above zero"),
        (
            {"split": {"train": 9, "test": 3, "purge": "1YE"}},
            "split: purge='1YE': the length of a gap must not vary",
        ),
        (
            {"split": {"train": 9, "test": 3, "mode": "rollin"}},
            "split.mode: found 'rollin', expected 'expanding' or",
        ),
        (
            {"split": {"train": 9, "test": 3, "max_folds": 0}},
            "split.max_folds: found 0, expected a number greater",
        ),
        ({"split": 3}, "split: found 3, expected a mapping of keys"),
        ({"model": "tnc"}, r"model: unknown model 'tnc': did you mean 'tcn'\? Known: .*gru, .*lstm, .*tcn"),
        ({"hparams": {"tnc": {}}}, r"hparams: unknown model 'tnc': did you mean 'tcn'\?"),
        (
            {"hparams": {"tcn": {"filter": 3}}},
            r"hparams: model 'tcn': unknown key 'filter': did you mean 'filters'\?",
        ),
        (
            {"hparams": {"tcn": {"filters": "many"}}},
            "hparams: model 'tcn': filters: found 'many', expected an integer",
        ),
        (
            {"hparams": {"tcn": {"dilations": [1, "two"]}}},
            r"model 'tcn': dilations\[1\]: found 'two', expected an int",
        ),
        ({"hparams": {"tcn": 3}}, "hparams.tcn: found 3, expected a mapping of keys"),
        ({"training": {"epohs": 3}}, r"unknown key 'training.epohs': did you mean 'epochs'\?"),
        ({"training": {"epochs": 2.5}}, "training.epochs: found 2.5, expected an integer"),
        (
            {"training": {"learning_rate": 0}},
            "training.learning_rate: found 0, expected a number greater than 0",
        ),
        ({"training": {"refit": "perhaps"}}, "training.refit: found 'perhaps', expected a boolean"),
        (
            {"backtest": {"sizing": "sgn"}},
            "backtest.sizing: found 'sgn', expected 'sign', 'threshold' or 'probability'",
        ),
        (
            {"backtest": {"sizing": "threshold"}},
            r"backtest: sizing 'threshold': threshold is None, expected a number",
        ),
        (
            {"backtest": {"cost_bps": -1}},
            "backtest.cost_bps: found -1, expected a number greater than or equal to 0",
        ),
        (
            {
                "fields": ["close"],
                "features": [{"kind": "log_return", "rows": 1}],
                "backtest": {"execution": "next_open"},
            },
            "fields: found close, expected 'open' too, which the execution 'next_open' reads",
        ),
        ({"variants": 0}, "variants: found 0, expected a number greater than or equal to 1"),
    ],
)
def test_a_wrong_key_or_value_is_refused_with_file_key_found_and_expected(changes, message):
    with pytest.raises(SpecError, match=message) as caught:
        spec(**changes)
    assert all(line.startswith("my.yaml: ") for line in str(caught.value).splitlines())


def test_every_fault_has_a_line_of_its_own():
    with pytest.raises(SpecError) as caught:
        spec(lookback=0, model="tnc", fields=...)
    assert [line.split(": ")[1].split(" ")[0] for line in str(caught.value).splitlines()] == [
        "fields",
        "lookback",
        "model",
    ]


def test_a_mapping_is_expected():
    with pytest.raises(SpecError, match=r"my.yaml: found list, expected a mapping of keys"):
        make_spec([], where="my.yaml")


# Data that a spec cannot use: what, where, and of which file


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


@pytest.mark.parametrize(
    ("name", "row"),
    [("sp500_direction", "one bar"), ("lob_midprice", "one book event"), ("fi2010", "ten book events")],
)
def test_a_spec_says_what_its_rows_are(name, row):
    assert load_spec(name).to_yaml().startswith(f"# A row is {row}.\n")
