"""A stream against windows: equal row by row, whatever the model, the instruments and the resets."""

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tsdeep
from tests.synthetic import FEATURES, bars, samples

LOOKBACK = 30


@pytest.fixture(scope="module")
def market():
    return samples(260, lookback=LOOKBACK)


@pytest.fixture(scope="module")
def scaler(market):
    return market.fit_scaler(market.rows[:120])


def shaken(model, seed=0):
    """A model whose weights are none of them zero, so that no part of it is silent."""
    random = np.random.default_rng(seed)
    model.set_weights([w + 0.05 * random.normal(size=w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


def built(name, market, **hparams):
    keras.utils.set_random_seed(0)
    return shaken(tsdeep.build(name, market, compile=False, **hparams))


def windowed(model, market, scaler, rows):
    """What the model says of whole windows, by output."""
    x = tsdeep.windows(market, rows, scaler=scaler, batch_size=len(rows), labels=False)
    return {k: np.asarray(v) for k, v in market.task.outputs(model(next(iter(x)), training=False)).items()}


def fields_of(market, row):
    return {name: market.panel.raw(name)[row] for name in market.features.fields}


def pushed(stream, market, first, last):
    """What a stream answers to some rows, `up` by row; None left out."""
    answers = {row: stream.push(fields_of(market, row)) for row in range(first, last)}
    return {row: answer["up"] for row, answer in answers.items() if answer is not None}


EXACT = {
    "tcn": {"filters": 4, "dilations": (1, 2, 4)},
    "tcn with two stacks": {"filters": 4, "kernel_size": 2, "dilations": (1, 3), "stacks": 2},
    "tcn of one row": {"filters": 4, "kernel_size": 1, "dilations": (1,)},
    "mlp": {"units": (5,)},
    "oflow": {"units": 6},
    "oflow with a tcn": {"units": 6, "encoder": "tcn", "filters": 3, "dilations": (1, 2)},
}
OTHERS = {
    "lstm": {"units": 4},
    "gru": {"units": 4, "layers": 2},
    "transformer": {"units": 8, "heads": 2, "layers": 1},
    "nhits": {"rates": (2, 1)},
    "patchtst": {"patch_rows": 4, "stride": 2},
    "itransformer": {},
    "tcn": {"filters": 4, "dilations": (1, 2, 8)},
}


@pytest.mark.parametrize("case", EXACT)
def test_an_exact_stream_equals_the_windows(case, market, scaler):
    model = built(case.split()[0], market, **EXACT[case])
    found = pushed(tsdeep.Stream(model, samples=market, scaler=scaler), market, 0, 120)
    expected = windowed(model, market, scaler, market.origins[market.origins < 120])["up"]
    assert list(found) == market.origins[market.origins < 120].tolist()
    np.testing.assert_allclose(list(found.values()), expected, rtol=0, atol=1e-6)
    assert np.std(expected) > 1e-4


@pytest.mark.parametrize("name", OTHERS)
def test_other_models_are_refused_with_the_reason_and_equal_in_mode_window(name, market, scaler):
    model = built(name, market, **OTHERS[name])
    reason = {
        "lstm": r"lstm_1 \(LSTM\)",
        "gru": r"gru_1 \(GRU\)",
        "tcn": "receptive field is 45 rows, the lookback 30",
    }
    with pytest.raises(tsdeep.SpecError, match=reason.get(name, "reads every row of the window")):
        tsdeep.Stream(model, samples=market, scaler=scaler)
    found = pushed(tsdeep.Stream(model, samples=market, scaler=scaler, mode="window"), market, 0, 80)
    expected = windowed(model, market, scaler, market.origins[market.origins < 80])["up"]
    np.testing.assert_allclose(list(found.values()), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "hparams"),
    [
        ("lstm", {"units": 4, "layers": 2}),
        ("gru", {"units": 4}),
        ("tcn", {"filters": 4, "dilations": (1, 2, 8)}),
        ("oflow", {"encoder": "lstm"}),
    ],
)
def test_a_state_that_is_carried_on_is_that_of_a_window_from_the_first_row(name, hparams, market, scaler):
    market = market.replace(lookback=6)  # short, so that what is carried on past it shows
    model = built(name, market, **hparams)
    found = pushed(tsdeep.Stream(model, samples=market, scaler=scaler, mode="carry"), market, 0, 40)
    first = market.rows_needed - 1
    assert min(found) == first
    differs = []
    for row in (first, first + 1, 39):
        longer = market.replace(lookback=row + 1 - market.features.warmup)
        whole = tsdeep.build(name, longer, compile=False, **hparams)
        whole.set_weights(model.get_weights())
        expected = windowed(whole, longer, scaler, np.array([row]))["up"]
        np.testing.assert_allclose(found[row], expected[0], rtol=0, atol=1e-6)
        differs.append(abs(found[row] - windowed(model, market, scaler, np.array([row]))["up"][0]))
    assert differs[0] < 1e-6
    assert max(differs) > 1e-5  # another estimator


def test_carrying_on_is_refused_where_nothing_is_carried(market, scaler):
    model = built("transformer", market, **OTHERS["transformer"])
    with pytest.raises(tsdeep.SpecError, match="mode='window'"):
        tsdeep.Stream(model, samples=market, scaler=scaler, mode="carry")


def test_members_are_averaged_as_an_export_does(market, scaler):
    members = [shaken(built("tcn", market, **EXACT["tcn"]), seed) for seed in (1, 2)]
    found = pushed(tsdeep.Stream(members, samples=market, scaler=scaler), market, 0, 40)
    each = [windowed(model, market, scaler, np.array(list(found)))["up"] for model in members]
    np.testing.assert_allclose(list(found.values()), np.mean(each, axis=0), rtol=0, atol=1e-6)
    assert np.abs(each[0] - each[1]).max() > 1e-4


def test_half_precision_is_kept_between_rows(market, scaler):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = built("tcn", market, **EXACT["tcn"])
        found = pushed(tsdeep.Stream(model, samples=market, scaler=scaler), market, 0, 60)
        expected = windowed(model, market, scaler, np.array(list(found)))["up"]
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(list(found.values()), expected, rtol=0, atol=5e-3)
    assert len(found) == 60 - market.rows_needed + 1


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_tcn_equals_its_windows_between_any_resets(data, market, scaler):
    hparams = {
        "filters": data.draw(st.integers(1, 5)),
        "kernel_size": data.draw(st.integers(1, 4)),
        "dilations": tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))),
        "stacks": data.draw(st.integers(1, 2)),
        "weight_norm": data.draw(st.booleans()),
        "activation": data.draw(st.sampled_from(["relu", "leaky_relu"])),
    }
    reach = 1 + 2 * (hparams["kernel_size"] - 1) * hparams["stacks"] * sum(hparams["dilations"])
    held = market.replace(lookback=max(reach + data.draw(st.integers(0, 2)), 2))
    model = built("tcn", held, **hparams)
    stream = tsdeep.Stream(model, samples=held, scaler=scaler)
    resets = sorted(data.draw(st.sets(st.integers(1, 199), max_size=3)))
    for first, last in zip([0, *resets], [*resets, 200], strict=True):
        stream.reset()
        found = pushed(stream, held, first, last)
        assert list(found) == list(range(first + held.rows_needed - 1, last))
        if found:
            expected = windowed(model, held, scaler, np.array(list(found)))["up"]
            np.testing.assert_allclose(list(found.values()), expected, rtol=0, atol=1e-5)


