"""Every order-book model, served on raw book rows, against the offline prediction."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import tsdeep
from tests.serving import c_program
from tests.serving.allowed_operations import ALLOWED
from tests.sources.lobster_days import EMPTY, Day, real_day
from tsdeep.serving.operations import operations
from tsdeep.sources import Lobster, make_source

LEVELS = 10
BOOK = ("ask_price", "ask_size", "bid_price", "bid_size")
EVENTS = ("event_type", "event_size", "event_price", "event_side")
FLOW = (
    {"kind": "order_flow_imbalance", "levels": LEVELS, "rows": [1, 10, 50]},
    {"kind": "mid_return", "tick": 100.0, "rows": [5, 50]},
    {"kind": "mid_deviation", "tick": 100.0, "rows": [20]},
    {"kind": "mid_volatility", "tick": 100.0, "rows": [50]},
    {"kind": "elapsed_time", "rows": [10]},
    {"kind": "trade_flow", "rows": [20]},
    {"kind": "price_distance", "levels": LEVELS, "tick": 100.0},
    {"kind": "log_size", "levels": LEVELS},
    {"kind": "depth", "levels": LEVELS},
    {"kind": "microprice", "tick": 100.0},
)
FEW = (
    {"kind": "mid_return", "tick": 100.0, "rows": [5]},
    {"kind": "order_flow_imbalance", "levels": 2, "rows": [10]},
)
LEVELS_ALONE = ({"kind": "book_levels", "levels": LEVELS},)

# Model: features, scaler, lookback and hyperparameters that keep a case small.
CASES = {
    "oflow": (FLOW, "signed_log", 8, {"encoder": "tcn", "filters": 4, "dilations": [1, 2]}),
    "mlp": (FLOW, "rank_gaussian", 1, {}),
    "tcn": (FEW, "signed_log", 12, {"filters": 4, "dilations": [1, 2]}),
    "lstm": (FEW, "rank_gaussian", 6, {"units": 4}),
    "gru": (FEW, "standard", 6, {"units": 4}),
    "transformer": (FEW, "signed_log", 8, {"units": 8, "heads": 2, "layers": 1}),
    "nhits": (FEW, "signed_log", 10, {"rates": (5, 1)}),
    "patchtst": (FEW, "rank_gaussian", 12, {"patch_rows": 4, "stride": 2}),
    "itransformer": (FEW, "standard", 8, {}),
    "deeplob": (LEVELS_ALONE, "standard", 20, {}),
    "deeplob_attention": (LEVELS_ALONE, "standard", 20, {}),
    "ctabl": (LEVELS_ALONE, "standard", 10, {}),
    "binctabl": (LEVELS_ALONE, "standard", 10, {}),
    "translob": (LEVELS_ALONE, "previous_sessions", 20, {}),
    # Of few rows their last blocks would normalise over two values, whose float32 rounding is then all there is.
    "mlplob": (LEVELS_ALONE, "previous_sessions", 32, {}),
    "tlob": (LEVELS_ALONE, "standard", 32, {}),
    "axiallob": (LEVELS_ALONE, "standard", 40, {}),
}


def test_a_symbol_is_refused_where_one_scaler_is_for_all(books, tmp_path):
    samples = book_samples(books, LEVELS_ALONE, "standard", 2).replace(scaler={"kind": "standard"})
    samples = samples.fit_task(samples.rows)
    model = tsdeep.build("mlp", samples, compile=False)
    with pytest.raises(tsdeep.SpecError, match="symbol: found 'SIM', expected none"):
        tsdeep.export(model, tmp_path, samples=samples, scaler=samples.fit_scaler(samples.rows), symbol="SIM")


@pytest.fixture(scope="module")
def books():
    return make_source({"kind": "simulated_book", "sessions": 2, "rows": 700, "levels": LEVELS}).panel(
        (*BOOK, *EVENTS)
    )


def book_samples(books, features, scaler, lookback, horizon_rows=20):
    task = tsdeep.get_task("movement", horizon_rows=horizon_rows)
    return tsdeep.Samples(
        books, tsdeep.FeatureBank(features), task, lookback, {"kind": scaler, "by_symbol": True}
    )


def shaken(model):
    """A model whose weights are none of them zero, so that no part of it is silent."""
    random = np.random.default_rng(0)
    model.set_weights([w + 0.05 * random.normal(size=w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


def test_every_model_is_among_the_cases():
    tsdeep_models = {
        name
        for name in tsdeep.model_names()
        if tsdeep.models.get_model(name).__module__.startswith("tsdeep.")
    }
    assert tsdeep_models - {"har_network"} == set(CASES)  # which is for volatility: test_export_assets.py


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return c_program.build(tmp_path_factory.mktemp("program"))


def fitted_case(name, books):
    """A model of the order book, its samples and scaler, and rows of both sessions to predict."""
    features, kind, lookback, hparams = CASES[name]
    horizons = [10, 20] if name in ("deeplob_attention", "oflow") else 20
    samples = book_samples(books, features, kind, lookback, horizons)
    fit = samples.rows[samples.rows < 900]
    samples = samples.fit_task(fit)
    scaler = samples.fit_scaler(fit)
    keras.utils.set_random_seed(0)
    model = shaken(tsdeep.build(name, samples, compile=False, **hparams))
    rows = np.r_[samples.origins[-40:], samples.origins[samples.origins >= 1100][:40]]
    return model, samples, scaler, rows


@pytest.mark.parametrize("name", CASES)
def test_an_export_on_raw_book_rows_equals_the_offline_prediction_with_and_without_python(
    name, books, program, tmp_path
):
    model, samples, scaler, rows = fitted_case(name, books)
    window = tsdeep.windows(samples, rows, scaler=scaler, batch_size=len(rows), labels=False)
    offline = samples.task.outputs(model(next(iter(window)), training=False))

    version = tsdeep.export(model, tmp_path / "model", samples=samples, scaler=scaler, verify=False)
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    raw = books.windows(rows, samples.rows_needed, samples.features.fields)
    answer = served(**{field: tf.constant(values, tf.float64) for field, values in raw.items()})
    answer = {output: values.numpy() for output, values in answer.items()}
    assert set(answer) == set(samples.task.output_names)
    without_python = c_program.run(program, version, "serving_default", raw, tmp_path)
    assert set(without_python) == set(answer)
    for output, values in answer.items():
        np.testing.assert_allclose(values, offline[output], atol=1e-5)
        np.testing.assert_allclose(without_python[output], offline[output], atol=1e-5)
    assert np.std([answer[output] for output in answer], axis=1).max() > 1e-4
    assert operations(version) <= ALLOWED


@pytest.fixture(scope="module")
def thin_books(tmp_path_factory):
    """The start of a real day, in whose rows any number of deep levels is unoccupied, as LOBSTER writes it.

    Depth changes every few events and by several levels, each side by itself. The rows are two days, for the scaler
    that reads previous sessions.
    """
    day = real_day(1500)
    random = np.random.default_rng(0)
    depth = np.array([LEVELS, LEVELS])
    for line in day.book:
        depth = np.where(random.uniform(size=2) < 0.2, random.integers(1, LEVELS + 1, 2), depth)
        for side, (column, price) in enumerate(((0, EMPTY), (2, -EMPTY))):
            for level in range(depth[side], LEVELS):
                line[4 * level + column : 4 * level + column + 2] = [str(price), "0"]
    folder = tmp_path_factory.mktemp("thin")
    Day(day.message[:700], day.book[:700]).write(folder)
    return Lobster(path=Day(day.message[700:], day.book[700:], date="2012-06-22").write(folder)).book()


@pytest.mark.parametrize("name", ["oflow", "mlp", "gru", "deeplob", "translob"])
def test_real_books_with_unoccupied_levels_are_served_as_they_are_predicted_offline(
    name, thin_books, tmp_path
):
    features, kind, lookback, hparams = CASES[name]
    if features is not LEVELS_ALONE:
        features = (*features, {"kind": "queue_imbalance", "levels": LEVELS})
    samples = book_samples(thin_books, features, kind, lookback)
    fit = samples.rows[samples.rows < 1200]
    samples = samples.fit_task(fit)
    scaler = samples.fit_scaler(fit)
    keras.utils.set_random_seed(0)
    model = shaken(tsdeep.build(name, samples, compile=False, **hparams))
    rows = np.arange(thin_books.n_rows - 64, thin_books.n_rows)
    sizes = thin_books.windows(rows, samples.rows_needed, ("ask_size", "bid_size"))
    for size in sizes.values():
        deepest = (size > 0).sum(axis=2)  # [rows, rows needed]
        assert (deepest < LEVELS).any(axis=1).all()
        assert (deepest == 1).any()
    # What a price of 9999999999 would give, if it were read.
    assert np.abs(np.asarray(scaler.of("GOOG")(samples.x[rows]))).max() < 1000

    window = tsdeep.windows(samples, rows, scaler=scaler, batch_size=len(rows), labels=False)
    offline = samples.task.outputs(model(next(iter(window)), training=False))
    version = tsdeep.export(model, tmp_path, samples=samples, scaler=scaler, verify=False)
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    raw = thin_books.windows(rows, samples.rows_needed, samples.features.fields)
    answer = served(**{field: tf.constant(values, tf.float64) for field, values in raw.items()})
    newest = tsdeep.predict(tmp_path, thin_books, rows=20)
    for output in samples.task.output_names:
        np.testing.assert_allclose(answer[output], offline[output], atol=1e-5)
        np.testing.assert_allclose(newest[output], offline[output][-20:], atol=1e-5)
    assert np.std([np.asarray(answer[output]) for output in answer], axis=1).max() > 1e-4


def test_the_description_says_what_a_row_is_and_the_levels_it_needs_and_bars_are_refused(books, tmp_path):
    samples = book_samples(books, (*FEW, {"kind": "log_size", "levels": LEVELS}), "signed_log", 4)
    samples = samples.fit_task(samples.rows)
    model = tsdeep.build("mlp", samples, compile=False)
    version = tsdeep.export(
        model, tmp_path, samples=samples, scaler=samples.fit_scaler(samples.rows), verify=False
    )
    about = json.loads((version / "tsdeep.json").read_text())
    assert (about["row"], about["tick"]) == ("one book event", 100.0)
    assert about["field_shapes"]["ask_price"] == [LEVELS]
    assert about["task"]["thresholds"] == {"SIM": list(samples.task.thresholds["SIM"])}
    fewer = books.replace(**{name: books.fields[name][:, :5] for name in BOOK})
    with pytest.raises(
        tsdeep.DataError, match=r"field 'ask_price': found \[5\] values a row.*trained on \[10\]"
    ):
        tsdeep.predict(tmp_path, fewer)
    newest = tsdeep.predict(tmp_path, books, rows=3)
    assert newest["time"].tolist() == list(books.time[-3:])
    np.testing.assert_allclose(newest[["down", "stationary", "up"]].sum(axis=1), 1.0, rtol=1e-5)
    with pytest.raises(tsdeep.DataError, match="reads order books: expected a Panel"):
        tsdeep.predict(tmp_path, pd.DataFrame({"close": [1.0]}))


def test_with_a_scaler_for_each_instrument_an_export_is_of_one(tmp_path):
    source = {"kind": "simulated_book", "sessions": 1, "rows": 400, "symbols": ["A", "B"], "levels": 2}
    both = make_source(source).panel((*BOOK, *EVENTS))
    features = [{"kind": "log_size", "levels": 2}, {"kind": "mid_return", "tick": 100.0, "rows": [5]}]
    samples = book_samples(both, features, "standard", 3)
    samples = samples.fit_task(samples.rows)
    scaler = samples.fit_scaler(samples.rows)
    model = shaken(tsdeep.build("mlp", samples, compile=False))
    with pytest.raises(tsdeep.SpecError, match="each of A, B has a scaler of its own"):
        tsdeep.export(model, tmp_path / "none", samples=samples, scaler=scaler)
    rows = samples.origins[samples.symbol[samples.origins] == "B"][-20:]
    window = tsdeep.windows(samples, rows, scaler=scaler, batch_size=20, labels=False)
    offline = samples.task.outputs(model(next(iter(window)), training=False))
    answers = {}
    for symbol in "AB":
        version = tsdeep.export(
            model, tmp_path / symbol, samples=samples, scaler=scaler, symbol=symbol, verify=False
        )
        assert json.loads((version / "tsdeep.json").read_text())["symbols"] == [symbol]
        served = tf.saved_model.load(str(version)).signatures["serving_default"]
        raw = both.windows(rows, samples.rows_needed, samples.features.fields)
        answers[symbol] = served(**{field: tf.constant(values, tf.float64) for field, values in raw.items()})[
            "up"
        ]
    with pytest.raises(tsdeep.DataError, match="found rows of B, expected A alone"):
        tsdeep.predict(tmp_path / "A", both)
    np.testing.assert_allclose(answers["B"], offline["up"], atol=1e-6)
    assert np.abs(answers["A"] - answers["B"]).max() > 1e-4


def test_a_model_for_every_row_of_a_stretch_is_not_exported(books, tmp_path):
    samples = book_samples(books, FEW, "signed_log", 4)
    samples = samples.fit_task(samples.rows)
    scaler = samples.fit_scaler(samples.rows)
    every = tsdeep.build("mlp", samples, outputs="sequence", compile=False)
    with pytest.raises(
        tsdeep.SpecError,
        match=r"mlp: found logits \[None, None, 3\], expected \[None, 3\]; a model for every row of a stretch is not "
        r"served; hand its weights to build\(\.\.\., outputs='last'\)",
    ):
        tsdeep.export(every, tmp_path, samples=samples, scaler=scaler)
    assert not list(tmp_path.iterdir())
    last = tsdeep.build("mlp", samples, compile=False)
    last.set_weights(every.get_weights())
    assert tsdeep.export(last, tmp_path, samples=samples, scaler=scaler, verify=False).name == "1"
