"""Features side by side."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.features.raw_rows import BASKET, BOOK_LEVELS, TICK, bars, book, raw_rows, values_of
from tsdeep.errors import DataError, SpecError
from tsdeep.features import (
    FeatureBank,
    argument_model,
    feature_names,
    get_feature,
    make_feature,
    make_scaler,
)

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


def test_book_features_and_scaler_give_the_same_values_compiled_and_exported(tmp_path):
    known = {"levels": BOOK_LEVELS, "tick": TICK, "rows": [3, 20]}
    mappings = []
    for kind in feature_names():
        cls = get_feature(kind)
        if cls.__module__.split(".")[-1].startswith(("book", "order_flow")):
            arguments = argument_model(cls).model_fields
            mappings.append({"kind": kind} | {name: known[name] for name in arguments if name in known})
    assert len(mappings) >= 13
    bank = FeatureBank(mappings)
    raw = {name: rows for name, rows in raw_rows(200).items() if name in bank.fields}
    x = values_of(bank, raw)
    scaler = make_scaler({"kind": "rank_gaussian"}).fit(x.reshape(-1, x.shape[-1]), names=bank.names)
    inputs = {
        name: keras.Input((None, *rows.shape[2:]), dtype="float64", name=name) for name, rows in raw.items()
    }
    model = keras.Model(inputs, scaler(bank(inputs)))
    expected = values_of(scaler, x)
    tensors = {name: tf.constant(rows) for name, rows in raw.items()}
    compiled = tf.function(bank, jit_compile=True)(tensors)
    np.testing.assert_allclose(compiled, x, rtol=1e-6, atol=1e-6)
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(served.serve(tensors), expected, rtol=1e-5, atol=1e-5)


def test_features_of_a_basket_give_the_same_values_compiled_and_exported(tmp_path):
    mappings = [
        {"kind": "log_variance", "rows": [1, 5, 22], "estimator": "garman_klass", "overnight": True},
        {"kind": "log_variance", "rows": [5, 22], "prefix": "market"},
        {"kind": "log_variance", "rows": 22, "estimator": "rogers_satchell"},
        {"kind": "yang_zhang", "rows": 20},
        {"kind": "squared_return"},
        {"kind": "semivariance", "sign": "down", "form": "root"},
        {"kind": "overnight_variance"},
        {"kind": "signed_return"},
        {"kind": "log_level", "field": "vix", "lag": 1},
        {
            "kind": "correlation",
            "assets": BASKET,
            "rows": 20,
            "outputs": ["matrix", "first_eigenvalue", "own"],
        },
        {"kind": "asset", "symbols": BASKET},
    ]
    bank = FeatureBank(mappings)
    raw = {name: tf.constant(rows) for name, rows in raw_rows(60).items() if name in bank.fields}
    x = values_of(bank, raw)
    compiled = tf.function(bank, jit_compile=True)(raw)
    np.testing.assert_allclose(compiled, x, rtol=1e-6, atol=1e-9)
    inputs = {
        name: keras.Input((None, *rows.shape[2:]), dtype="float64", name=name) for name, rows in raw.items()
    }
    model = keras.Model(inputs, bank(inputs))
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved").serve
    np.testing.assert_allclose(served(raw), x, rtol=1e-6, atol=1e-9)
    newest = {name: rows[:, -1 - bank.warmup :] for name, rows in raw.items()}
    np.testing.assert_allclose(served(newest), x[:, -1:], rtol=1e-6, atol=1e-9)


def test_levels_beyond_those_asked_for_are_not_read():
    raw = book(30)
    few = FeatureBank([{"kind": "order_flow_imbalance", "levels": 2, "rows": [4]}])
    many = FeatureBank([{"kind": "order_flow_imbalance", "levels": BOOK_LEVELS, "rows": [4]}])
    np.testing.assert_array_equal(values_of(few, raw), values_of(many, raw)[..., :2])


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
