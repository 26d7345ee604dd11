"""What holds for every registered feature: a feature that is added is tested here without a new line."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.raw_rows import changed, mappings, raw_rows, values_of
from tsdeep.features import feature_names, get_feature, make_feature

KINDS = [kind for kind in feature_names() if get_feature(kind).__module__.startswith("tsdeep.")]
SPARE_ROWS = 12

every_kind = pytest.mark.parametrize("kind", KINDS)
few = settings(max_examples=10, deadline=None)


@every_kind
@few
@given(data=st.data())
def test_value_at_t_ignores_rows_after_t_and_before_its_warmup(kind, data):
    feature = make_feature(data.draw(mappings(kind)))
    length = feature.warmup + SPARE_ROWS
    raw = raw_rows(length, seed=data.draw(st.integers(0, 99)))
    t = data.draw(st.integers(feature.warmup, length - 1))
    value = values_of(feature, raw)[:, t - feature.warmup]
    assert np.all(np.isfinite(value))
    for way in ("up", "poisoned"):
        after = values_of(feature, changed(raw, slice(t + 1, None), way))[:, t - feature.warmup]
        before = values_of(feature, changed(raw, slice(0, t - feature.warmup), way))[:, t - feature.warmup]
        np.testing.assert_array_equal(after, value)
        np.testing.assert_array_equal(before, value)


@every_kind
@few
@given(data=st.data())
def test_warmup_is_tight(kind, data):
    feature = make_feature(data.draw(mappings(kind)))
    length = feature.warmup + SPARE_ROWS
    raw = raw_rows(length, seed=data.draw(st.integers(0, 99)))
    t = data.draw(st.integers(feature.warmup, length - 1))
    value = values_of(feature, raw)[:, t - feature.warmup]
    others = [
        values_of(feature, changed(raw, t - feature.warmup, way))[:, t - feature.warmup]
        for way in ("up", "down", "flat")
    ]
    assert any(np.any(other != value) for other in others)


@every_kind
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_segment_pass_equals_the_pass_over_each_cut_window(kind, data):
    feature = make_feature(data.draw(mappings(kind)))
    raw = raw_rows(feature.warmup + SPARE_ROWS, seed=data.draw(st.integers(0, 99)))
    segment = values_of(feature, raw)
    assert segment.shape == (2, SPARE_ROWS, len(feature.names))
    for i in range(SPARE_ROWS):
        window = values_of(feature, {name: rows[:, i : i + feature.warmup + 1] for name, rows in raw.items()})
        # log1p and sin of a vector and of its tail differ in the last place; the rest is the same arithmetic.
        np.testing.assert_allclose(window[:, 0], segment[:, i], rtol=1e-13, atol=1e-15)


@every_kind
@few
@given(data=st.data())
def test_rows_of_a_batch_do_not_meet(kind, data):
    feature = make_feature(data.draw(mappings(kind)))
    raw = raw_rows(feature.warmup + SPARE_ROWS, seed=data.draw(st.integers(0, 99)))
    value = values_of(feature, raw)[0]
    for rows in raw.values():
        rows[1] = np.nan
    np.testing.assert_array_equal(values_of(feature, raw)[0], value)


@every_kind
@few
@given(data=st.data())
def test_rebuilt_from_its_config_it_gives_the_same_values(kind, data):
    feature = make_feature(data.draw(mappings(kind)))
    raw = raw_rows(feature.warmup + SPARE_ROWS)
    saved = json.dumps(keras.saving.serialize_keras_object(feature))
    again = keras.saving.deserialize_keras_object(json.loads(saved))
    assert type(again) is type(feature)
    assert again.get_config() == feature.get_config()
    for attribute in ("fields", "positive_fields", "warmup", "names"):
        assert getattr(again, attribute) == getattr(feature, attribute)
    np.testing.assert_array_equal(values_of(again, raw), values_of(feature, raw))


@every_kind
@few
@given(data=st.data())
def test_is_float64_under_every_dtype_policy(kind, data):
    mapping = data.draw(mappings(kind))
    feature = make_feature(mapping)
    raw = raw_rows(feature.warmup + SPARE_ROWS)
    value = values_of(feature, raw)
    assert value.dtype == np.float64
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = values_of(make_feature(mapping), raw)
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(mixed, value)


@every_kind
@few
@given(data=st.data())
def test_declared_attributes_fit_the_output(kind, data):
    feature = make_feature(data.draw(mappings(kind)))
    raw = raw_rows(feature.warmup + SPARE_ROWS)
    own = {name: raw[name] for name in feature.fields}
    np.testing.assert_array_equal(values_of(feature, own), values_of(feature, raw))
    assert set(feature.positive_fields) <= set(feature.fields)
    assert len(set(feature.names)) == len(feature.names)
    shapes = dict.fromkeys(feature.fields, (None, None))
    assert feature.compute_output_shape(shapes) == (None, None, len(feature.names))
    shapes = dict.fromkeys(feature.fields, (2, feature.warmup + 5))
    assert feature.compute_output_shape(shapes) == (2, 5, len(feature.names))


@every_kind
@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_runs_inside_a_model_with_open_rows_in_float64(kind, data):
    feature = make_feature(data.draw(mappings(kind)))
    raw = raw_rows(feature.warmup + SPARE_ROWS)
    own = {name: raw[name] for name in feature.fields}
    inputs = {
        name: keras.Input((None, *raw[name].shape[2:]), dtype="float64", name=name) for name in feature.fields
    }
    model = keras.Model(inputs, feature(inputs))
    assert model.output.shape == (None, None, len(feature.names))
    assert model.output.dtype == "float64"
    expected = values_of(feature, raw)
    dataset = tf.data.Dataset.from_tensors(own)
    np.testing.assert_allclose(model(own), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(model.predict(dataset, verbose=0), expected, rtol=1e-12, atol=1e-15)
