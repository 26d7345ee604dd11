from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsdeep.errors import DataError
from tsdeep.evaluation import model_confidence_set, superiority

DRAWS = 200


def losses(seed: int, gains: list[float], rows: int = 300) -> pd.DataFrame:
    """Losses of a benchmark and of methods that are better by `gains` on average, with much in common."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(rows, 1))
    table = common + 0.5 * rng.normal(size=(rows, len(gains) + 1)) - np.array([0.0, *gains])
    return pd.DataFrame(table, columns=["benchmark", *(f"m{i}" for i in range(len(gains)))])


def test_a_method_that_is_better_is_found_among_many():
    found = superiority(losses(0, [0.0] * 14 + [0.25]), "benchmark", block_rows=3, draws=DRAWS)
    assert found.best == "m14"
    assert found.difference == pytest.approx(-0.25, abs=0.1)
    assert max(found.reality_check, found.spa, found.spa_upper) < 0.05
    assert found.members["m14"] == 1
    assert found.members["benchmark"] < 0.05


def test_the_best_of_equally_good_methods_is_seldom_called_better():
    tables = [losses(seed, [0.0] * 10) for seed in range(1000, 1080)]
    found = [superiority(table, "benchmark", block_rows=2, draws=DRAWS) for table in tables]
    naive = [  # as if the best had been the only one
        superiority(table[["benchmark", each.best]], "benchmark", block_rows=2, draws=DRAWS)
        for table, each in zip(tables, found, strict=True)
    ]
    for p_values in ([each.reality_check for each in found], [each.spa for each in found]):
        assert np.mean(np.array(p_values) <= 0.1) < 0.2
    assert np.mean([each.spa <= 0.1 for each in naive]) > 0.3


def test_bad_methods_hide_a_good_one_from_the_reality_check_not_from_spa():
    rng = np.random.default_rng(5)
    table = losses(5, [0.12])
    for number in range(20):  # much worse, and noisy
        table[f"bad{number}"] = table["benchmark"] + 1.0 + 4.0 * rng.normal(size=len(table))
    found = superiority(table, "benchmark", block_rows=2, draws=400)
    alone = superiority(table[["benchmark", "m0"]], "benchmark", block_rows=2, draws=400)
    assert found.best == alone.best == "m0"
    assert alone.reality_check < 0.05
    assert found.reality_check > 0.2
    assert found.spa < 0.05
    assert found.spa_lower <= found.spa <= found.spa_upper


def bootstrapped(table: pd.DataFrame, block_rows: int, draws: int, seed: int) -> tuple[float, float]:
    """White's and Hansen's p-values written out, with the stationary bootstrap drawn a row at a time."""
    rng = np.random.default_rng(seed)
    gains = table["benchmark"].to_numpy()[:, None] - table.drop(columns="benchmark").to_numpy()
    n, mean = len(gains), gains.mean(axis=0)
    drawn = np.empty((draws, gains.shape[1]))
    for draw in range(draws):
        rows = np.empty(n, dtype=int)
        for row in range(n):
            starts = row == 0 or rng.random() < 1 / block_rows
            rows[row] = rng.integers(n) if starts else (rows[row - 1] + 1) % n
        drawn[draw] = gains[rows].mean(axis=0)
    error = drawn.std(axis=0)  # of the mean
    white = np.mean((drawn - mean).max(axis=1) >= mean.max())
    kept = np.where(mean / error >= -np.sqrt(2 * np.log(np.log(n))), mean, 0.0)
    statistic = max(0.0, (mean / error).max())
    hansen = np.mean(np.maximum(((drawn - kept) / error).max(axis=1), 0.0) >= statistic)
    return float(white), float(hansen)


@pytest.mark.parametrize(
    ("seed", "gains"), [(1, [0.05, -0.4, 0.02]), (2, [0.0, 0.0, -0.05, 0.03]), (3, [0.08])]
)
def test_p_values_equal_a_bootstrap_written_out(seed, gains):
    table = losses(seed, gains, rows=150)
    found = superiority(table, "benchmark", block_rows=3, draws=1500)
    white, hansen = bootstrapped(table, 3, 1500, seed)
    assert found.reality_check == pytest.approx(white, abs=0.05)
    assert found.spa == pytest.approx(hansen, abs=0.05)


def test_the_confidence_set_is_the_one_of_all_methods():
    table = losses(3, [0.0, 0.2])
    found = superiority(table, "benchmark", block_rows=3, draws=DRAWS, seed=4)
    expected = model_confidence_set(table, block_rows=3, draws=DRAWS, seed=4)
    pd.testing.assert_series_equal(found.members, expected)


def test_a_method_that_is_the_benchmark_changes_nothing_and_alone_has_no_test():
    table = losses(0, [0.1, 0.0])
    twice = table.assign(again=table["benchmark"])
    found, as_before = (superiority(t, "benchmark", block_rows=2, draws=DRAWS) for t in (twice, table))
    assert (found.spa, found.reality_check) == (as_before.spa, as_before.reality_check)
    alone = superiority(twice[["benchmark", "again"]], "benchmark", block_rows=2, draws=DRAWS)
    assert np.isnan([alone.reality_check, alone.spa, alone.spa_lower, alone.spa_upper]).all()
    assert "not defined" in alone.note


def test_bad_input_is_refused_with_what_was_found():
    table = losses(0, [0.0])
    with pytest.raises(DataError, match="losses of benchmark, m0, expected those of the benchmark 'naive'"):
        superiority(table, "naive", block_rows=2)
    with pytest.raises(DataError, match="at least one other method"):
        superiority(table[["benchmark"]], "benchmark", block_rows=2)
    table.loc[5, "m0"] = np.inf
    with pytest.raises(DataError, match="m0, row 5: found inf"):
        superiority(table, "benchmark", block_rows=2)
