import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.synthetic import bars, samples
from tsdeep.errors import DataError, RunError


@pytest.fixture(scope="module")
def result():
    cv = tsdeep.WalkForward(train=300, valid=60, test=100, max_folds=1)
    return tsdeep.walk_forward("tiny", samples(500), cv, epochs=1, progress=False)


@pytest.fixture(scope="module")
def exported(result, tmp_path_factory):
    directory = tmp_path_factory.mktemp("model")
    tsdeep.export(result, directory, verify=False)
    return directory


def test_the_newest_row_has_a_prediction_though_it_has_no_label(result, exported):
    market = result.samples
    assert market.label_end[market.panel.n_rows - 1] == -1
    for model in (result, exported):
        answer = tsdeep.predict(model, bars(500))
        assert list(answer.columns) == ["time", "symbol", "down", "up"]
        assert answer["time"][0] == market.time[-1]
        assert answer["symbol"][0] == "A"


def test_result_export_and_walk_forward_agree(result, exported):
    offline = result.predictions.set_index("time")["up"]
    for model in (result, exported):
        answer = tsdeep.predict(model, bars(500), rows=100).set_index("time")["up"]
        both = offline.index.intersection(answer.index)
        assert len(both) == len(offline)
        np.testing.assert_allclose(answer[both], offline[both], rtol=0, atol=1e-6)


def test_rows_before_those_needed_do_not_matter(exported):
    whole = tsdeep.predict(exported, bars(500))
    cut = tsdeep.predict(exported, bars(500).iloc[-11:])
    assert cut["up"][0] == pytest.approx(whole["up"][0], abs=1e-6)


def test_prices_keep_float64_on_the_way_in(tmp_path):
    moves = np.random.default_rng(0).normal(0, 1e-7, 500)
    table = bars(500).assign(close=1e5 * np.exp(np.cumsum(moves)))
    market = samples(500).replace(panel=tsdeep.Panel.from_frame(table, symbol="A"))
    cv = tsdeep.WalkForward(train=300, valid=60, test=100, max_folds=1)
    result = tsdeep.walk_forward("tiny", market, cv, epochs=1, progress=False)
    tsdeep.export(result, tmp_path, verify=False)
    offline = result.predictions.set_index("time")["up"]
    rounded = table.assign(close=table["close"].astype("float32"))
    for model in (result, tmp_path):
        answer = tsdeep.predict(model, table, rows=100).set_index("time")["up"]
        np.testing.assert_allclose(answer[offline.index], offline, rtol=0, atol=1e-6)
        lost = tsdeep.predict(model, rounded, rows=100).set_index("time")["up"]
        assert np.abs(lost[offline.index] - offline).max() > 1e-3


def test_several_symbols_are_answered_each(exported):
    two = pd.concat([bars(40, seed=s).assign(symbol=name) for s, name in ((1, "X"), (2, "Y"))])
    answer = tsdeep.predict(exported, two, rows=2)
    assert list(answer["symbol"]) == ["X", "X", "Y", "Y"]
    alone = tsdeep.predict(exported, bars(40, seed=2), symbol="Y", rows=2)
    np.testing.assert_allclose(answer["up"][2:], alone["up"], rtol=0, atol=1e-6)


def test_only_the_newest_segment_of_a_symbol_is_answered(exported):
    table = pd.concat([bars(5), bars(30, start="2001-01-01")]).assign(
        segment=np.repeat([0, 1], [5, 30]), symbol="A"
    )
    answer = tsdeep.predict(exported, table)
    assert len(answer) == 1
    assert answer["time"][0] == table.index[-1]


def test_too_few_rows_are_refused_with_the_number_needed(exported):
    with pytest.raises(DataError, match=r"symbol 'A': 1 prediction\(s\) need 11 rows .* has 10"):
        tsdeep.predict(exported, bars(500).iloc[-10:])


def test_a_missing_field_is_named(exported):
    with pytest.raises(DataError, match="bars lack volume; the model reads: close, volume"):
        tsdeep.predict(exported, bars(50).drop(columns="volume"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 0.0])
def test_a_bad_price_is_refused_with_its_place(exported, value):
    table = bars(50)
    table.iloc[45, table.columns.get_loc("close")] = value
    with pytest.raises(DataError, match=f"row 45, {table.index[45]:%Y-%m-%d}.*'close' is {value}"):
        tsdeep.predict(exported, table)


def test_zero_volume_is_refused_where_a_feature_takes_its_logarithm(exported):
    table = bars(50)
    table.iloc[45, table.columns.get_loc("volume")] = 0.0
    with pytest.raises(DataError, match=r"row 45.*'volume' is 0"):
        tsdeep.predict(exported, table)


def test_a_folder_without_an_export_is_refused(tmp_path):
    with pytest.raises(RunError, match="no exported version"):
        tsdeep.predict(tmp_path, bars(50))


def test_a_damaged_description_is_named(exported, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "tsdeep.json").write_text('{"fields": [')
    with pytest.raises(RunError, match=r"tsdeep\.json: cannot be read"):
        tsdeep.predict(tmp_path, bars(50))


def test_a_table_that_is_none_is_refused(result, exported):
    for model in (result, exported):
        with pytest.raises(DataError, match="bars: found dict, expected a DataFrame or a Panel"):
            tsdeep.predict(model, {"close": [1.0]})


def test_an_export_is_read_once_and_a_new_version_when_it_is_there(result, tmp_path, monkeypatch):
    import tensorflow as tf

    read = []
    load = tf.saved_model.load
    monkeypatch.setattr(tf.saved_model, "load", lambda path: read.append(Path(path).name) or load(path))
    tsdeep.export(result, tmp_path, verify=False)
    for _ in range(2):
        tsdeep.predict(tmp_path, bars(50))
    shutil.copytree(tmp_path / "1", tmp_path / "2")
    tsdeep.predict(tmp_path, bars(50))
    shutil.rmtree(tmp_path / "2")
    shutil.copytree(tmp_path / "1", tmp_path / "2", copy_function=shutil.copyfile)
    tsdeep.predict(tmp_path, bars(50))
    assert read == ["1", "2", "2"]
