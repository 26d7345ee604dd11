"""The references of volatility on ten ETFs, against figures that were calculated elsewhere.

Common dates of the ten from 2004-11-18, test years 2010 to 2019 (the last label ends on 2019-12-31), an origin a day,
each year predicted by what was fitted on labels that end in the years before it; VIX of the same day. Figures are means
over the ten of each one's own, RMSE and MAE of the root of the mean of variance, in annualised percentage points.

What was settled with these figures in view: log-HAR on squared returns over 5, 22 and 66 rows (.2245; over 1, 5 and 22
it is .233), HAR on volatilities with the variance of its residuals (.268; without it .228), and the market's range over
22 rows in the pooled log-HAR (.2052; six other choices of windows give .2054 to .2085). The members of the combination
were named when their own figures were known; no other combination was tried. The settings of the network on fifty days
are those of 23 that had nearly the least squared error over blocks of the training rows of the first fold, before 2010.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.data_folder import data_folder
from tsdeep.assets import Assets, aligned
from tsdeep.baselines.volatility_references import volatility_references
from tsdeep.features import FeatureBank
from tsdeep.joins import joined
from tsdeep.samples import Samples
from tsdeep.tasks import get_task

ETFS = ("SPY", "QQQ", "IWM", "EFA", "EEM", "TLT", "IEF", "LQD", "GLD", "VNQ")
YEARS = range(2010, 2020)
COLUMNS = ("qlike", "rmse", "mae", "rmse_units", "mae_units")
# As calculated elsewhere; None where no figure was given.
TARGETS = {
    "random_walk": (0.327,),
    "ewma": (0.262,),
    "har_rv": (0.283, 6.09, 5.01),
    "har_vol": (0.268, 5.92, 4.80),
    "log_har": (0.224,),
    "log_har_range": (0.213, 4.88, 3.50),
    "log_har_range_vix": (0.207, 4.96, 3.62),
    "pooled_log_har": (0.207, 4.87, 3.56, 4.75, 3.23),
    "garch": (0.227, 5.30, 4.03),
    "gjr_garch": (0.226, 5.25, 3.97),
}


def read(path: Path, symbol: str) -> pd.DataFrame:
    frame = pd.read_csv(path, parse_dates=["Date"])
    frame.columns = ["time", *(name.lower() for name in frame.columns[1:])]
    return frame.assign(symbol=symbol)


def etf_samples(folder: Path) -> Samples:
    frame = pd.concat([read(folder / "etf" / f"{symbol}.csv", symbol) for symbol in ETFS])
    panel = aligned(
        tsdeep.Panel.from_frame(frame), Assets(ETFS, market="SPY", joined=("vix",)), start="common"
    )
    vix = tsdeep.Panel.from_frame(read(folder / "vix" / "VIX.csv", "VIX"))
    features = FeatureBank(
        [
            {"kind": "log_variance", "rows": [1, 5, 22, 66]},
            {"kind": "log_level", "field": "vix", "lag": 0},
            {"kind": "log_variance", "rows": 22, "prefix": "market"},
            {"kind": "asset", "symbols": list(ETFS)},
            {"kind": "overnight_variance", "rows": [1, 5, 22]},
            {"kind": "squared_return", "rows": [1, 5, 22]},
            {"kind": "semivariance", "sign": "down", "rows": [1, 5, 22]},
            {"kind": "signed_return", "rows": [1, 5, 22]},
        ]
    )
    return Samples(joined(panel, "vix", vix), features, get_task("volatility"), 1)


@pytest.fixture(scope="module")
def samples() -> Samples:
    return etf_samples(data_folder())


def folds(samples: Samples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    year = samples.time.astype("datetime64[Y]").astype(int) + 1970
    rows = np.flatnonzero(samples.label_end >= 0)
    rows = rows[rows - samples.panel.bounds[samples.panel.segment[rows], 0] >= 66]
    for test_year in YEARS:
        yield rows[year[samples.label_end[rows]] < test_year], rows[year[rows] == test_year]


def scores(samples: Samples, rows: np.ndarray, outputs: dict[str, np.ndarray]) -> tuple[float, ...]:
    volatility = np.exp(samples.y[rows].astype(float) / 2)
    found = []
    for symbol in ETFS:
        own = samples.symbol[rows] == symbol
        y, variance = volatility[own], outputs["variance"][own]
        ratio = y**2 / variance
        error = 100 * (np.sqrt(variance) - y)
        found.append(
            (
                np.mean(ratio - np.log(ratio) - 1),
                np.sqrt(np.mean(error**2)),
                np.mean(np.abs(error)),
                np.sqrt(np.mean((100 * (outputs["volatility"][own] - y)) ** 2)),
                np.mean(np.abs(100 * (outputs["median"][own] - y))),
            )
        )
    return tuple(np.mean(found, axis=0))


def table_of(samples: Samples) -> pd.DataFrame:
    by_fold = list(folds(samples))
    lines = []
    for index, known in enumerate(volatility_references(samples.panel.fields)):
        started = time.perf_counter()
        parts = []
        for train, test in by_fold:
            reference = volatility_references(samples.panel.fields)[index]
            parts.append(reference.fit(samples, train).predict(samples, test))
        seconds = (time.perf_counter() - started) / len(by_fold)
        rows = np.concatenate([test for _, test in by_fold])
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        y = np.exp(samples.y[rows].astype(float) / 2)
        lines.append(
            {
                "method": known.name,
                **dict(zip(COLUMNS, scores(samples, rows, outputs), strict=True)),
                "cover_80": np.mean((y >= outputs["q100"]) & (y <= outputs["q900"])),
                "cover_95": np.mean((y >= outputs["q025"]) & (y <= outputs["q975"])),
                "seconds_a_fold": seconds,
            }
        )
    return pd.DataFrame(lines).set_index("method")


@pytest.mark.benchmark
def test_references_are_as_calculated_elsewhere_within_two_percent(samples, capsys):
    table = table_of(samples)
    there = {
        (method, column): figure
        for method, figures in TARGETS.items()
        for column, figure in zip(COLUMNS, figures, strict=False)
    }
    shown = table.copy()
    for (method, column), figure in there.items():
        shown.loc[method, f"{column}_there"] = figure
    with capsys.disabled():
        print()
        print(shown.round(4).to_string(na_rep=""))
    for (method, column), figure in there.items():
        assert table.loc[method, column] == pytest.approx(figure, rel=0.02), (method, column)
