"""Small made-up markets for tests."""

import keras
import numpy as np
import pandas as pd

import tsdeep

FEATURES = (
    {"kind": "log_return", "rows": 1},
    {"kind": "realised_volatility", "rows": 5},
    {"kind": "log_volume_change", "rows": 1},
)


def bars(n_rows: int = 700, *, seed: int = 0, start: str = "2000-01-03") -> pd.DataFrame:
    """Daily bars of a random walk whose next direction depends a little on the last."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, 0.01, n_rows)
    steps[1:] -= 0.3 * steps[:-1]
    close = 100 * np.exp(np.cumsum(steps))
    opens = np.r_[100.0, close[:-1]] * np.exp(random.normal(0, 0.002, n_rows))
    top = np.maximum(opens, close) * np.exp(np.abs(random.normal(0, 0.003, n_rows)))
    bottom = np.minimum(opens, close) * np.exp(-np.abs(random.normal(0, 0.003, n_rows)))
    volume = np.exp(random.normal(15, 0.3, n_rows))
    return pd.DataFrame(
        {"open": opens, "high": top, "low": bottom, "close": close, "volume": volume},
        index=pd.bdate_range(start, periods=n_rows, name="time"),
    )


def samples(
    n_rows: int = 700, *, lookback: int = 6, seed: int = 0, horizon_rows: int = 1
) -> "tsdeep.Samples":
    """Samples of one such market."""
    return tsdeep.Samples(
        panel=tsdeep.Panel.from_frame(bars(n_rows, seed=seed), symbol="A"),
        features=tsdeep.FeatureBank(FEATURES),
        task=tsdeep.get_task("direction", horizon_rows=horizon_rows),
        lookback=lookback,
    )


@tsdeep.register_model("tiny")
def tiny(inputs, *, units: int = 3, dropout: float = 0.2):
    """A body that is traced in no time; its dropout makes the random state matter."""
    hidden = keras.layers.Dense(units, activation="tanh")(keras.layers.Flatten()(inputs))
    return keras.layers.Dropout(dropout)(hidden)
