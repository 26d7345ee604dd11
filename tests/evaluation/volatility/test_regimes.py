from __future__ import annotations

import numpy as np
import pandas as pd

from tsdeep.evaluation import check_volatility, market_regimes


def test_days_are_sorted_by_the_labels_that_had_ended(made):
    frame = check_volatility(made[0])
    found = market_regimes(frame)
    measures = {}
    for day in frame["time"].unique():
        last = []
        for _, rows in frame.groupby("symbol"):
            ended = rows[rows["end"] <= day]
            if len(ended):
                last.append(ended.sort_values("end")["y"].iloc[-1])
        measures[day] = np.mean(last) if last else np.nan
    known = pd.Series(measures).dropna()
    low, high = known.quantile([1 / 3, 2 / 3])
    for day, regime in zip(frame["time"], found, strict=True):
        value = measures[day]
        expected = (
            None if np.isnan(value) else "calm" if value <= low else "middle" if value <= high else "crisis"
        )
        assert regime == expected
    assert pd.isna(found[frame["time"] == frame["time"].min()]).all()


def test_regimes_see_no_forecast(made):
    frame = check_volatility(made[0])
    other = frame.assign(variance=0.04, volatility=0.2, median=0.2)
    assert (market_regimes(frame) == market_regimes(other)).all()


def test_too_few_days_have_no_regime(made):
    frame = check_volatility(made[0])
    assert pd.isna(market_regimes(frame[frame["time"] <= frame["time"].unique()[4]])).all()
