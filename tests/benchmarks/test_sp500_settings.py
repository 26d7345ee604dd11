"""How the settings of `sp500_direction` were chosen: on rows before 2004, the year of the first test row.

Walk-forward inside 1999 to 2003 with test years 2002 and 2003. The last trading day of 2003 has no label
there, so nothing of 2004 is read. The spec took the quickest of the settings within 0.001 nats of the lowest
log-loss; its key `variants` is the number of them tried here.
"""

import itertools

import numpy as np
import pandas as pd
import pytest

import tsdeep

MODELS = {
    "lstm": {"units": 16},
    "gru": {"units": 16},
    "tcn": {"filters": 16, "dilations": (1, 2, 4)},
    "transformer": {"units": 16, "heads": 2, "layers": 1, "dropout": 0.1},
}
LOOKBACKS = (10, 20, 40)
LEARNING_RATES = (1e-3, 3e-4)
SEEDS = 3


def variants():
    for model, lookback, learning_rate in itertools.product(MODELS, LOOKBACKS, LEARNING_RATES):
        yield {"model": model, "lookback": lookback, "learning_rate": learning_rate}


def score(variant):
    """Mean log-loss of single seeds, and of their average, over the test years 2002 and 2003."""
    spec = tsdeep.load_spec("sp500_direction").replace(
        period={"end": "2003-12-31"}, lookback=variant["lookback"], split={"train": "2YE", "max_folds": None}
    )
    samples = tsdeep.load(spec)
    assert samples.time.max() < np.datetime64("2004-01-01")
    training = spec.training.model_dump(exclude={"learning_rate", "seeds"})
    result = tsdeep.walk_forward(
        variant["model"],
        samples,
        spec.splitter(),
        seeds=SEEDS,
        learning_rate=variant["learning_rate"],
        progress=False,
        **training,
        **MODELS[variant["model"]],
    )
    y, frame = result.predictions["y"], result.predictions
    losses = {
        name: -np.log(np.where(y == 1, up, 1 - up)).mean() for name, up in frame.filter(like="up").items()
    }
    mean = losses.pop("up")
    base = result.metrics["log_loss"].loc["pooled", "base_rate"]
    return variant | {
        "single": np.mean(list(losses.values())),
        "mean": mean,
        "base_rate": base,
        "seconds": result.seconds,
    }


@pytest.mark.benchmark
def test_settings_come_from_rows_before_the_first_test_row(capsys):
    with capsys.disabled():
        table = []
        for variant in variants():
            table.append(score(variant))
            print(pd.DataFrame(table[-1:]).to_string(index=False, header=len(table) == 1), flush=True)
        table = pd.DataFrame(table).sort_values("mean")
        print(table.to_string(index=False))
    spec = tsdeep.load_spec("sp500_direction")
    assert spec.variants == len(table)
