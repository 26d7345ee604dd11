"""Features side by side."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.features.raw_rows import bars, values_of
from tsdeep.errors import DataError, SpecError
from tsdeep.features import FeatureBank, make_feature

MAPPINGS = [
    {"kind": "log_return", "rows": 1},
    {"kind": "rolling_z_score", "rows": 20, "of": {"kind": "field", "field": "volume", "log": True}},
    {"kind": "calendar"},
    {"kind": "garman_klass", "rows": 10, "annual_rows": 252},
    {"kind": "lag", "rows": [1, 2, 5], "of": {"kind": "log_return"}},
]


def test_channels_are_the_features_at_the_same_row():
    raw = bars(50)
    bank = FeatureBank(MAPPINGS)
    got = values_of(bank, raw)
    assert bank.warmup == 19
    assert got.shape == (2, 31, len(bank.names))
    assert got.dtype == np.float32
    start = 0
    for mapping in MAPPINGS:
        feature = make_feature(mapping)
        channels = slice(start, start + len(feature.names))
        assert bank.names[channels] == feature.names
        expected = values_of(feature, raw)[:, 19 - feature.warmup :].astype("float32")
        np.testing.assert_array_equal(got[..., channels], expected)
        start += len(feature.names)


def test_fields_are_those_that_features_read():
    bank = FeatureBank(MAPPINGS)
    assert bank.fields == ("close", "volume", "time", "open", "high", "low")
    assert bank.positive_fields == ("close", "volume", "open", "high", "low")


def test_is_float64_inside_and_float32_outside_under_mixed_precision():
    raw = bars(40, price=1e5)
    expected = values_of(FeatureBank(MAPPINGS), raw)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = values_of(FeatureBank(MAPPINGS), raw)
    finally:
        keras.config.set_dtype_policy("float32")
    assert mixed.dtype == np.float32
    np.testing.assert_array_equal(mixed, expected)


def test_rebuilds_and_reloads_inside_a_model(tmp_path):
    raw = bars(50)
    bank = FeatureBank([make_feature(mapping) for mapping in MAPPINGS])
    again = FeatureBank.from_config(bank.get_config())
    assert again.names == bank.names
    np.testing.assert_array_equal(values_of(again, raw), values_of(bank, raw))
    inputs = {name: keras.Input((None,), dtype="float64", name=name) for name in bank.fields}
    model = keras.Model(inputs, keras.layers.Dense(1)(bank(inputs)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(raw, verbose=0), model.predict(raw, verbose=0))


def test_compiled_by_xla_it_gives_the_same_values():
    raw = bars(50)
    bank = FeatureBank(MAPPINGS)
    compiled = tf.function(bank, jit_compile=True)({name: tf.constant(rows) for name, rows in raw.items()})
    np.testing.assert_allclose(compiled, values_of(bank, raw), rtol=1e-6, atol=1e-12)


def test_what_does_not_fit_is_refused():
    bank = FeatureBank(MAPPINGS, name="bank")
    with pytest.raises(SpecError, match="no features given"):
        FeatureBank([])
    with pytest.raises(SpecError, match="channels given more than once: log_return_1"):
        FeatureBank([{"kind": "log_return"}, {"kind": "log_return"}])
    with pytest.raises(DataError, match=r"'bank': 19 rows given, 20 needed"):
        bank(bars(19))
    with pytest.raises(DataError, match=r"'bank': missing field volume, time; given: close"):
        bank.compute_output_shape(dict.fromkeys(("close", "open", "high", "low"), (None, 50)))
