"""Real order books, prepared and streamed: days of LOBSTER's and of a Chinese future, and a folder of many."""

from dataclasses import replace

import numpy as np

import tsdeep
from tests.data_folder import data_folder
from tests.pipeline.prepared_sets import as_set, assert_same, both, streams, training_rows
from tests.sources.lobster_days import real_day, sample

STUDY = {
    "name": "real",
    "fields": ["ask_price", "ask_size", "bid_price", "bid_size"],
    "features": [{"kind": "mid_return", "rows": [1, 20]}, {"kind": "queue_imbalance"}],
    "scaler": {"kind": "standard", "by_symbol": True},
    "task": {"kind": "movement", "horizon_rows": 10, "threshold_in": "balanced"},
    "lookback": 20,
    "split": {"train": "60%", "valid": "20%", "test": "20%"},
}


def check(spec, folder, *, stride, **settings):
    """Streamed windows are those in memory, every `stride`-th of them, in order and shuffled."""
    samples, prepared = both(spec, folder, **settings)
    np.testing.assert_array_equal(np.asarray(prepared.rows), samples.rows)
    rows = samples.rows[::stride]
    options = {"batch_size": 512, "buffer_rows": 20_000}
    assert_same(*streams(samples, prepared, rows, **options))
    scalers = samples.fit_scaler(training_rows(samples)), prepared.fit_scaler(training_rows(samples))
    (x, y), (found, labels) = streams(samples, prepared, rows, scalers=scalers, **options)
    np.testing.assert_allclose(found, x, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(labels, y)
    memory, disk = streams(samples, prepared, rows[::4], shuffle=True, seed=0, **options)
    assert as_set(disk) == as_set(memory)
    prepared.verify()
    return samples, prepared


def splits(prepared):
    return [shard.split for piece in prepared.pieces for shard in piece.shards]


def test_the_lobster_days_of_two_stocks(tmp_path):
    for symbol, levels in (("GOOG", 10), ("AMZN", 5)):
        (tmp_path / "days").mkdir(exist_ok=True)
        (tmp_path / "days" / sample(symbol, levels).name).symlink_to(sample(symbol, levels))
    source = {"kind": "lobster", "path": str(tmp_path / "days"), "levels": 5}
    spec = tsdeep.make_spec({**STUDY, "source": source})
    samples, prepared = check(spec, tmp_path / "data", stride=50)
    assert sorted(piece.name for piece in prepared.pieces) == ["AMZN 2012-06-21", "GOOG 2012-06-21"]
    assert set(splits(prepared)) == {"session_20120621"}
    assert prepared.n_rows == samples.panel.n_rows > 290_000


def test_the_days_of_a_future_with_a_night_session(tmp_path):
    columns = {"ask_price": "ask{level}", "ask_size": "askSize{level}"}
    columns |= {"bid_price": "bid{level}", "bid_size": "bidSize{level}"}
    source = {
        "kind": "book_table",
        "path": str(data_folder() / "shfe"),
        "timezone": "Asia/Shanghai",
        "session": "file",
        "tick": 1.0,
        "columns": {"time": "timestamp", "symbol": "instrumentID", **columns},
    }
    spec = tsdeep.make_spec({**STUDY, "source": source})
    samples, prepared = check(spec, tmp_path, stride=50)
    assert len(samples.panel.bounds) >= 6  # a night and a day at least, each of three days
    assert set(splits(prepared)) == {f"session_202506{day}" for day in ("05", "06", "09")}


def test_a_folder_of_many_days_becomes_many_segments_and_splits(tmp_path):
    day, dates = real_day(400), [f"2012-06-{number}" for number in (21, 22, 25, 26, 27, 28)]
    for symbol in ("GOOG", "OTHR"):
        for date in dates:
            replace(day, symbol=symbol, date=date).write(tmp_path / "days")
    source = {"kind": "lobster", "path": str(tmp_path / "days"), "levels": 5}
    spec = tsdeep.make_spec({**STUDY, "source": source})
    samples, prepared = check(spec, tmp_path / "data", stride=3, chunk_rows=64)
    assert len(prepared.bounds) == len(samples.panel.bounds) == 12
    assert set(splits(prepared)) == {f"session_{date.replace('-', '')}" for date in dates}
    assert len(prepared.pieces) == 12
    one = prepared.rows.counts(*prepared.bounds.T)
    assert (one == one[0]).all()
