"""The standard scaler: statistics of the rows it was given, kept as weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler as SklearnScaler

from tests.features.raw_rows import values_of
from tsdeep.errors import DataError, SpecError
from tsdeep.features import StandardScaler

X = np.random.default_rng(0).normal([0, 5, -300], [1e-3, 2, 40], (500, 3))


def test_statistics_equal_those_of_scikit_learn():
    scaler = StandardScaler().fit(X)
    reference = SklearnScaler().fit(X)
    np.testing.assert_allclose(scaler.mean.numpy(), reference.mean_, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(scaler.scale.numpy(), reference.scale_, rtol=1e-7)
    scaled = values_of(scaler, X.astype("float32")[None])[0]
    np.testing.assert_allclose(scaled, reference.transform(X), rtol=1e-4, atol=1e-5)


def test_statistics_of_many_float32_rows_are_those_of_float64():
    x = (1e4 + np.random.default_rng(1).normal(0, 1, (300_000, 2))).astype("float32")
    scaler = StandardScaler().fit(x)
    np.testing.assert_allclose(scaler.scale.numpy(), x.astype("float64").std(axis=0), rtol=1e-7)
    np.testing.assert_allclose(scaler.mean.numpy(), x.astype("float64").mean(axis=0), rtol=1e-7)


def test_fitting_again_replaces_the_statistics_in_a_model():
    scaler = StandardScaler()
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, scaler(inputs))
    assert not scaler.fitted
    assert np.isnan(model.predict(X[None], verbose=0)).all()
    for rows in (X[:100], X[100:]):
        scaler.fit(rows)
        scaled = model.predict(rows[None], verbose=0)[0]
        np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-5)
    assert scaler.fitted
    assert model.trainable_weights == []


def test_clip_bounds_the_output():
    scaled = values_of(
        StandardScaler(mean=[0.0], scale=[2.0], clip=3), np.array([[-8.0], [-4.0], [7.0]], "float32")
    )
    np.testing.assert_array_equal(scaled[:, 0], [-3.0, -2.0, 3.0])


def test_stays_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        scaler = StandardScaler().fit(X)
        scaled = values_of(scaler, X.astype("float32"))
    finally:
        keras.config.set_dtype_policy("float32")
    assert scaled.dtype == np.float32
    assert scaler.mean.dtype == "float32"
    np.testing.assert_array_equal(scaled, values_of(StandardScaler().fit(X), X.astype("float32")))


def test_other_channels_than_it_was_built_for_are_refused():
    with pytest.raises(DataError, match="2 channels given, built for 3"):
        StandardScaler().fit(X).fit(X[:, :2])
    with pytest.raises(DataError, match="3 channels given, mean and scale have 1"):
        StandardScaler(mean=[0.0], scale=[1.0]).build((None, 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clip": 0}, "clip is 0"),
        ({"mean": [0.0]}, "mean and scale go together"),
        ({"mean": [0.0], "scale": [1.0, 2.0]}, "mean and scale go together"),
        ({"mean": [0.0], "scale": [0.0]}, "above zero"),
        ({"mean": [np.nan], "scale": [1.0]}, "finite"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(SpecError, match=message):
        StandardScaler(**arguments)
