"""Small reports of every kind, with all the sections that they can have."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd

from tests.evaluation.comparison.runs import make_runs
from tests.evaluation.conftest import make_predictions, make_prices
from tests.evaluation.movement.conftest import NAMES, TICK, make_movement, make_references, touch_of
from tests.evaluation.test_plots import history
from tests.evaluation.volatility.conftest import make_volatility
from tsdeep import WalkForward
from tsdeep.evaluation import Evidence, compare_evidence, write_report

ABOUT = {
    "settings": {"model": "tcn", "hparams": {"filters": 16, "dilations": [1, 2, 4]}, "refit": True},
    "provenance": {"source": "random numbers", "rows": 1200, "SHA-256 of the data": "0123456789abcdef" * 4},
    "question": "Is anything to be seen in random numbers?",
    "notes": ("Made of random numbers.",),
    "draws": 100,
}
SYMBOLS = ("AAA", "BBB", "CCC", "DDD")


def folds_of(frame: pd.DataFrame) -> dict[str, object]:
    """How the rows are cut by an expanding window, as a table and drawn."""
    time = pd.DatetimeIndex(frame["time"].drop_duplicates().sort_values())
    cv = WalkForward(train=len(time) // 2, valid=len(time) // 10, test=len(time) // 10, purge=1)
    return {"folds": cv.table(time), "folds_figure": cv.plot(time), "history": history()}


def direction_page(folder: Path) -> Path:
    """Four symbols, two seeds, ranked by date."""
    frames = [make_predictions(seed=n, symbol=name) for n, name in enumerate(SYMBOLS)]
    frame = pd.concat(frames, ignore_index=True)
    prices = pd.concat([make_prices(seed=9 + n, symbol=name) for n, name in enumerate(SYMBOLS)])
    references = pd.concat(
        [frame.assign(method="always_up", up=1.0), frame.assign(method="base_rate", up=0.52)],
        ignore_index=True,
    )
    seeds = {f"up_seed{k}": (frame["up"] + 0.01 * (2 * k - 1)).clip(0, 1) for k in range(2)}
    evidence = Evidence(
        "toy", "tcn", frame.assign(**seeds), prices, references=references, **folds_of(frames[0]), **ABOUT
    )
    return write_report(evidence, folder)


def movement_page(folder: Path) -> Path:
    """Two horizons, traded at the touch."""
    frame = make_movement(300, horizons=(5, 20))
    seeds = {f"{name}_seed{k}": frame[name] for name in NAMES for k in range(2)}
    evidence = Evidence(
        "toy_book", "tlob", frame.assign(**seeds), references=make_references(frame), task="movement",
        touch=touch_of(frame), tick=TICK, **folds_of(frame), **ABOUT,
    )  # fmt: skip
    return write_report(evidence, folder)


def volatility_page(folder: Path) -> Path:
    """Three assets, two members, a portfolio."""
    predictions, references, prices = make_volatility(300, members=2)
    first = predictions[predictions["symbol"] == predictions["symbol"].iloc[0]]
    evidence = Evidence(
        "toy_volatility", "har_network", predictions, prices, references=references, task="volatility",
        horizon_rows=5, **folds_of(first), **ABOUT,
    )  # fmt: skip
    return write_report(evidence, folder)


def comparison_page(folder: Path) -> Path:
    """Four runs, of which one knows more."""
    runs = make_runs(lstm=0.0, gru=0.0, tcn=0.05, mlp=0.0)
    about = {"provenance": ABOUT["provenance"], "question": ABOUT["question"]}
    told = {name: dataclasses.replace(run, **about) for name, run in runs.items()}
    return compare_evidence(told, draws=100).report(folder / "compare.html")


PAGES = {
    "direction": direction_page,
    "movement": movement_page,
    "volatility": volatility_page,
    "comparison": comparison_page,
}
