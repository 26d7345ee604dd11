"""What every scaler shares, and scalers by name."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.features.raw_rows import values_of
from tsdeep.errors import DataError, SpecError
from tsdeep.features import (
    Clip,
    RankGaussianScaler,
    Scaler,
    SignedLogScaler,
    StandardScaler,
    make_scaler,
    register_scaler,
    scaler_names,
    scaler_schema,
)

X = np.random.default_rng(0).standard_t(3, (600, 3)) * [1e-3, 2, 40] + [0, 5, -300]
X32 = X.astype("float32")


def fitted(kind, x, **arguments):
    """A scaler fitted on rows of four sessions."""
    return make_scaler({"kind": kind, **arguments}).fit(x, session=sessions(x))


def sessions(x):
    return np.arange(len(x)) * 4 // max(len(x), 1)


every_kind = pytest.mark.parametrize("kind", scaler_names())


@every_kind
def test_statistics_are_saved_cloned_and_rebuilt(kind, tmp_path):
    scaler = fitted(kind, X, clip=2.5)
    again = type(scaler).from_config(json.loads(json.dumps(scaler.get_config())))
    assert again.fitted
    assert again.get_config() == scaler.get_config()
    inputs = keras.Input((3,))
    model = keras.Model(inputs, scaler(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    clone = keras.models.clone_model(model)
    expected = values_of(scaler, X32)
    for other in (again, loaded, clone):
        np.testing.assert_array_equal(values_of(other, X32), expected)


@every_kind
def test_fitting_again_forgets_the_rows_before(kind):
    scaler = make_scaler({"kind": kind})
    assert not scaler.fitted
    assert scaler.channels is None
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, scaler(inputs))
    assert np.isnan(model.predict(X32[None], verbose=0)).all()
    scaler.fit(X[:100] * 7, session=sessions(X[:100]))
    scaler.fit(X[100:], session=sessions(X[100:]))
    assert scaler.fitted
    assert scaler.channels == 3
    assert model.trainable_weights == []
    expected = values_of(fitted(kind, X[100:].copy()), X32)
    np.testing.assert_array_equal(values_of(scaler, X32), expected)
    np.testing.assert_array_equal(model.predict(X32[None], verbose=0)[0], expected)


@every_kind
def test_scaled_values_keep_order_stay_within_the_clip_and_are_float32_under_every_policy(kind):
    scaler = fitted(kind, X, clip=1.5)
    rising = np.sort(X32, axis=0)
    values = values_of(scaler, rising)
    assert np.all(np.diff(values, axis=0) >= -1e-6)
    assert np.abs(values).max() == 1.5
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = values_of(fitted(kind, X, clip=1.5), rising)
    finally:
        keras.config.set_dtype_policy("float32")
    assert mixed.dtype == np.float32
    np.testing.assert_array_equal(mixed, values)


@every_kind
def test_compiled_by_xla_and_exported_it_gives_the_same_values(kind, tmp_path):
    scaler = fitted(kind, X)
    expected = values_of(scaler, X32)
    compiled = tf.function(scaler, jit_compile=True)(tf.constant(X32))
    np.testing.assert_allclose(compiled, expected, rtol=1e-5, atol=1e-6)
    inputs = keras.Input((None, 3))
    keras.Model(inputs, scaler(inputs)).export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(served.serve(X32[None])[0], expected, rtol=1e-6, atol=1e-6)


@every_kind
def test_rows_that_warm_up_stay_nan(kind):
    scaler = fitted(kind, X)
    rows = np.where(np.arange(6)[:, None] < 2, np.nan, X32[:6])
    values = values_of(scaler, rows)
    assert np.isnan(values[:2]).all()
    np.testing.assert_allclose(values[2:], values_of(scaler, X32[2:6]), rtol=1e-6)


@every_kind
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.c_[X[:, :1], np.full(600, 0.1)], r"constant over all \d+ rows.*: channel 1 \(b\) \(always 0.1\)"),
        (np.where(np.arange(600)[:, None] == 7, [0, np.nan], X[:, :2]), r"channel 1 \(b\) is nan at row 7"),
        (np.where(np.arange(600)[:, None] == 9, [np.inf, 0], X[:, :2]), r"channel 0 \(a\) is inf at row 9"),
        (X[:0, :2], r"expected \[rows, channels\], a row or more, found \(0, 2\)"),
        (X[:, 0], r"expected \[rows, channels\]"),
        (X, r"2 names given for 3 channels"),
    ],
)
def test_rows_that_cannot_be_fitted_are_refused(kind, x, message):
    with pytest.raises(DataError, match=message):
        make_scaler({"kind": kind}).fit(x, names=["a", "b"], session=sessions(x))


@every_kind
def test_other_channels_than_it_was_built_for_are_refused(kind):
    with pytest.raises(DataError, match="2 channels given, built for 3"):
        fitted(kind, X).fit(X[:, :2], session=sessions(X))


def test_the_known_scalers_have_their_names():
    known = {"standard": StandardScaler, "signed_log": SignedLogScaler, "rank_gaussian": RankGaussianScaler}
    assert set(known) <= set(scaler_names())
    for kind, cls in known.items():
        assert type(make_scaler({"kind": kind})) is cls
        assert cls.kind == kind
    scaler = StandardScaler()
    assert make_scaler(scaler) is scaler


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "signed_lg"}, r"unknown scaler 'signed_lg': did you mean 'signed_log'\?"),
        ({"clip": 3.0}, r"'kind' is missing"),
        ("standard", r"expected a mapping"),
        ({"kind": "standard", "clp": 3.0}, r"unknown argument 'clp': did you mean 'clip'\?"),
        ({"kind": "standard", "clip": -1.0}, r"clip = -1.0: input should be greater than 0"),
        ({"kind": "standard", "mean": [0.0]}, r"'standard': mean: found by fit"),
        ({"kind": "signed_log", "about": "mean"}, r"about = 'mean'"),
        ({"kind": "rank_gaussian", "knots": 1}, r"knots = 1"),
    ],
)
def test_mappings_that_do_not_fit_are_refused(spec, message):
    with pytest.raises(SpecError, match=message):
        make_scaler(spec)


def test_schema_takes_what_make_scaler_takes():
    schema = scaler_schema()
    for spec in ({"kind": "standard"}, {"kind": "rank_gaussian", "knots": 9, "clip": None}):
        jsonschema.validate(spec, schema)
        make_scaler(spec)
    for spec in ({"kind": "standard", "mean": [0.0]}, {"kind": "none"}, {"kind": "standard", "clip": -1}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(spec, schema)


def test_a_scaler_of_ones_own_is_made_fitted_and_rebuilt():
    @register_scaler("test_range")
    class Range(Scaler):
        """Channels over their range."""

        statistics = ("span",)
        positive = ("span",)

        def __init__(self, span: Any = None, clip: Clip = None, **kwargs: Any) -> None:
            super().__init__({"span": span}, clip, **kwargs)

        def find(self, x):
            return {"span": x.max(axis=0) - x.min(axis=0)}

        def scaled(self, x):
            return x / self.span

    try:
        scaler = make_scaler({"kind": "test_range"}).fit(X)
        np.testing.assert_allclose(np.ptp(values_of(scaler, X32), axis=0), 1, rtol=1e-5)
        again = Range.from_config(scaler.get_config())
        np.testing.assert_array_equal(values_of(again, X32), values_of(scaler, X32))
        with pytest.raises(SpecError, match="'test_range' is registered already"):
            register_scaler("test_range")(StandardScaler)
    finally:
        from tsdeep.features import scaler_registry

        del scaler_registry._SCALERS["test_range"]
    with pytest.raises(SpecError, match="is not a subclass of Scaler"):
        register_scaler("no_scaler")(keras.layers.Dense)
