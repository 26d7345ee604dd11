"""What holds for every model of the order-book literature: shapes, reload, inference, levels, gradients, XLA."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tsdeep
from tests.layer_check import dtype_policy
from tsdeep.errors import SpecError
from tsdeep.tasks.movement import Movement

ONE = Movement(labels="raw", horizon_rows=5)
SEVERAL = Movement(labels="raw", horizon_rows=(2, 5, 9))
#: Small forms of every model, with all that only acts in training.
SMALL = {
    "deeplob": {"filters": 4, "inception_filters": 4, "units": 6, "dropout": 0.5},
    "deeplob_attention": {"filters": 4, "inception_filters": 4, "units": 6, "context_norm": True},
    "ctabl": {"units": (8, 6), "rows": (6, 3), "dropout": 0.5},
    "binctabl": {"units": (8, 6), "rows": (6, 3), "dropout": 0.5},
    "tlob": {"units": 8, "layers": 1, "heads": 2},
    "mlplob": {"units": 8, "layers": 2},
    "translob": {"filters": 5, "heads": 2, "units": 6, "dropout": 0.5},
    "axiallob": {"filters": 8, "heads": 2},
}
MODELS = sorted(SMALL)
ROWS = 12


def small(name, task=ONE, levels=3, **arguments):
    keras.utils.set_random_seed(0)
    return tsdeep.build(name, input_shape=(ROWS, 4 * levels), task=task, **SMALL[name] | arguments)


def windows(levels=3, batch=6):
    return np.random.default_rng(0).normal(size=(batch, ROWS, 4 * levels)).astype("float32")


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_three_a_horizon(name):
    assert small(name).output_shape == (None, 3)
    model = small(name, SEVERAL)
    assert model.output_shape == (None, 3, 3)
    assert model(windows()).shape == (6, 3, 3)
    assert small(name, "direction").output_shape == (None, 1)


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_logits_that_the_loss_turns_into_probabilities(name):
    outputs = np.asarray(10 * small(name)(windows()))
    assert np.abs(outputs.sum(axis=-1) - 10).max() > 1e-3
    assert small(name).loss.get_config()["from_logits"]


@pytest.mark.parametrize("name", MODELS)
def test_saved_models_reload_equal(name, tmp_path):
    model = small(name, SEVERAL)
    model.save(tmp_path / "model.keras")
    again = tsdeep.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(again(windows()), model(windows()))


@pytest.mark.parametrize("name", MODELS)
def test_inference_has_no_chance_in_it_and_windows_of_a_batch_do_not_meet(name):
    model, x = small(name), windows()
    together = np.asarray(model(x))
    np.testing.assert_array_equal(model(x), together)
    alone = np.concatenate([model(x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_allclose(alone, together, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("levels", [1, 5])
def test_any_number_of_levels(name, levels):
    assert np.isfinite(small(name, levels=levels)(windows(levels))).all()


@pytest.mark.parametrize("name", MODELS)
def test_a_step_reaches_every_weight(name):
    model, y = small(name, SEVERAL), np.random.default_rng(1).integers(0, 3, (6, 3))
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
            y, model(windows(), training=True)
        )
    weights = model.trainable_variables
    for weight, gradient in zip(weights, tape.gradient(loss, [w.value for w in weights]), strict=True):
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
        if not _cancels(weight.path):
            assert np.any(np.asarray(gradient) != 0), weight.path


def _cancels(path):
    """Whether the weight shifts all scores of a softmax alike, so that its gradient is nothing but rounding."""
    return path.endswith("attention/key/bias")


@pytest.mark.parametrize("name", MODELS)
def test_compiled_predictions_equal_eager_ones(name):
    model = small(name)
    np.testing.assert_allclose(model.predict(windows(), verbose=0), model(windows()), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_training_lowers_the_loss_on_what_can_be_learnt(name):
    x = windows(batch=64)
    y = (x[:, -1, 0] > 0.5).astype(int) + (x[:, -1, 0] > -0.5)
    calm = {"dropout": 0.0} if "dropout" in SMALL[name] else {}
    model = small(name, learning_rate=0.01, **calm)
    losses = model.fit(x, y, batch_size=32, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("name", MODELS)
def test_mixed_precision_returns_float32_near_the_full_precision(name):
    full = small(name)
    with dtype_policy("mixed_bfloat16"):
        model = small(name)
    model.set_weights(full.get_weights())
    outputs = model(windows())
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    exact = np.asarray(full(windows()))
    assert np.abs(outputs - exact).max() < 0.25 * np.abs(exact).max()


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_xla_gives_the_same_predictions(name):
    model = small(name)
    compiled = tf.function(lambda x: model(x, training=False), jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(windows())), model(windows()), atol=1e-5)


@pytest.mark.parametrize("name", ["deeplob", "deeplob_attention"])
def test_features_that_are_no_levels_are_refused(name):
    with pytest.raises(SpecError, match=r"features: found 10, expected a multiple of 4"):
        tsdeep.build(name, input_shape=(ROWS, 10), task=ONE)


@pytest.mark.parametrize("name", ["ctabl", "binctabl", "tlob", "mlplob", "translob", "axiallob"])
def test_lookbacks_that_the_weights_belong_to_must_be_known(name):
    with pytest.raises(SpecError):
        tsdeep.build(name, input_shape=(None, 40), task=ONE)


@pytest.mark.parametrize("name", ["deeplob", "deeplob_attention"])
def test_any_lookback_gives_the_same_weights(name):
    counts = {tsdeep.build(name, input_shape=(rows, 8), task=ONE).count_params() for rows in (2, 7, 30, None)}
    assert len(counts) == 1
