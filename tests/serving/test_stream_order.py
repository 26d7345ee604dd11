"""Rows of many instruments or assets in any order, times that a stream is given, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.serving.test_stream import EXACT, built, fields_of, pushed, several, shaken
from tests.synthetic import samples
from tsdeep.serving.stream_order import in_order
from tsdeep.serving.stream_times import nanoseconds, seconds

NAMES = ["C", "A", "B"]


@pytest.fixture(scope="module")
def market():
    return samples(120, lookback=30)


@pytest.fixture(scope="module")
def scaler(market):
    return market.fit_scaler(market.rows)


@pytest.fixture(scope="module")
def many():
    """A stream of instruments, and its rows as frames in the order of the instruments."""
    study = several()
    scaler = study.fit_scaler(study.rows)
    stream = tsdeep.Stream(built("mlp", study, units=(3,)), samples=study, scaler=scaler, symbols=NAMES)
    starts = dict(zip(study.panel.symbols, study.panel.bounds[:, 0].tolist(), strict=True))
    frames = [
        pd.DataFrame([fields_of(study, starts[name] + row) for name in NAMES], index=NAMES)
        for row in range(study.rows_needed + 3)
    ]
    return stream, frames


FORMS = {
    "an index": lambda frame: frame[::-1],
    "a column": lambda frame: frame.loc[["B", "C", "A"]].rename_axis("symbol").reset_index(),
    "a level of the index": lambda frame: frame[::-1].set_index(
        pd.MultiIndex.from_product([[1], frame.index[::-1]], names=["day", "symbol"])
    ),
    "columns of arrays": lambda frame: (
        frame[::-1].rename_axis("symbol").reset_index().to_dict("list") | {"time": pd.Timestamp("2020-01-01")}
    ),
    "a structured array": lambda frame: frame[::-1].rename_axis("symbol").to_records(),
    "series, each in its order": lambda frame: {"close": frame["close"], "volume": frame["volume"][::-1]},
    "arrays, in that of the stream": lambda frame: {name: frame[name].to_numpy() for name in frame},
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_put_in_the_order_of_the_instruments_by_their_names(form, many):
    stream, frames = many
    answers = []
    for change in (lambda frame: frame, FORMS[form]):
        stream.reset()
        answers.append([stream.push(change(frame)) for frame in frames][-1]["up"])
    assert len(set(answers[0].tolist())) == 3
    np.testing.assert_array_equal(*answers)


def test_some_of_the_instruments_are_put_in_the_order_that_was_asked_for(many):
    stream, frames = many
    stream.reset()
    for frame in frames:
        together = stream.push(frame)
    stream.reset()
    for frame in frames:
        found = stream.push(frame.loc[["C", "B"]], symbols=["B", "C"])
    np.testing.assert_allclose(found["up"], together["up"][[2, 0]], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda frame: frame.reset_index(drop=True), "found values of 0, 1, 2, expected C, A, B"),
        (lambda frame: frame.rename({"A": "D"}), "found values of C, D, B, expected C, A, B"),
        (lambda frame: frame.rename({"A": "B"}), "found values of C, B, B, expected C, A, B"),
        (lambda frame: frame.loc[["C", "A"]], "found values of C, A, expected C, A, B"),
        (lambda frame: {"close": frame["close"].to_numpy(), "volume": frame["volume"].iloc[:2]}, "'volume'"),
    ],
)
def test_other_names_than_those_of_the_instruments_are_refused(change, found, many):
    stream, frames = many
    stream.reset()
    with pytest.raises(tsdeep.DataError, match=found):
        stream.push(change(frames[0]))
    assert stream.rows("A") == 0


def test_values_of_assets_are_put_in_the_order_of_the_model():
    fields = {"close": (2,), "vix": ()}
    frame = pd.DataFrame({"close": [1.0, 2.0], "vix": 20.0, "time": pd.Timestamp("2020-01-01")}, ["B", "A"])
    found = in_order(frame, fields, None, ("A", "B"))
    assert found["close"].tolist() == [2.0, 1.0]
    assert found["vix"] == 20.0
    assert np.ndim(found["time"]) == 0
    found = in_order({"close": frame["close"], "vix": 20.0}, fields, None, ("A", "B"))
    assert found["close"].tolist() == [2.0, 1.0]
    with pytest.raises(tsdeep.DataError, match="found values of B, A, expected A, C"):
        in_order(frame, fields, None, ("A", "C"))
    wide = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], ["y", "x"], ["B", "A"])
    found = in_order({"close": wide}, {"close": (2,)}, ("x", "y"), ("A", "B"))
    assert found["close"].tolist() == [[4.0, 3.0], [2.0, 1.0]]


NOON = pd.Timestamp("2024-01-02 12:00:00.5")


@pytest.mark.parametrize("time", [NOON, NOON.to_datetime64(), NOON.to_pydatetime(), str(NOON), 1704196800.5])
def test_times_are_read_one_by_one_and_many_at_once(time):
    for given in (time, [time, time]):
        assert set(nanoseconds(given).reshape(-1).tolist()) == {NOON.value}
        assert set(seconds(given).reshape(-1).tolist()) == {1704196800.5}
        assert nanoseconds(given).shape == seconds(given).shape == np.shape(given)


@pytest.mark.parametrize(
    ("time", "message"),
    [
        (NOON.value, "seconds since 1970"),
        (NOON.value // 1_000_000, "seconds since 1970"),
        (float("nan"), "seconds since 1970"),
        (True, "expected a time"),
        (pd.NaT, "expected a time"),
        (NOON.tz_localize("UTC"), "found the zone UTC"),
        (NOON.tz_localize("America/New_York"), "found the zone America/New_York"),
    ],
)
def test_times_that_mean_another_moment_are_refused_by_the_check_and_by_a_push(time, message, market, scaler):
    for read in (nanoseconds, seconds):
        for given in (time, [time, time]):
            with pytest.raises(tsdeep.DataError, match=f"field 'time': .*{message}"):
                read(given)
    stream = tsdeep.Stream(built("mlp", market), samples=market, scaler=scaler)
    with pytest.raises(tsdeep.DataError, match=message):
        stream.push({"close": 1.0, "volume": 1.0, "time": time})


def test_a_stream_keeps_the_weights_it_was_made_with(market, scaler, tmp_path):
    model = built("tcn", market, **EXACT["tcn"])
    given = {"samples": market, "scaler": scaler}
    expected = pushed(tsdeep.Stream(model, **given), market, 0, 80)
    stream = tsdeep.Stream(model, **given)
    several = tsdeep.Stream(model, symbols=["A", "B"], **given)
    found = pushed(stream, market, 0, 50)
    shaken(model)
    found |= pushed(stream, market, 50, 80)
    assert found == expected
    for row in range(80):
        answer = several.push({k: [v] for k, v in fields_of(market, row).items()}, symbols=["B"])
    assert answer["up"][0] == pytest.approx(expected[79], abs=1e-6)
    stream.save(tmp_path / "state")
    after = tsdeep.Stream(model, **given)
    with pytest.raises(tsdeep.RunError, match="another model"):
        after.restore(tmp_path / "state")
    assert abs(pushed(after, market, 0, 80)[79] - expected[79]) > 1e-4


def test_a_state_of_other_types_is_refused_when_it_is_read(market, scaler, tmp_path):
    stream = tsdeep.Stream(built("mlp", market), samples=market, scaler=scaler)
    stream.save(tmp_path / "state")
    with np.load(tmp_path / "state") as file:
        arrays = dict(file)
    for name, message in (("rows", r"rows \[1\] <U"), ("state_fields", r"state_fields \[1, .*\] <U")):
        with (tmp_path / "odd").open("wb") as file:
            np.savez(file, **arrays | {name: arrays[name].astype(str)})
        with pytest.raises(tsdeep.RunError, match=f"odd: found {message}"):
            stream.restore(tmp_path / "odd")


def test_a_state_may_be_read_by_whom_files_of_the_user_may_be(market, scaler, tmp_path):
    tsdeep.Stream(built("mlp", market), samples=market, scaler=scaler).save(tmp_path / "state")
    (tmp_path / "plain").touch()
    assert (tmp_path / "state").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_arguments_that_say_nothing_or_would_not_be_read_are_refused(market, scaler, tmp_path):
    model = built("mlp", market)
    for wrong in (None, 42, [], [model, 42]):
        with pytest.raises(tsdeep.SpecError, match="model: found"):
            tsdeep.Stream(wrong, samples=market)
        with pytest.raises(tsdeep.SpecError, match="model: found"):
            tsdeep.export(wrong, tmp_path / "m", samples=market)
    for symbols in ([], "A", ["A", "A"], [1], 1):
        with pytest.raises(tsdeep.SpecError, match="symbols: found"):
            tsdeep.Stream(model, samples=market, scaler=scaler, symbols=symbols)
    for given in ({"samples": market}, {"scaler": scaler}):
        with pytest.raises(tsdeep.SpecError, match="an export brings its own"):
            tsdeep.Stream(tmp_path, **given)
    with pytest.raises(tsdeep.SpecError, match="compiled: found 1"):
        tsdeep.export(model, tmp_path / "m", samples=market, scaler=scaler, compiled=1)


def test_a_result_with_samples_or_a_scaler_is_refused(market, scaler, tmp_path):
    cv = tsdeep.WalkForward(train=60, valid=10, test=10, max_folds=1)
    result = tsdeep.walk_forward("tiny", market, cv, epochs=1, progress=False)
    for given in ({"samples": market}, {"scaler": scaler}):
        with pytest.raises(tsdeep.SpecError, match="a result brings its own"):
            tsdeep.Stream(result, mode="window", **given)
        with pytest.raises(tsdeep.SpecError, match="a result brings its own"):
            tsdeep.export(result, tmp_path / "m", **given)


def test_a_record_that_lacks_a_field_is_refused_by_it(market, scaler):
    stream = tsdeep.Stream(built("mlp", market), samples=market, scaler=scaler)
    frame = market.panel.to_frame()
    stream.push(frame[["close", "volume"]].to_records(index=False)[0])
    with pytest.raises(tsdeep.DataError, match="lacks the field 'volume'"):
        stream.push(frame[["close"]].to_records(index=False)[0])
