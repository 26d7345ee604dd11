"""Keys and values that a spec refuses: each with file, key, what was found and what was expected."""

import pytest

from tests.specs import spec
from tsdeep import SpecError, make_spec


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"lookbak": 3},
            r"my\.yaml: unknown key 'lookbak': did you mean 'lookback'\? Known: .*backtest, description",
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
            "backtest.sizing: found 'sgn', expected 'sign', 'threshold', 'probability', "
            "'volatility_target' or 'equal_risk'",
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
