"""Rolling correlations against loops, NumPy and exact spectra; constants, gaps, XLA and exports."""

from __future__ import annotations

from itertools import pairwise
from math import log, log1p, sqrt

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.etf_rows import BASKET, basket_closes, computed, etf
from tests.features.raw_rows import BASKET as MADE
from tests.features.raw_rows import raw_rows
from tsdeep.errors import DataError, SpecError
from tsdeep.features import Correlation
from tsdeep.features.correlation import first_eigenvalue

ALL = ("matrix", "average", "first_eigenvalue", "own")


def rows_of(source):
    """Assets, closes of the basket `[rows, assets]` and of one asset `[rows]`."""
    if source == "etf":
        first, last = "2008-08-01", "2009-02-27"
        return BASKET, {
            "basket_close": basket_closes(first, last),
            "close": etf("TLT", first, last)["close"],
        }
    raw = raw_rows(90, seed=3, batch=1)
    return MADE, {name: raw[name][0] for name in ("basket_close", "close")}


both_sources = pytest.mark.parametrize("source", ["etf", "made"])


def pearson(x, y):
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    xy = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return xy / sqrt(sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y))


@both_sources
@pytest.mark.parametrize("rows", [3, 20, 50])
def test_every_output_equals_a_loop(source, rows):
    assets, raw = rows_of(source)
    closes, own = raw["basket_close"].tolist(), raw["close"].tolist()
    n = len(assets)
    returns = [[log(b / a) for a, b in zip(before, now, strict=True)] for before, now in pairwise(closes)]
    basket = [
        log1p(sum(b / a - 1 for a, b in zip(before, now, strict=True)) / n)
        for before, now in pairwise(closes)
    ]
    own_returns = [log(b / a) for a, b in pairwise(own)]
    got = computed(Correlation(assets, rows, ALL), raw)
    for t in range(rows, len(closes), 7):
        window = returns[t - rows : t]  # the return of row i stands at i - 1
        series = list(zip(*window, strict=True))
        pairs = [pearson(series[i], series[j]) for i in range(n) for j in range(i + 1, n)]
        matrix = np.corrcoef(np.array(series))
        expected = [
            *pairs,
            sum(pairs) / len(pairs),
            np.linalg.eigvalsh(matrix)[-1] / n,
            pearson(own_returns[t - rows : t], basket[t - rows : t]),
        ]
        np.testing.assert_allclose(got[t - rows], expected, rtol=1e-9, atol=1e-9)


@both_sources
def test_names_and_outputs_stand_in_the_order_asked_for(source):
    assets, raw = rows_of(source)
    feature = Correlation(assets, 20, ALL)
    whole = dict(zip(feature.names, computed(feature, raw).T, strict=True))
    assert feature.names[: len(assets)] == (
        *(f"correlation_20_{assets[0]}_{other}" for other in assets[1:]),
        f"correlation_20_{assets[1]}_{assets[2]}",
    )
    few = Correlation(assets, 20, ["own", "average"])
    assert few.names == ("correlation_20_own", "correlation_20_average")
    for feature in (few, *(Correlation(assets, 20, output) for output in ALL)):
        expected = np.stack([whole[name] for name in feature.names], axis=1)
        np.testing.assert_array_equal(computed(feature, raw), expected)


def test_reads_the_rows_own_close_for_its_own_correlation_alone():
    assert Correlation(MADE).fields == ("basket_close",)
    assert Correlation(MADE, outputs="own").fields == ("basket_close", "close")
    assert Correlation(MADE, 50).warmup == 50


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 999), st.integers(0, 40))
def test_bit_identical_wherever_the_segment_starts(seed, start):
    # Doublings and halvings have returns that log1p gives alike at every place of a vector.
    steps = np.random.default_rng(seed).choice([0.5, 1.0, 2.0], (60, len(MADE)))
    raw = {"basket_close": np.cumprod(steps, axis=0)}
    raw["close"] = raw["basket_close"][:, 2].copy()
    feature = Correlation(MADE, 9, ALL)
    cut = {name: rows[start:].copy() for name, rows in raw.items()}
    np.testing.assert_array_equal(computed(feature, raw)[start:], computed(feature, cut))


def test_a_constant_series_has_the_correlation_zero_with_every_other():
    raw = {name: rows[0].copy() for name, rows in raw_rows(40, batch=1).items()}
    raw["basket_close"][:, 1] = 25.0  # never moves
    raw["basket_close"][:, 3] = 0.1 * 1.001 ** np.arange(40)  # constant but for the rounding of prices
    got = computed(Correlation(MADE, 10, ALL), raw)
    names = Correlation(MADE, 10, ALL).names
    for channel, name in enumerate(names[:6]):
        if "BB" in name or "DD" in name:
            np.testing.assert_array_equal(got[:, channel], 0.0)
        else:
            assert (got[:, channel] != 0).all()
    pair = got[:, names.index("correlation_10_AA_CC")]
    np.testing.assert_allclose(got[:, names.index("correlation_10_average")], pair / 6, rtol=1e-13)
    share = got[:, names.index("correlation_10_first_eigenvalue")]
    np.testing.assert_allclose(share, (1 + np.abs(pair)) / 4, rtol=1e-12)


def test_where_no_price_moves_one_factor_explains_no_more_than_its_share():
    still = {"basket_close": np.full((9, 4), 5.0), "close": np.full(9, 5.0)}
    got = computed(Correlation(MADE, 4, ["average", "first_eigenvalue", "own"]), still)
    np.testing.assert_array_equal(got, np.tile([0.0, 0.25, 0.0], (5, 1)))


