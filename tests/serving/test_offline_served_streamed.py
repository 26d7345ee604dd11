"""Offline = served = streamed: the walk-forward frame, the SavedModel and the stream, on the same thousand rows."""

import numpy as np
import pytest
import tensorflow as tf

import tsdeep
from tsdeep.sources import make_source

ROWS = 1000
LEVELS = 3
BOOK = (
    {"kind": "order_flow_imbalance", "levels": LEVELS, "rows": [1, 10, 50]},
    {"kind": "queue_imbalance", "levels": LEVELS},
    {"kind": "mid_return", "tick": 100.0, "rows": [5, 50]},
    {"kind": "mid_deviation", "tick": 100.0, "rows": [20]},
    {"kind": "mid_volatility", "tick": 100.0, "rows": [50]},
    {"kind": "elapsed_time", "rows": [10]},
    {"kind": "trade_flow", "rows": [20]},
    {"kind": "price_distance", "levels": LEVELS, "tick": 100.0},
    {"kind": "log_size", "levels": LEVELS},
)
SMALL_TCN = {"filters": 4, "kernel_size": 2, "dilations": [1, 2, 4]}  # reads 15 rows
BARS_MODELS = {
    "tcn": ("exact", SMALL_TCN),
    "mlp": ("exact", {}),
    "oflow": ("exact", {"encoder": "tcn", **SMALL_TCN}),
    "lstm": ("window", {"units": 4}),
    "gru": ("window", {"units": 4}),
    "transformer": ("window", {"units": 8, "heads": 2, "layers": 1}),
    "nhits": ("window", {"rates": (2, 1)}),
    "patchtst": ("window", {"patch_rows": 8}),
    "itransformer": ("window", {}),
}
BOOK_MODELS = {name: BARS_MODELS[name] for name in ("tcn", "mlp", "oflow", "lstm")}
LEVEL_MODELS = {name: ("window", {}) for name in ("deeplob", "ctabl")}


def walked(name, samples, hparams):
    """One fold, whose test rows are the last thousand that have a label."""
    cv = tsdeep.WalkForward(train=len(samples.rows) - ROWS - 400, valid=100, test=ROWS + 300)
    return tsdeep.walk_forward(name, samples, cv, epochs=1, jit_compile=False, progress=False, **hparams)


def agree(result, mode, folder):
    """Compare all three on the last thousand test rows; return the sessions that these stand in."""
    samples = result.samples
    (fold,) = result.cv.split(samples)
    rows = fold.test[-ROWS:]
    assert len(rows) == ROWS
    outputs = [name for name in samples.task.output_names if name in result.predictions]
    offline = result.predictions.iloc[-ROWS:]
    assert offline["time"].tolist() == list(samples.time[rows])

    symbol = samples.panel.symbols[0]
    version = tsdeep.export(result, folder, stream=mode, verify=False)
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    fields = samples.features.fields
    windows = samples.panel.windows(rows, samples.rows_needed, fields)
    answer = served(**{name: tf.constant(values, tf.float64) for name, values in windows.items()})

    raw = {name: samples.panel.raw(name) for name in fields}
    streams = [tsdeep.Stream(result, mode=mode), tsdeep.Stream(folder)]
    streamed = [{}, {}]
    starts = set(samples.panel.bounds[:, 0].tolist())
    first = int(samples.panel.bounds[samples.panel.segment[rows[0]], 0])
    for row in range(max(first, int(rows[0]) - 2 * samples.rows_needed), int(rows[-1]) + 1):
        for stream, found in zip(streams, streamed, strict=True):
            if row in starts:
                stream.reset()
            found[row] = stream.push({name: values[row] for name, values in raw.items()})
    for output in outputs:
        np.testing.assert_allclose(answer[output], offline[output], rtol=0, atol=1e-5, err_msg=symbol)
        assert np.std(offline[output]) > 1e-5
        for found in streamed:
            np.testing.assert_allclose(
                [found[row][output] for row in rows], offline[output], rtol=0, atol=1e-5
            )
    return samples.panel.segment[rows]


@pytest.fixture(scope="module")
def index():
    spec = tsdeep.load_spec("sp500_direction")
    return tsdeep.load(spec)


def cases(models):
    """Names of models; those that run a window at every row are slow."""
    return [
        pytest.param(name, marks=() if mode == "exact" else pytest.mark.slow)
        for name, (mode, _) in models.items()
    ]


@pytest.mark.parametrize("name", cases(BARS_MODELS))
def test_for_the_index_all_three_agree(name, index, tmp_path):
    mode, hparams = BARS_MODELS[name]
    agree(walked(name, index, hparams), mode, tmp_path)


def book(features, lookback, scaler):
    source = {"kind": "simulated_book", "sessions": 4, "rows": 700, "levels": LEVELS}
    fields = ("ask_price", "ask_size", "bid_price", "bid_size")
    events = ("event_type", "event_size", "event_price", "event_side")
    task = tsdeep.get_task("movement", horizon_rows=20)
    panel = make_source(source).panel((*fields, *events))
    return tsdeep.Samples(
        panel, tsdeep.FeatureBank(features), task, lookback, {"kind": scaler, "by_symbol": True}
    )


@pytest.mark.parametrize("name", cases(BOOK_MODELS | LEVEL_MODELS))
def test_for_the_order_book_all_three_agree_across_a_session_boundary(name, tmp_path):
    if name in BOOK_MODELS:
        mode, hparams = BOOK_MODELS[name]
        samples = book(BOOK, 16, "rank_gaussian")
    else:
        mode, hparams = LEVEL_MODELS[name]
        samples = book([{"kind": "book_levels", "levels": LEVELS}], 20, "standard")
    sessions = agree(walked(name, samples, hparams), mode, tmp_path)
    assert len(np.unique(sessions)) > 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "lookback", "hparams"),
    [
        ("oflow", 1, {}),
        ("mlp", 1, {}),
        ("tcn", 16, SMALL_TCN),
        ("oflow", 16, {"encoder": "tcn", **SMALL_TCN}),
    ],
)
def test_for_the_shipped_order_book_study_all_three_agree(name, lookback, hparams, tmp_path):
    spec = tsdeep.load_spec("lob_midprice")
    content = spec.resolved()
    content["source"] |= {"sessions": 6, "rows": 1400}
    samples = tsdeep.load(tsdeep.make_spec(content | {"lookback": lookback}))
    assert samples.rows_needed > 500
    hparams = hparams or spec.hparams.get(name, {})
    sessions = agree(walked(name, samples, hparams), "exact", tmp_path)
    assert len(np.unique(sessions)) > 1
