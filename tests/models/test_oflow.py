from __future__ import annotations

import keras
import numpy as np
import pytest

import tsdeep
from tsdeep.errors import SpecError


def windows_of(lookback: int = 12, channels: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4, lookback, channels)).astype("float32")


def test_mlp_reads_the_last_row_alone():
    model = tsdeep.build("mlp", input_shape=(12, 5), task="direction", units=(8, 4))
    x = windows_of()
    changed = x.copy()
    changed[:, :-1] = 7.0
    np.testing.assert_array_equal(model(x), model(changed))
    assert model.count_params() == (5 * 8 + 8) + (8 * 4 + 4) + 5


def test_mlp_equals_the_formula():
    model = tsdeep.build("mlp", input_shape=(1, 3), task="direction", units=(2,), activation="tanh")
    kernel, bias, head, shift = (np.asarray(w) for w in model.get_weights())
    x = windows_of(1, 3)
    np.testing.assert_allclose(model(x), np.tanh(x[:, -1] @ kernel + bias) @ head + shift, rtol=1e-5)


@pytest.mark.parametrize("encoder", ["tcn", "lstm"])
def test_oflow_begins_as_the_network_on_the_newest_row(encoder):
    keras.utils.set_random_seed(0)
    whole = tsdeep.build("oflow", input_shape=(12, 5), task="direction", encoder=encoder, filters=3)
    plain = tsdeep.build("oflow", input_shape=(12, 5), task="direction")
    for layer in plain.layers:
        layer.set_weights(whole.get_layer(layer.name).get_weights())
    np.testing.assert_array_equal(whole(windows_of()), plain(windows_of()))


def test_the_encoder_of_oflow_learns_from_rows_before_the_newest():
    model = tsdeep.build("oflow", input_shape=(4, 1), task="direction", encoder="tcn", dropout=0.0)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(256, 4, 1)).astype("float32")
    model.fit(x, (x[:, 0, 0] > 0).astype("float32"), epochs=12, verbose=0)
    assert np.corrcoef(np.asarray(model(x))[:, 0], x[:, 0, 0])[0, 1] > 0.5


def test_input_dropout_takes_a_feature_from_all_rows_of_a_window_and_in_training_alone():
    model = tsdeep.build("oflow", input_shape=(12, 5), task="direction", input_dropout=0.5)
    seen = keras.Model(model.inputs, model.get_layer("input_dropout").output)
    x = np.ones((64, 12, 5), "float32")
    np.testing.assert_array_equal(seen(x), x)
    kept = np.asarray(seen(x, training=True))
    np.testing.assert_array_equal(kept, np.broadcast_to(kept[:, :1], x.shape))
    assert set(np.unique(kept)) == {0.0, 2.0}
    assert 0.3 < (kept[:, 0] == 0).mean() < 0.7
    assert (kept[:, 0].std(axis=1) > 0).any()


def test_an_unknown_encoder_is_refused():
    with pytest.raises(SpecError, match="unknown encoder 'tnc': did you mean 'tcn'"):
        tsdeep.build("oflow", input_shape=(4, 1), task="direction", encoder="tnc")


def test_weight_decay_makes_the_default_optimizer_adamw():
    model = tsdeep.build("mlp", input_shape=(1, 2), task="direction", weight_decay=0.01, learning_rate=0.002)
    assert isinstance(model.optimizer, keras.optimizers.AdamW)
    assert model.optimizer.weight_decay == 0.01
    assert float(model.optimizer.learning_rate) == pytest.approx(0.002)
