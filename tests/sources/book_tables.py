"""Tables of book snapshots, made here, and the source that reads them."""

import numpy as np
import pandas as pd

from tsdeep.sources import make_source

COLUMNS = {
    "time": "time",
    "symbol": "code",
    "ask_price": "ask{level}",
    "ask_size": "askSize{level}",
    "bid_price": "bid{level}",
    "bid_size": "bidSize{level}",
    "volume": "volume",
}
START = pd.Timestamp("2025-06-05 09:00")


def snapshots(seconds=range(8), levels=2, symbol="rb", seed=0, start=START):
    """A table of books whose best prices move by a tick now and then, `seconds` after a start."""
    seconds = list(seconds)
    random = np.random.default_rng(seed)
    bid = 100.0 + np.cumsum(random.integers(-1, 2, len(seconds)))
    table = {"time": start + pd.to_timedelta(seconds, unit="s"), "code": symbol}
    for level in range(1, levels + 1):
        table[f"ask{level}"] = bid + level
        table[f"askSize{level}"] = random.integers(1, 50, len(seconds)).astype(np.float64)
        table[f"bid{level}"] = bid + 1 - level
        table[f"bidSize{level}"] = random.integers(1, 50, len(seconds)).astype(np.float64)
    table["volume"] = np.cumsum(random.integers(0, 9, len(seconds))).astype(np.float64)
    return pd.DataFrame(table)


def source(path, **changes):
    """The source of a file or folder, `columns` changed key by key and other settings as given."""
    columns = {**COLUMNS, **changes.pop("columns", {})}
    settings = {"kind": "book_table", "path": str(path), "columns": columns, "tick": 1.0, **changes}
    return make_source(settings)
