from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.volatility.test_comparison import newey_west
from tsdeep.evaluation import check_volatility, interval_coverage, overlap_lags, quantile_shares
from tsdeep.evaluation.volatility.coverage import crossed_rows


@pytest.fixture(scope="module")
def frame(made) -> pd.DataFrame:
    return check_volatility(made[0])


def test_coverage_follows_its_definition_in_every_cell(frame):
    table = interval_coverage({"har_network": frame}, 5).set_index(["kind", "share", "by", "value"])
    for kind, prefix in (("nominal", "q"), ("conformal", "conformal_q")):
        for share, low, high in ((0.8, "100", "900"), (0.95, "025", "975")):
            for by, groups in (("fold", frame.groupby("fold")), ("symbol", frame.groupby("symbol"))):
                for value, rows in groups:
                    row = table.loc[kind, share, by, value]
                    below = rows["y"] < rows[f"{prefix}{low}"]
                    above = rows["y"] > rows[f"{prefix}{high}"]
                    assert row["coverage"] == pytest.approx((~below & ~above).mean())
                    assert [row["below"], row["above"]] == pytest.approx([below.mean(), above.mean()])
                    width = 100 * (rows[f"{prefix}{high}"] - rows[f"{prefix}{low}"])
                    assert row["width"] == pytest.approx(width.mean())
                    assert row["rows"] == len(rows)
                    assert np.isnan(row["low"])


def test_the_band_of_all_rows_is_by_hac_errors_of_days(frame):
    row = (
        interval_coverage({"har_network": frame}, 5)
        .set_index(["kind", "share", "by"])
        .loc["nominal", 0.8, "all"]
    )
    inside = ((frame["q100"] <= frame["y"]) & (frame["y"] <= frame["q900"])).astype(float)
    daily = inside.groupby(frame["time"]).mean().to_numpy()
    assert row["coverage"] == pytest.approx(inside.mean())
    error = newey_west(daily, overlap_lags(500, 5))
    assert (row["high"] - row["low"]) / 2 == pytest.approx(2.0 * error, rel=0.06)  # Student's t, 31 degrees


def test_shares_below_quantiles(frame):
    shares = quantile_shares({"har_network": frame}).set_index(["kind", "level"])["observed"]
    assert shares["nominal", 0.25] == (frame["y"] <= frame["q250"]).mean()
    assert shares["conformal", 0.975] == (frame["y"] <= frame["conformal_q975"]).mean()
    assert len(shares) == 14


def test_true_quantiles_hold_what_they_promise():
    rng = np.random.default_rng(0)
    days, n = 2000, 4
    base = pd.DataFrame(
        {
            "fold": 0,
            "time": np.tile(pd.bdate_range("2010-01-04", periods=days), n),
            "symbol": np.repeat(list("abcd"), days),
            "y": np.exp(0.2 * rng.normal(size=days * n)),
        }
    )
    exact = base.assign(q025=np.exp(-0.392), q100=np.exp(-0.2563), q900=np.exp(0.2563), q975=np.exp(0.392))
    table = interval_coverage({"m": exact}, 1).set_index(["by", "share"])
    for share in (0.8, 0.95):
        row = table.loc[("all", share)]
        assert row["low"] < share < row["high"]
        assert row["coverage"] == pytest.approx(share, abs=0.01)


def test_methods_without_intervals_have_no_rows(frame):
    plain = frame[[c for c in frame if "q" not in c]]
    assert interval_coverage({"m": plain}, 5).empty
    assert quantile_shares({"m": plain}).empty


def test_conformal_rows_that_cross_are_counted(frame):
    crossed = frame["conformal_q100"].where(frame.index >= 7, 10.0)
    assert crossed_rows(frame.assign(conformal_q100=crossed)) == 7
    assert crossed_rows(frame) == 0