def test_series_that_move_together_or_against_each_other_have_the_correlations_one_and_minus_one():
    steps = np.random.default_rng(0).normal(0, 0.01, 60)
    path = np.cumsum(steps)
    raw = {"basket_close": np.exp(np.stack([path, 3 * path, -path], axis=1))}
    got = computed(Correlation(["A", "B", "C"], 20, ["matrix", "first_eigenvalue"]), raw)
    np.testing.assert_allclose(got, np.tile([1.0, -1.0, -1.0, 1.0], (40, 1)), rtol=1e-12)


def test_an_asset_that_has_not_begun_gives_nan_to_its_pairs_and_to_what_needs_all():
    closes = basket_closes("2004-08-02", "2005-03-31")  # VNQ begins on 2004-09-29, GLD on 2004-11-18
    feature = Correlation(BASKET, 50, ["matrix", "average", "first_eigenvalue"])
    got = computed(feature, {"basket_close": closes})
    for channel, name in enumerate(feature.names):
        others = [BASKET.index(asset) for asset in name.split("_")[2:] if asset in BASKET]
        begun = np.isfinite(closes[:, others or range(10)]).all(axis=1)
        whole = np.array([begun[t - 50 : t + 1].all() for t in range(50, len(closes))])
        np.testing.assert_array_equal(np.isfinite(got[:, channel]), whole, name)
    assert np.isfinite(got).all(axis=1).any()
    assert np.isnan(got[0]).sum() == 17 + 2


def test_nan_beside_a_constant_series_stays_nan():
    raw = {name: rows[0].copy() for name, rows in raw_rows(20, batch=1).items()}
    raw["basket_close"][:, 0] = 7.0
    raw["basket_close"][:, 1] = np.nan
    got = computed(Correlation(MADE, 5, "matrix"), raw)
    np.testing.assert_array_equal(np.isnan(got[0]), [True, False, False, True, True, False])


def spectra(n, rng):
    """Eigenvalues that add up to n: far apart, tied, nearly tied, of rank one, all alike."""
    yield rng.exponential(1, n)
    for gap in (0.0, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 1e-3):
        for tied in (2, n // 2, n):
            values = rng.uniform(0, 0.5, n)
            values[:tied] = 1.0 - gap * np.arange(tied)
            yield values
    yield np.eye(n)[0]
    yield np.ones(n)


@pytest.mark.parametrize("n", [2, 10, 30])
@pytest.mark.parametrize("compiled", [False, True])
def test_first_eigenvalue_equals_numpy_whatever_the_spectrum(n, compiled):
    rng = np.random.default_rng(n)
    matrices = []
    for values in spectra(n, rng):
        base = np.linalg.qr(rng.normal(size=(n, n)))[0]
        matrix = base @ np.diag(values * n / values.sum()) @ base.T
        matrices.append((matrix + matrix.T) / 2)
    matrices = np.array(matrices)
    call = tf.function(first_eigenvalue, jit_compile=True) if compiled else first_eigenvalue
    got = np.asarray(call(tf.constant(matrices)))
    np.testing.assert_allclose(got, np.linalg.eigh(matrices)[0][:, -1], rtol=1e-6)
    apart = np.diff(np.linalg.eigvalsh(matrices)[:, -2:], axis=1)[:, 0] > 1e-4
    np.testing.assert_allclose(got[apart], np.linalg.eigh(matrices)[0][apart, -1], rtol=1e-12)


def test_compiled_and_exported_it_gives_the_same_values(tmp_path):
    assets, raw = rows_of("made")
    feature = Correlation(assets, 20, ALL)
    tensors = {name: tf.constant(raw[name][None]) for name in feature.fields}
    expected = np.asarray(feature(tensors))
    compiled = tf.function(feature, jit_compile=True)(tensors)
    np.testing.assert_allclose(compiled, expected, rtol=1e-12, atol=1e-14)
    inputs = {
        name: keras.Input((None, *rows.shape[2:]), dtype="float64", name=name)
        for name, rows in tensors.items()
    }
    model = keras.Model(inputs, feature(inputs))
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved").serve
    np.testing.assert_allclose(served(tensors), expected, rtol=1e-12, atol=1e-14)
    newest = {name: rows[:, -21:] for name, rows in tensors.items()}
    np.testing.assert_allclose(served(newest), expected[:, -1:], rtol=1e-12, atol=1e-14)


def test_what_does_not_fit_is_refused():
    with pytest.raises(SpecError, match="'correlation': argument 'assets' is missing"):
        Correlation()
    with pytest.raises(SpecError, match="'correlation': assets = "):
        Correlation(["SPY"])
    with pytest.raises(SpecError, match="'correlation': found the asset 'SPY' twice"):
        Correlation(["SPY", "SPY"])
    with pytest.raises(
        SpecError, match="'correlation': rows = 2: input should be greater than or equal to 3"
    ):
        Correlation(MADE, 2)
    with pytest.raises(SpecError, match=r"an output is given more than once in \['own', 'own'\]"):
        Correlation(MADE, outputs=["own", "own"])
    with pytest.raises(SpecError, match="'correlation': outputs = 'eigenvalue': input should be 'matrix'"):
        Correlation(MADE, outputs="eigenvalue")
    with pytest.raises(
        DataError, match=r"'basket_close' has shape \(1, 9, 3\); expected \[batch, rows, 4\], one"
    ):
        Correlation(MADE, 5)({"basket_close": np.ones((1, 9, 3))})