def several(n_rows=90, names=("A", "B", "C")):
    frames = [bars(n_rows, seed=seed).assign(symbol=name) for seed, name in enumerate(names)]
    panel = tsdeep.Panel.from_frame(pd.concat(frames).reset_index())
    task = tsdeep.get_task("direction")
    return tsdeep.Samples(panel, tsdeep.FeatureBank(FEATURES), task, 8)


@pytest.mark.parametrize(("seed", "by_symbol"), [(0, False), (1, False), (2, True)])
def test_instruments_out_of_step_equal_each_alone(seed, by_symbol):
    market = several().replace(scaler={"kind": "standard", "by_symbol": by_symbol})
    scaler = market.fit_scaler(market.rows)
    names = ("C", "A", "B")
    model = built("tcn", market, filters=3, dilations=(1,))
    together = tsdeep.Stream(model, samples=market, scaler=scaler, symbols=names)
    alone = {
        name: tsdeep.Stream(model, samples=market, scaler=scaler.of(name) if by_symbol else scaler)
        for name in names
    }
    starts = dict(zip(market.panel.symbols, market.panel.bounds[:, 0].tolist(), strict=True))
    random = np.random.default_rng(seed)
    done = dict.fromkeys(names, 0)
    for _ in range(60):
        if random.uniform() < 0.05:
            name = names[random.integers(3)]
            together.reset(name)
            alone[name].reset()
        ticking = [name for name in random.permutation(names).tolist() if random.uniform() < 0.8] or ["B"]
        everyone = len(ticking) == 3
        ticking = list(names) if everyone else ticking
        rows = [fields_of(market, starts[name] + done[name]) for name in ticking]
        stacked = {field: np.array([row[field] for row in rows]) for field in rows[0]}
        answer = together.push(stacked, symbols=None if everyone else ticking)
        for place, (name, row) in enumerate(zip(ticking, rows, strict=True)):
            done[name] += 1
            single = alone[name].push(row)
            if single is None:
                assert answer is None or np.isnan(answer["up"][place])
            else:
                assert answer["up"][place] == pytest.approx(single["up"], abs=1e-6)
            assert together.rows(name) == alone[name].rows()


def test_a_prediction_reads_no_later_row_and_none_before_the_last_rows_needed(market, scaler):
    model = built("tcn", market, **EXACT["tcn"])
    stream = tsdeep.Stream(model, samples=market, scaler=scaler)
    straight = pushed(stream, market, 0, 100)
    stream.reset()
    late = pushed(stream, market, 37, 100)
    assert min(late) == 37 + market.rows_needed - 1
    np.testing.assert_array_equal([straight[row] for row in late], list(late.values()))


