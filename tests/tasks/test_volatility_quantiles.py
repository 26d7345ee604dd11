import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from scipy import stats

from tsdeep.tasks.volatility_quantiles import TYPICAL_DEVIATION, centre_of, log_variance_quantiles, outward
from tsdeep.units import QUANTILES

LEVELS = [QUANTILES, (0.5,), (0.1, 0.9), (0.05, 0.2), (0.6, 0.7, 0.999), (0.001, 0.5)]


def quantiles(m, raw, levels):
    return np.stack([np.asarray(q) for q in log_variance_quantiles(m, raw, levels)], axis=-1)


def by_definition(m, raw, levels):
    """The centre, and sums of softplus distances from it, in float64."""
    centre = int(np.argmin(np.abs(np.array(levels) - 0.5).round(9)))
    z = stats.norm.ppf(levels)
    found = np.zeros((len(m), len(levels)))
    for row in range(len(m)):
        found[row, centre] = m[row] + raw[row, centre]
        for side in (1, -1):
            i = centre + side
            while 0 <= i < len(levels):
                at_zero = TYPICAL_DEVIATION * abs(z[i] - z[i - side])
                distance = np.log1p(np.exp(raw[row, i] + np.log(np.exp(at_zero) - 1)))
                found[row, i] = found[row, i - side] + side * distance
                i += side
    return found


@pytest.mark.parametrize("levels", LEVELS)
def test_quantiles_are_a_centre_and_sums_of_distances(levels):
    random = np.random.default_rng(0)
    m, raw = random.normal(-4, 2, 50), random.normal(0, 3, (50, len(levels)))
    found = quantiles(m.astype("float32"), raw.astype("float32"), levels)
    np.testing.assert_allclose(found, by_definition(m, raw, levels), rtol=2e-6, atol=2e-6)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LEVELS), st.integers(0, 10**6), st.sampled_from([1.0, 30.0, 1e4, 1e30]))
def test_quantiles_never_cross_whatever_the_logits(levels, seed, size):
    random = np.random.default_rng(seed)
    m = (random.normal(-4, 1, 200) * random.choice([1.0, size], 200)).astype("float32")
    raw = (random.normal(size=(200, len(levels))) * random.choice([1e-3, 1.0, size], (200, 1))).astype(
        "float32"
    )
    found = quantiles(m, raw, levels)
    assert (np.diff(found, axis=-1) >= 0).all()  # exactly, not about


def test_quantiles_do_not_cross_where_xla_compiles_them():
    import tensorflow as tf

    random = np.random.default_rng(0)
    m = random.normal(-4, 2, 3000).astype("float32")
    raw = random.normal(-9, 8, (3000, 7)).astype("float32")
    compiled = tf.function(
        lambda m, raw: tf.stack(log_variance_quantiles(m, raw, QUANTILES), -1), jit_compile=True
    )
    found = compiled(m, raw).numpy()
    assert (np.diff(found, axis=-1) >= 0).all()
    np.testing.assert_allclose(found, quantiles(m, raw, QUANTILES), rtol=1e-5, atol=1e-5)


def test_raw_numbers_of_zero_give_normal_quantiles():
    found = quantiles(np.array([-4.0], "float32"), np.zeros((1, 7), "float32"), QUANTILES)
    np.testing.assert_allclose(found[0], -4 + 0.5 * stats.norm.ppf(QUANTILES), atol=1e-5)


def test_assets_side_by_side_are_as_each_alone():
    random = np.random.default_rng(2)
    m, raw = random.normal(size=(6, 4)).astype("float32"), random.normal(size=(6, 4, 7)).astype("float32")
    joint = quantiles(m, raw, QUANTILES)
    assert joint.shape == (6, 4, 7)
    for asset in range(4):
        np.testing.assert_allclose(
            joint[:, asset], quantiles(m[:, asset], raw[:, asset], QUANTILES), rtol=1e-5
        )


@pytest.mark.parametrize(("levels", "centre"), list(zip(LEVELS, (3, 0, 0, 1, 0, 1), strict=True)))
def test_the_centre_is_the_level_nearest_to_the_median(levels, centre):
    assert centre_of(levels) == centre


def test_moved_quantiles_are_put_in_order_away_from_the_centre():
    levels = (0.1, 0.25, 0.5, 0.75, 0.9)
    rows = {
        (1, 2, 3, 4, 5): (1, 2, 3, 4, 5),
        (2, 1, 3, 5, 4): (1, 1, 3, 5, 5),  # never towards the centre: coverage of each bound stays
        (6, 7, 3, 1, 2): (3, 3, 3, 3, 3),
        (4, 2, 3, 2, 9): (2, 2, 3, 3, 9),
    }
    for given_row, expected in rows.items():
        found = outward([ops.convert_to_tensor(float(q)) for q in given_row], levels)
        assert tuple(float(q) for q in found) == expected


def test_gradients_are_finite_for_extreme_logits():
    import tensorflow as tf

    raw = keras.Variable(np.array([[-1e4] * 7, [1e4] * 7, [0.0] * 7, [88.0, -88.0] * 3 + [500.0]], "float32"))
    m = keras.Variable(np.array([1e4, -1e4, 0.0, 90.0], "float32"))
    with tf.GradientTape() as tape:
        total = sum(ops.sum(q) for q in log_variance_quantiles(m, raw, QUANTILES))
    for gradient in tape.gradient(total, [m.value, raw.value]):
        assert np.isfinite(np.asarray(gradient)).all()
