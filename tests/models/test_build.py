"""build(): models of every family and size train, reload, run in mixed precision and compile with XLA."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import tsdeep
from tests.layer_check import dtype_policy
from tests.models.test_order_book_models import MODELS as ORDER_BOOK_MODELS
from tests.models.test_volatility_models import MODELS as VOLATILITY_MODELS
from tsdeep.errors import RunError, SpecError
from tsdeep.models import build, hyperparameters, load_model, model_names
from tsdeep.tasks import get_task

FAMILIES = ["gru", "lstm", "tcn", "transformer"]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 10, 5)).astype("float32")
Y = RNG.integers(0, 2, 16).astype("float32")

SIZES = {
    "gru": [
        {"units": 4},
        {"units": 6, "layers": 3, "dropout": 0.2, "recurrent_dropout": 0.1},
        {"unroll": True},
    ],
    "lstm": [
        {"units": 4},
        {"units": 6, "layers": 3, "dropout": 0.2, "recurrent_dropout": 0.1},
        {"unroll": True},
    ],
    "tcn": [
        {"filters": 4, "dilations": [1, 2]},
        {
            "filters": 8,
            "kernel_size": 2,
            "dilations": (1, 3),
            "stacks": 2,
            "weight_norm": True,
            "dropout": 0.2,
            "activation": "gelu",
        },
    ],
    "transformer": [
        {"units": 8, "heads": 2, "layers": 1},
        {"units": 4, "heads": 1, "causal": False, "pooling": "mean", "position": "none", "pre_norm": False},
        {
            "units": 8,
            "pooling": "attention",
            "position": "learned",
            "layers": 1,
            "feedforward_units": 6,
            "dropout": 0.2,
        },
    ],
}


def small(name, **arguments):
    size = {"filters": 4, "dilations": (1, 2)} if name == "tcn" else {"units": 4}
    size |= {"heads": 2, "layers": 1} if name == "transformer" else {}
    return build(name, input_shape=(10, 5), task="direction", **size | arguments)


@pytest.mark.parametrize(("name", "size"), [(n, s) for n in FAMILIES for s in SIZES[n]])
def test_every_size_trains_a_step_and_reloads_equal(name, size, tmp_path):
    model = build(name, input_shape=(10, 5), task="direction", **size)
    assert model.output_shape == (None, 1)
    before = _trained(model)
    loss = model.train_on_batch(X, Y)
    assert np.isfinite(loss).all()
    assert all(np.any(a != b) for a, b in zip(before, _trained(model), strict=True))
    outputs = np.asarray(model(X))
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(X), outputs)
    assert again.compiled
    for mine, theirs in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def _trained(model):
    return [w for v, w in zip(model.weights, model.get_weights(), strict=True) if v.trainable]


def test_every_family_reloads_in_a_fresh_process(tmp_path):
    for name in FAMILIES:
        model = small(name)
        model.save(tmp_path / f"{name}.keras")
        np.save(tmp_path / f"{name}.npy", model(X))
    np.save(tmp_path / "x.npy", X)
    code = (
        "import sys, pathlib, numpy as np, tsdeep\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "for path in sorted(folder.glob('*.keras')):\n"
        "    outputs = np.asarray(tsdeep.load_model(path)(np.load(folder / 'x.npy')))\n"
        "    print(path.stem, np.array_equal(outputs, np.load(path.with_suffix('.npy'))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.split("\n")[:-1] == [f"{name} True" for name in FAMILIES], done.stderr[-2000:]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", FAMILIES)
def test_mixed_precision_returns_float32_near_the_full_precision(name, policy):
    full = small(name)
    with dtype_policy(policy):
        model = small(name)
        assert model.layers[1].compute_dtype == policy.removeprefix("mixed_")
        model.set_weights(full.get_weights())
        outputs = model(X)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    np.testing.assert_allclose(outputs, full(X), atol=0.1)


@pytest.mark.parametrize("name", FAMILIES)
def test_mixed_precision_trains(name):
    with dtype_policy("mixed_bfloat16"):
        model = small(name, learning_rate=0.01)
        losses = model.fit(X, Y, verbose=0, epochs=10).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", FAMILIES)
def test_xla_gives_the_same_predictions_and_the_same_step(name):
    plain, compiled = small(name, jit_compile=False), small(name, jit_compile=True)
    assert compiled.jit_compile
    compiled.set_weights(plain.get_weights())
    np.testing.assert_allclose(compiled.predict(X, verbose=0), plain.predict(X, verbose=0), atol=1e-5)
    for model in (plain, compiled):
        model.optimizer = keras.optimizers.SGD(0.1)
        model.compile(model.optimizer, get_task("direction").loss(), jit_compile=model is compiled)
        model.fit(X, Y, verbose=0, batch_size=16, epochs=3, shuffle=False)
    for a, b in zip(compiled.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "gru", "tcn", "transformer"])
def test_predictions_of_causal_bodies_for_every_row_ignore_later_rows(name):
    inputs = keras.Input((10, 5))
    body = tsdeep.models.get_model(name)
    model = keras.Model(inputs, body(inputs, return_sequences=True))
    before = np.asarray(model(X))
    changed = X.copy()
    changed[:, 6:] += 1e3
    assert before.shape[:2] == (16, 10)
    assert np.abs(np.asarray(model(changed))[:, :6] - before[:, :6]).max() == 0.0


@pytest.mark.parametrize("name", FAMILIES)
def test_the_last_row_alone_equals_the_last_row_of_all(name):
    inputs = keras.Input((10, 5))
    body = tsdeep.models.get_model(name)
    last = keras.Model(inputs, body(inputs))
    every = keras.Model(inputs, body(inputs, return_sequences=True))
    every.set_weights(last.get_weights())
    np.testing.assert_allclose(last(X), every(X)[:, -1], atol=1e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_models_are_functional_without_lambda_layers(name):
    model = small(name)
    assert type(model).__name__ == "Functional"
    assert not any(isinstance(layer, keras.layers.Lambda) for layer in model._flatten_layers())
    lines = []
    model.summary(print_fn=lines.append, expand_nested=True)
    assert "logits" in "".join(lines)


def test_full_attention_refuses_to_represent_every_row():
    with pytest.raises(SpecError, match="causal: found False, expected True"):
        tsdeep.models.transformer(keras.Input((10, 5)), causal=False, return_sequences=True)


def test_full_attention_reads_the_whole_window_and_causal_attention_too_at_the_last_row():
    for causal in (True, False):
        model = small("transformer", causal=causal, pooling="last")
        changed = X.copy()
        changed[:, 0] += 1
        assert np.all(np.asarray(model(changed)) != np.asarray(model(X)))


def test_recurrent_models_may_use_cudnn_by_default_and_hold_to_the_arguments():
    model = small("lstm", layers=2)
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.LSTM)]
    assert [layer.recurrent_dropout for layer in layers] == [0, 0]
    assert [layer.return_sequences for layer in layers] == [True, False]
    assert [layer.units for layer in layers] == [4, 4]
    assert all(layer.use_cudnn == "auto" and not layer.unroll for layer in layers)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_unrolled_and_looped_recurrence_agree(name):
    loop, unrolled = small(name, layers=2), small(name, layers=2, unroll=True)
    unrolled.set_weights(loop.get_weights())
    np.testing.assert_allclose(unrolled(X), loop(X), atol=1e-6)


def test_shape_and_task_come_from_samples_unless_given():
    samples = SimpleNamespace(input_shape=(7, 3), task=get_task("direction"))
    assert build("gru", samples).input_shape == (None, 7, 3)
    assert build("gru", samples, input_shape=(9, 3)).input_shape == (None, 9, 3)


def test_compiled_with_the_tasks_defaults_and_the_settings_given():
    model = small("gru", learning_rate=0.02, steps_per_execution=4)
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.02)
    assert model.steps_per_execution == 4
    assert set(model.evaluate(X, Y, verbose=0, return_dict=True)) == {"loss", "accuracy"}
    assert float(small("gru").optimizer.learning_rate) == pytest.approx(1e-3)
    own = keras.optimizers.SGD(0.5)
    assert small("gru", optimizer=own).optimizer is own
    assert isinstance(small("gru", optimizer="adamw").optimizer, keras.optimizers.AdamW)
    assert not small("gru", compile=False).compiled


@pytest.mark.parametrize("name", FAMILIES)
def test_an_unknown_hyperparameter_names_the_nearest(name):
    nearest = "filters" if name == "tcn" else "units"
    with pytest.raises(SpecError, match=f"hyperparameter of {name} '{nearest}_': did you mean '{nearest}'"):
        build(name, input_shape=(10, 5), task="direction", **{f"{nearest}_": 3})
    with pytest.raises(SpecError, match="return_sequences"):
        build(name, input_shape=(10, 5), task="direction", return_sequences=True)
    assert "return_sequences" not in hyperparameters(name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "lstn"}, "unknown model 'lstn': did you mean 'lstm'"),
        ({"task": "directoin"}, "unknown task 'directoin': did you mean 'direction'"),
        ({"input_shape": None}, "input_shape: found None"),
        ({"task": None}, "task: found None"),
        ({"input_shape": (10,)}, r"input_shape: found \(10,\), expected \(lookback, features\)"),
        ({"input_shape": (0, 3)}, r"input_shape: found \(0, 3\), expected"),
        ({"learning_rate": 0.1, "optimizer": keras.optimizers.SGD()}, "learning_rate: found both"),
        (
            {"name": "transformer", "position": "sinusodal"},
            "unknown position 'sinusodal': did you mean 'sinusoidal'",
        ),
        ({"name": "transformer", "pooling": "max"}, "unknown pooling 'max'"),
        ({"name": "transformer", "units": 10}, "heads: found 4 for 10 channels"),
        ({"name": "lstm", "layers": 0}, "layers: found 0"),
        ({"name": "tcn", "dilations": ()}, r"dilations: found \(\)"),
        ({"name": "tcn", "filters": 0}, "filters: found 0"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, message):
    with pytest.raises(SpecError, match=message):
        build(**{"name": "gru", "input_shape": (10, 5), "task": "direction"} | arguments)


def test_what_cannot_be_loaded_is_refused_with_its_path(tmp_path):
    with pytest.raises(RunError, match=r"absent\.keras: found no file"):
        load_model(tmp_path / "absent.keras")
    (tmp_path / "broken.keras").write_text("no model")
    with pytest.raises(RunError, match=r"broken\.keras: cannot be read"):
        load_model(tmp_path / "broken.keras")


def test_every_registered_family_is_tested_here():
    shipped = {n for n in model_names() if tsdeep.models.get_model(n).__module__.startswith("tsdeep.")}
    assert shipped == {*FAMILIES, *ORDER_BOOK_MODELS, *VOLATILITY_MODELS, "mlp", "oflow"}


def test_a_body_without_a_name_of_its_own_can_be_fitted():
    model = build(lambda inputs: inputs[:, -1], input_shape=(4, 2), task="direction")
    model.fit(np.zeros((8, 4, 2), "float32"), np.zeros(8), verbose=0)
