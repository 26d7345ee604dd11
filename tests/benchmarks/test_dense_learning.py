"""Seconds of training to a given validation log-loss: dense stretches against windows, on real books.

Both train the same TCN from the same weights, each with two settings of its own; the clock runs during training
steps alone. The log-loss to reach is the best one of the way that gets less far, so that both reach it.
"""

import time

import keras
import numpy as np
import pytest

import tsdeep
from tests.data_folder import data_folder, needs_data
from tsdeep.pipeline import dense_rows
from tsdeep.sources import make_source

LOOKBACK, SCALES, EPOCHS, CHECKS = 61, [10, 50, 200], 3, 10  # checks of the validation rows in an epoch
WAYS = {
    "windows of batch 256": {"batch_size": 256, "learning_rate": 1e-3},
    "windows of batch 64": {"batch_size": 64, "learning_rate": 1e-3},
    "dense, 1 x 1024 rows": {"mode": "dense", "stretch": 1024, "batch_size": 1, "learning_rate": 3e-3},
    "dense, 4 x 256 rows": {"mode": "dense", "stretch": 256, "batch_size": 4, "learning_rate": 3e-3},
}


def book_samples(panel, levels, **task):
    tick = panel.tick
    features = [
        {"kind": "order_flow_imbalance", "levels": levels, "rows": SCALES},
        {"kind": "queue_imbalance", "levels": levels},
        {"kind": "mid_return", "tick": tick, "rows": SCALES},
        {"kind": "mid_deviation", "tick": tick, "rows": SCALES},
        {"kind": "mid_volatility", "tick": tick, "rows": SCALES},
        {"kind": "spread", "tick": tick},
    ]
    return tsdeep.Samples(
        panel,
        tsdeep.FeatureBank(features),
        tsdeep.get_task("movement", horizon_rows=100, **task),
        LOOKBACK,
        scaler={"kind": "signed_log", "clip": 3.0},
    )


def one_day(data):
    """GOOG, the first 60 % of events to train on and the next 20 % to validate on."""
    (path,) = (data / "lobster").glob("*_GOOG_*.zip")
    fields = ("ask_price", "ask_size", "bid_price", "bid_size")
    samples = book_samples(
        make_source({"kind": "lobster", "path": str(path)}).panel(fields),
        10,
        threshold=5.5,
        threshold_in="ticks",
    )
    cuts = [int(share * samples.panel.n_rows) for share in (0.6, 0.8)]
    train = samples.rows[samples.label_end[samples.rows] < cuts[0]]
    valid = samples.rows[(samples.rows >= cuts[0]) & (samples.label_end[samples.rows] < cuts[1])]
    return samples, train, valid


def three_days(data):
    """SHFE rebar: two days to train on, the third to validate on."""
    source = {
        "kind": "book_table",
        "path": str(data / "shfe"),
        "timezone": "Asia/Shanghai",
        "session": "file",
        "tick": 1.0,
        "columns": {
            "time": "timestamp",
            "symbol": "instrumentID",
            "ask_price": "ask{level}",
            "ask_size": "askSize{level}",
            "bid_price": "bid{level}",
            "bid_size": "bidSize{level}",
        },
    }
    samples = book_samples(
        make_source(source).panel(("ask_price", "ask_size", "bid_price", "bid_size")),
        5,
        threshold_in="balanced",
    )
    day = samples.panel.session_date[samples.rows]
    train, valid = samples.rows[day < day.max()], samples.rows[day == day.max()]
    return samples.fit_task(train), train, valid


class Curve(keras.callbacks.Callback):
    """Validation log-loss against seconds of training."""

    def __init__(self, score):
        super().__init__()
        self.score, self.points, self.seconds = score, [], 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds += time.perf_counter() - self.started
        self.points.append((self.seconds, self.score(self.model.get_weights())))


def learn(samples, train, valid, scaler, way):
    """Points (seconds, log-loss) of one way of training."""
    way = dict(way)
    outputs = "sequence" if way.get("mode") == "dense" else "last"
    keras.utils.set_random_seed(0)
    sizes = {"filters": 16, "dropout": 0.2}
    rate = way.pop("learning_rate")
    model = tsdeep.build("tcn", samples, outputs=outputs, jit_compile=True, learning_rate=rate, **sizes)
    scorer = tsdeep.build("tcn", samples, outputs="sequence", jit_compile=True, **sizes)
    rows = tsdeep.windows(
        samples, valid, mode="dense", scaler=scaler, labels=False, stretch=4096, batch_size=1
    )
    found, truth = dense_rows(samples, valid, stretch=4096), samples.y[valid].astype(int)

    def score(weights):
        scorer.set_weights(weights)
        logits = scorer.predict(rows, verbose=0)[found >= 0]
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return -logits[np.arange(len(truth)), truth].mean()

    batches = tsdeep.windows(samples, train, scaler=scaler, shuffle=True, seed=0, drop_remainder=True, **way)
    model.optimizer.build(model.trainable_variables)
    state = model.get_weights(), [v.numpy() for v in model.optimizer.variables]
    model.fit(batches, steps_per_epoch=2, verbose=0)  # compiles
    model.set_weights(state[0])
    for variable, value in zip(model.optimizer.variables, state[1], strict=True):
        variable.assign(value)
    curve = Curve(score)
    steps = max(1, len(batches) // CHECKS)
    model.fit(
        batches.repeat(),
        steps_per_epoch=steps,
        epochs=EPOCHS * len(batches) // steps,
        callbacks=[curve],
        verbose=0,
    )
    return np.array(curve.points)


@pytest.mark.benchmark
@needs_data
@pytest.mark.parametrize("market", [one_day, three_days])
def test_seconds_to_a_validation_log_loss(market, capsys):
    samples, train, valid = market(data_folder())
    scaler = samples.fit_scaler(train)
    curves = {name: learn(samples, train, valid, scaler, way) for name, way in WAYS.items()}
    best = {
        way: min(curve[:, 1].min() for name, curve in curves.items() if name.startswith(way))
        for way in ("windows", "dense")
    }
    target = max(best.values())
    shares = np.bincount(samples.y[train].astype(int), minlength=3) / len(train)
    base = -np.log(shares[samples.y[valid].astype(int)]).mean()
    with capsys.disabled():
        print(
            f"\n{market.__doc__} {len(train):,} rows; log-loss of the class shares {base:.4f}, to reach {target:.4f}"
        )
        for name, curve in curves.items():
            reached = curve[curve[:, 1] <= target, 0]
            epoch = EPOCHS * (np.argmax(curve[:, 1] <= target) + 1) / len(curve)
            at = f"{reached[0]:6.1f} s, {epoch:.1f} epochs" if len(reached) else "not reached"
            print(
                f"  {name:<22} best {curve[:, 1].min():.4f}, {curve[-1, 0]:6.1f} s in all, to the target {at}"
            )
    assert target < base