def test_a_state_is_saved_and_restored_in_the_middle(market, scaler, tmp_path):
    model = built("tcn", market, **EXACT["tcn"])
    stream = tsdeep.Stream(model, samples=market, scaler=scaler)
    pushed(stream, market, 0, 20)
    stream.save(tmp_path / "early")
    before = pushed(stream, market, 20, 60)
    stream.save(tmp_path / "late")
    after = pushed(stream, market, 60, 80)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["early", "late"]

    other = tsdeep.Stream(model, samples=market, scaler=scaler)
    other.restore(tmp_path / "early")
    assert other.rows() == 20
    assert pushed(other, market, 20, 60) == before
    other.restore(tmp_path / "late")
    assert pushed(other, market, 60, 80) == after


def test_the_state_of_another_model_or_of_other_instruments_is_refused(market, scaler, tmp_path):
    model = built("tcn", market, **EXACT["tcn"])
    stream = tsdeep.Stream(model, samples=market, scaler=scaler)
    before = pushed(stream, market, 0, 50)
    stream.save(tmp_path / "state")
    others = {
        "another model": tsdeep.Stream(shaken(model, 3), samples=market, scaler=scaler),
        "another model or mode": tsdeep.Stream(
            built("tcn", market, **EXACT["tcn"]), samples=market, scaler=scaler, mode="window"
        ),
        "expected A, B": tsdeep.Stream(
            built("tcn", market, **EXACT["tcn"]), samples=market, scaler=scaler, symbols=["A", "B"]
        ),
    }
    for message, other in others.items():
        with pytest.raises(tsdeep.RunError, match=message):
            other.restore(tmp_path / "state")
        assert other._rows.max() == 0
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:-100])
    again = tsdeep.Stream(built("tcn", market, **EXACT["tcn"]), samples=market, scaler=scaler)
    with pytest.raises(tsdeep.RunError, match="cannot be read as the state of a stream"):
        again.restore(tmp_path / "state")
    assert pushed(again, market, 0, 50) == before


BAD = {
    "lacks the field 'volume'": {"close": 100.0},
    "field 'close': found nan, expected a finite number": {"close": np.nan, "volume": 1.0},
    "field 'volume': found inf": {"close": 100.0, "volume": np.inf},
    "field 'close': found -1.0, expected a number above zero": {"close": -1.0, "volume": 1.0},
    "field 'close': found '100', expected a number": {"close": "100", "volume": 1.0},
    r"field 'close': found the shape \[1\], expected \[\]": {"close": [100.0], "volume": 1.0},
    "expected a mapping of close, volume": 3.0,
    "field 'time': found 'soon', expected a time": {"close": 100.0, "volume": 1.0, "time": "soon"},
    "field 'time': found 2000-01-01": {"close": 100.0, "volume": 1.0, "time": pd.Timestamp("2000-01-01")},
}


def test_a_bad_row_is_refused_by_its_field_and_changes_nothing(market, scaler):
    model = built("tcn", market, **EXACT["tcn"])
    stream = tsdeep.Stream(model, samples=market, scaler=scaler)
    frame = market.panel.to_frame()
    for row in range(50):
        stream.push(frame.iloc[row])
        if row in (3, 30, 45):
            for message, bad in BAD.items():
                with pytest.raises(tsdeep.DataError, match=message):
                    stream.push(bad)
            assert stream.rows() == row + 1
    clean = tsdeep.Stream(model, samples=market, scaler=scaler)
    pushed(clean, market, 0, 50)
    assert stream.push(frame.iloc[50]) == clean.push(fields_of(market, 50))


def test_a_stream_compiled_by_xla_says_the_same(market, scaler):
    model = built("tcn", market, **EXACT["tcn"])
    plain = pushed(tsdeep.Stream(model, samples=market, scaler=scaler), market, 0, 60)
    compiled = pushed(tsdeep.Stream(model, samples=market, scaler=scaler, jit_compile=True), market, 0, 60)
    np.testing.assert_allclose(list(compiled.values()), list(plain.values()), rtol=0, atol=1e-6)


def test_a_model_without_its_samples_and_unknown_instruments_are_refused(market, scaler):
    model = built("mlp", market)
    with pytest.raises(tsdeep.RunError, match="needs the samples"):
        tsdeep.Stream(model)
    with pytest.raises(tsdeep.SpecError, match=r"mode.*windw.*window"):
        tsdeep.Stream(model, samples=market, scaler=scaler, mode="windw")
    stream = tsdeep.Stream(model, samples=market, scaler=scaler, symbols=["A", "B"])
    with pytest.raises(tsdeep.DataError, match="AB"):
        stream.push({"close": [1.0], "volume": [1.0]}, symbols=["AB"])
    with pytest.raises(tsdeep.SpecError, match="many instruments"):
        tsdeep.Stream(model, samples=market, scaler=scaler).push({"close": 1.0, "volume": 1.0}, symbols=["A"])
