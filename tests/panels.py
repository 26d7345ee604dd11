"""Small panels of several instruments and sessions, and samples of them."""

import numpy as np

import tsdeep
from tsdeep.features import FeatureBank
from tsdeep.tasks import get_task


def ragged_panel(lengths=(9, 30, 14), symbols=None, *, seed=0) -> tsdeep.Panel:
    """Segments of given lengths, one after another in time, with closes and volumes of random walks."""
    random = np.random.default_rng(seed)
    n_rows = sum(lengths)
    stops = np.cumsum(lengths)
    return tsdeep.Panel(
        fields={
            "close": np.exp(random.normal(3, 0.1, n_rows)),
            "volume": np.exp(random.normal(9, 0.5, n_rows)),
        },
        time=np.datetime64("2020-01-01", "ns") + np.arange(n_rows) * np.timedelta64(1, "h"),
        bounds=np.stack([stops - lengths, stops], axis=1).astype(np.int64),
        symbols=tuple(symbols or ["A"] * len(lengths)),
    )


def ragged_samples(lengths=(9, 30, 14), *, lookback=4, rows=2, horizon_rows=1, seed=0, symbols=None):
    """Samples with a log return over `rows` rows (the warm-up) and the log of the volume."""
    features = [{"kind": "log_return", "rows": rows}, {"kind": "field", "field": "volume", "log": True}]
    return tsdeep.Samples(
        ragged_panel(lengths, symbols, seed=seed),
        FeatureBank(features),
        get_task("direction", horizon_rows=horizon_rows),
        lookback,
    )


def batches(dataset):
    """All elements of one epoch, put together."""
    parts = list(dataset.as_numpy_iterator())
    if not isinstance(parts[0], tuple):
        return np.concatenate(parts)
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))
