"""What holds for every model made for volatility: shapes, reload, precision, XLA, gradients, learning."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tsdeep
from tests.layer_check import dtype_policy
from tests.models.named_samples import NamedSamples
from tsdeep.errors import SpecError
from tsdeep.tasks import Volatility

ROWS, CHANNELS, ASSETS = 12, 4, 3
ONE = Volatility()
SEVERAL = ONE.for_assets(ASSETS)
NAMES = ("log_variance_parkinson_1", "log_variance_parkinson_5", "signed_return_1", "asset_SPY")
#: Small forms of every model.
SMALL = {
    "har_network": {"units": (6, 5)},
    "nhits": {"rates": (5, 1), "units": 8},
    "patchtst": {"patch_rows": 5, "stride": 3, "units": 4, "heads": 2, "layers": 1},
    "itransformer": {"units": 8, "heads": 2, "layers": 1},
}
#: Forms that take the other ways through each body, with dropout where there is any.
OTHER = {
    "har_network": {
        "encoder": "tcn",
        "filters": 4,
        "dilations": (1, 2),
        "residual": ("signed",),
        "dropout": 0.2,
    },
    "nhits": {"rates": (5, 2), "units": 8, "blocks": 2, "layers": 1, "pooling": "max", "dropout": 0.2},
    "patchtst": {"patch_rows": 4, "stride": 4, "units": 4, "pooling": "attention", "dropout": 0.2},
    "itransformer": {"units": 8, "pooling": "attention", "pre_norm": False, "layers": 2, "dropout": 0.2},
}
MODELS = sorted(SMALL)
FORMS = [(name, form[name]) for name in MODELS for form in (SMALL, OTHER)]
#: Models that take several assets in a sample.
JOINT = [name for name in MODELS if name != "har_network"]


def small(name, task=ONE, rows=ROWS, channels=NAMES, seed=0, **arguments):
    keras.utils.set_random_seed(seed)
    names = tuple(channels) if task.assets == 1 else tuple(f"{a}:{c}" for a in "ABC" for c in channels)
    samples = NamedSamples((rows, len(names)), task, names)
    return tsdeep.build(name, samples, **SMALL[name] | arguments)


def windows(task=ONE, batch=6, channels=CHANNELS):
    shape = (batch, ROWS, channels * task.assets)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def labels(task=ONE, batch=6):
    y = np.random.default_rng(1).normal(size=(batch, task.assets)).astype("float32")
    return y[:, 0] if task.assets == 1 else y


def shaken(model):
    """The model with none of its weights zero, so that no part of it is silent."""
    random = np.random.default_rng(0)
    model.set_weights([w + 0.1 * random.normal(size=w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("name", MODELS)
def test_logits_have_the_shape_of_the_task(name):
    assert small(name).output_shape == (None, 8)
    assert small(name, Volatility(quantiles=())).output_shape == (None, 1)
    assert small(name, tsdeep.get_task("direction")).output_shape == (None, 1)


@pytest.mark.parametrize("name", JOINT)
def test_logits_of_several_assets_have_the_shape_of_the_task(name):
    model = small(name, SEVERAL)
    assert model.output_shape == (None, ASSETS, 8)
    assert np.isfinite(model(windows(SEVERAL))).all()
    assert small(name, Volatility(quantiles=()).for_assets(ASSETS)).output_shape == (None, ASSETS, 1)


@pytest.mark.parametrize("name", ["patchtst", "itransformer"])
def test_channels_that_are_not_as_many_for_each_asset_are_refused(name):
    with pytest.raises(SpecError, match="features: found 4, expected as many for each of 3 assets"):
        tsdeep.build(name, input_shape=(ROWS, 4), task=SEVERAL, **SMALL[name])


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_a_gradient_reaches_every_trained_weight(name, form):
    model = shaken(small(name, **form | {"dropout": 0.0}))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(windows(), training=True) * np.random.default_rng(2).normal(size=8))
    weights = model.trainable_variables
    for weight, gradient in zip(weights, tape.gradient(loss, [w.value for w in weights]), strict=True):
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
        if not weight.path.endswith("attention/key/bias"):  # shifts all scores of a softmax alike
            assert np.any(np.asarray(gradient) != 0), weight.path


def test_models_reload_equal_in_a_fresh_process(tmp_path):
    made = {f"{name}_{k}": shaken(small(name, **form)) for k, (name, form) in enumerate(FORMS)}
    made |= {f"{name}_joint": shaken(small(name, SEVERAL)) for name in JOINT}
    for label, model in made.items():
        x = windows(SEVERAL if label.endswith("joint") else ONE)
        model.save(tmp_path / f"{label}.keras")
        np.savez(tmp_path / f"{label}.npz", x=x, outputs=model(x))
    code = (
        "import sys, pathlib, numpy as np, tsdeep\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).glob('*.keras')):\n"
        "    data = np.load(path.with_suffix('.npz'))\n"
        "    outputs = np.asarray(tsdeep.load_model(path, compile=False)(data['x']))\n"
        "    print(path.stem, np.array_equal(outputs, data['outputs']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.split("\n")[:-1] == [f"{label} True" for label in sorted(made)], done.stderr[-2000:]


def test_a_saved_model_keeps_what_is_trained_and_what_is_not(tmp_path):
    model = small("har_network")
    model.save(tmp_path / "model.keras")
    again = tsdeep.load_model(tmp_path / "model.keras", compile=False)
    assert [w.path for w in again.trainable_variables] == [w.path for w in model.trainable_variables]
    assert not again.get_layer("har").trainable


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_inference_has_no_chance_in_it_and_windows_of_a_batch_do_not_meet(name, form):
    model, x = shaken(small(name, **form)), windows()
    together = np.asarray(model(x))
    np.testing.assert_array_equal(model(x), together)
    alone = np.concatenate([model(x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_allclose(alone, together, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", MODELS)
def test_mixed_precision_returns_float32_near_the_full_precision(name, policy):
    full = shaken(small(name))
    with dtype_policy(policy):
        model = small(name)
        model.set_weights(full.get_weights())
        outputs = model(windows())
        assert {layer.compute_dtype for layer in model.layers} >= {policy.removeprefix("mixed_"), "float32"}
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    exact = np.asarray(full(windows()))
    assert np.abs(outputs - exact).max() < 0.05 * np.abs(exact).max()


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("har_network", ONE),
        ("nhits", ONE),
        ("itransformer", SEVERAL),
        pytest.param("nhits", SEVERAL, marks=pytest.mark.slow),
        pytest.param("itransformer", ONE, marks=pytest.mark.slow),
        *(pytest.param("patchtst", task, marks=pytest.mark.slow) for task in (ONE, SEVERAL)),
    ],
)
def test_xla_takes_the_same_steps(name, task):
    made = []
    for mode in ({"jit_compile": True}, {"run_eagerly": True}):
        model = shaken(small(name, task))
        model.compile(keras.optimizers.SGD(0.05), task.loss(), **mode)
        model.fit(windows(task), labels(task), batch_size=6, epochs=2, shuffle=False, verbose=0)
        made.append(model.get_weights())
    for compiled, eager in zip(*made, strict=True):
        np.testing.assert_allclose(compiled, eager, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "form"), FORMS)
def test_xla_gives_the_same_predictions(name, form):
    model = shaken(small(name, **form))
    compiled = tf.function(lambda x: model(x, training=False), jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(windows())), model(windows()), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_mixed_precision_trains(name):
    with dtype_policy("mixed_bfloat16"):
        model = small(name, learning_rate=0.01)
        losses = model.fit(windows(), labels(), verbose=0, epochs=15).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", MODELS)
def test_models_are_functional_without_lambda_layers(name):
    model = small(name)
    assert type(model).__name__ == "Functional"
    assert not any(isinstance(layer, keras.layers.Lambda) for layer in model._flatten_layers())
    assert model.layers[-1].name == "logits"


@pytest.mark.parametrize("name", MODELS)
def test_any_number_of_channels(name):
    for channels in (("log_variance_close_1",), (*NAMES, "signed_return_5", "log_vix", "asset_TLT")):
        model = small(name, channels=channels)
        assert model(windows(channels=len(channels))).shape == (6, 8)


@pytest.mark.parametrize("name", ["nhits", "patchtst", "itransformer"])
def test_lookbacks_that_the_weights_belong_to_must_be_known(name):
    with pytest.raises(SpecError, match="None"):
        tsdeep.build(name, input_shape=(None, 4), task=ONE, **SMALL[name])


@pytest.mark.parametrize("name", MODELS)
def test_they_predict_the_last_row_of_a_window_alone(name):
    with pytest.raises(SpecError, match="predicts the last row of a window alone"):
        small(name, outputs="sequence")


@pytest.mark.parametrize(
    ("name", "arguments"), [("nhits", {"pooling": "min"}), ("patchtst", {"pooling": "max"})]
)
def test_an_unknown_pooling_names_those_there_are(name, arguments):
    with pytest.raises(SpecError, match=f"unknown pooling '{arguments['pooling']}'"):
        small(name, **arguments)


def error_on_others(model, x, y):
    """Mean squared error on the second half of some windows after training on the first, over their variance."""
    half = len(x) // 2
    model.fit(x[:half], y[:half], batch_size=64, epochs=25, verbose=0)
    return np.mean((np.asarray(model(x[half:]))[..., 0] - y[half:]) ** 2) / y.var()


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_problem_with_an_answer_is_learnt(name):
    task = Volatility(quantiles=())
    x = windows(batch=1024)
    y = -3.2 + x[:, -5:, 0].mean(axis=1) - x[:, -1, 1]  # the mean over five rows and the newest
    encoder = {"encoder": "tcn", "filters": 6, "dilations": (1, 2)} if name == "har_network" else {}
    assert error_on_others(small(name, task, learning_rate=0.01, **encoder), x, y) < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("name", JOINT)
def test_a_problem_of_several_assets_is_learnt(name):
    task = Volatility(quantiles=()).for_assets(ASSETS)
    x = windows(task, batch=1024)
    y = -3.2 + x[:, -1, ::CHANNELS]  # of each asset the newest value of its first channel
    assert error_on_others(small(name, task, learning_rate=0.01), x, y) < 0.3
