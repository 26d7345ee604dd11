from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdeep.errors import SpecError
from tsdeep.evaluation import draw_blocks, effective_rows, non_overlapping_rows


def rows_drawn(blocks, draw: int) -> list[int]:
    """The rows of a draw, by a loop over its blocks."""
    rows = []
    for start in blocks.starts[draw]:
        first, size = int(blocks.first[start]), int(blocks.rows[start])
        rows += [first + (start - first + i) % size for i in range(min(blocks.block_rows, size))]
    return rows


SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(1, 50), st.integers(0, 5))
def test_sums_equal_a_loop_and_no_block_crosses_a_segment(sizes, block_rows, seed):
    segments = np.repeat(np.arange(len(sizes)), sizes)
    blocks = draw_blocks(segments, block_rows, draws=7, seed=seed)
    values = np.random.default_rng(seed).normal(size=(len(segments), 2))
    sums = blocks.sums(values)
    for draw in range(7):
        rows = rows_drawn(blocks, draw)
        assert np.allclose(sums[draw], values[rows].sum(axis=0), atol=1e-9)
        at = 0
        for start in blocks.starts[draw]:
            size = min(block_rows, int(blocks.rows[start]))
            assert set(segments[rows[at : at + size]]) == {segments[start]}
            at += size


def test_every_row_is_drawn_equally_often_whatever_the_lengths_of_the_segments():
    segments = np.repeat([0, 1, 2, 3], [100, 7, 30, 3])
    blocks = draw_blocks(segments, 20, draws=20000)
    counts = np.bincount(np.concatenate([rows_drawn(blocks, d) for d in range(2000)]), minlength=140)
    assert np.allclose(counts / counts.mean(), 1, atol=0.2)
    totals = blocks.sums(np.ones((140, 1)))
    assert totals.mean() == pytest.approx(140, rel=0.1)
    assert blocks.sums(np.arange(140.0)[:, None]).sum() / totals.sum() == pytest.approx(139 / 2, rel=0.01)


def test_equal_seeds_draw_equally_and_a_long_segment_gives_its_own_rows():
    blocks = [draw_blocks(np.zeros(1000), 50, draws=5, seed=s) for s in (3, 3, 4)]
    assert (blocks[0].starts == blocks[1].starts).all()
    assert (blocks[0].starts != blocks[2].starts).any()
    assert blocks[0].sums(np.ones((1000, 1))).ravel().tolist() == [1000.0] * 5
    with pytest.raises(SpecError, match="block_rows"):
        draw_blocks(np.zeros(5), 0)


def overlapping(rows: int, horizon: int, seed: int) -> np.ndarray:
    """Sums of the next `horizon` shocks of each row: labels that overlap."""
    shocks = np.random.default_rng(seed).normal(size=rows + horizon - 1)
    return np.convolve(shocks, np.ones(horizon), "valid")


def test_the_error_of_a_mean_of_overlapping_values_is_that_of_the_closed_form():
    rows, horizon = 6000, 20
    expected = np.sqrt(horizon**2 / rows)  # the long-run variance of a moving sum of h unit shocks is h^2
    found = []
    for seed in range(12):
        blocks = draw_blocks(np.repeat([0, 1, 2], 2000), 10 * horizon, draws=400, seed=seed)
        found.append(blocks.sums(overlapping(rows, horizon, seed)[:, None]).std(ddof=1) / rows)
    assert np.mean(found) == pytest.approx(expected, rel=0.1)
    naive = np.sqrt(horizon / rows)
    assert np.mean(found) > 3 * naive


def test_five_horizons_a_block_cover_the_mean_of_overlapping_values_nearly_as_often_as_they_say():
    covered = 0
    for seed in range(150):
        values = overlapping(3000, 20, seed)
        blocks = draw_blocks(np.zeros(3000), 100, draws=300, seed=seed)
        error = blocks.sums(values[:, None]).std(ddof=1) / 3000
        covered += abs(values.mean()) < 2 * error
    assert 0.87 <= covered / 150 <= 0.99


def test_effective_rows_equal_the_closed_form_of_overlapping_sums_and_of_noise():
    # Bartlett weights with many lags: c0 / long-run variance of a moving sum of h is 1 / h.
    values = overlapping(60000, 10, 0)
    assert effective_rows(values, np.zeros(60000), 200) == pytest.approx(6000, rel=0.15)
    noise = np.random.default_rng(0).normal(size=20000)
    assert effective_rows(noise, np.repeat([0, 1], 10000), 20) == pytest.approx(20000, rel=0.1)
    assert effective_rows(np.ones(50), np.zeros(50), 5) == 50
    assert np.isnan(effective_rows([1.0, np.inf], [0, 0], 1))


def test_effective_rows_equal_a_loop_over_pairs_within_segments():
    rng = np.random.default_rng(1)
    x, segments, lags = rng.normal(size=60).cumsum(), np.repeat([0, 1, 2], [30, 4, 26]), 6
    d = x - x.mean()
    c = [
        sum(d[t] * d[t + k] for t in range(60 - k) if segments[t] == segments[t + k]) for k in range(lags + 1)
    ]
    expected = 60 * c[0] / (c[0] + 2 * sum((1 - k / (lags + 1)) * c[k] for k in range(1, lags + 1)))
    assert effective_rows(x, segments, lags) == pytest.approx(expected, rel=1e-10)


def test_labels_that_do_not_overlap_are_rows_over_horizon_and_at_least_one_a_segment():
    assert non_overlapping_rows(np.repeat([0, 1, 2], [1000, 500, 20]), 100) == 16
