import keras
import numpy as np
import pytest

import tsdeep
from tsdeep.errors import SpecError
from tsdeep.models import build, load_model, receptive_field

X = np.random.default_rng(0).normal(size=(3, 40, 5)).astype("float32")


def pair(name, lookback=15, **arguments):
    """The model for stretches and the one for windows, with the same weights."""
    made = [
        build(name, input_shape=(lookback, 5), task="direction", outputs=outputs, **arguments | extra)
        for outputs, extra in (("sequence", {}), ("last", {}))
    ]
    made[1].set_weights(made[0].get_weights())
    return made


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("tcn", {"filters": 4, "kernel_size": 2, "dilations": (1, 2, 4)}),
        ("tcn", {"filters": 4, "kernel_size": 3, "dilations": (1, 2), "weight_norm": True}),
        ("mlp", {"units": (4,)}),
        ("oflow", {"encoder": "tcn", "filters": 4, "kernel_size": 2, "dilations": (1, 3)}),
    ],
)
def test_every_row_after_the_warm_up_is_predicted_as_its_window_is(name, arguments):
    every, last = pair(name, **arguments)
    logits = np.asarray(every(X))
    assert logits.shape == (3, 40 - 14, 1)
    for at in range(26):
        np.testing.assert_allclose(logits[:, at], last(X[:, at : at + 15]), atol=1e-6)


def test_weights_have_the_same_names_and_order():
    for name in ("tcn", "oflow", "lstm", "gru", "transformer", "mlp"):
        models = [
            build(name, input_shape=(70, 5), task="direction", outputs=outputs, **extra)
            for outputs, extra in (("sequence", {"exact": False}), ("last", {}))
        ]
        paths = [[(w.path, w.shape) for w in model.weights if "seed" not in w.path] for model in models]
        assert paths[0] == paths[1]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "tcn",
            {},
            "tcn with outputs='sequence': its receptive field is 61 rows, the lookback 15, .*; take a lookback of "
            "at least 61, or pass exact=False",
        ),
        (
            "tcn",
            {"dilations": (1,), "warmup_rows": 3},
            "its receptive field is 5 rows, warmup_rows 3: .*; take at least 4",
        ),
        (
            "lstm",
            {},
            r"lstm with .*: it reads every row of a stretch, or may: lstm_1 \(LSTM\) .* the lookback of 15 rows",
        ),
        ("gru", {}, "gru with outputs='sequence': it reads every row"),
        ("transformer", {}, "transformer with outputs='sequence': it reads every row"),
        ("transformer", {"causal": False}, "causal: found False, expected True"),
        ("tcn", {"outputs": "all"}, "unknown outputs 'all'"),
        ("tcn", {"outputs": "last", "warmup_rows": 3}, "warmup_rows= needs outputs='sequence'"),
        ("tcn", {"warmup_rows": -1}, "warmup_rows: found -1"),
        ("tcn", {"input_shape": (None, 5)}, "found no lookback"),
    ],
)
def test_what_would_differ_from_windows_is_refused(name, arguments, message):
    with pytest.raises(SpecError, match=message):
        build(name, **{"input_shape": (15, 5), "task": "direction", "outputs": "sequence"} | arguments)


def test_a_body_for_the_last_row_alone_is_refused():
    def body(inputs):
        return inputs[:, -1]

    with pytest.raises(
        SpecError, match="body: found outputs='sequence', but the model predicts the last row"
    ):
        build(body, input_shape=(15, 5), task="direction", outputs="sequence")


def sequence_of(rows):
    """A model for stretches whose body is `rows`, a function of the inputs."""

    def body(inputs, *, return_sequences=False):
        return rows(inputs) if return_sequences else rows(inputs)[:, -1]

    return build(body, input_shape=(15, 5), task="direction", outputs="sequence")


class LooksAhead(keras.layers.Dense):
    """A subclass of a layer that works row by row, and does not."""

    def call(self, inputs):
        return super().call(inputs[:, ::-1])


LAYERS = keras.layers
OPS = keras.ops
LOOK_AHEAD = {
    "mean": lambda x: x - OPS.mean(x, axis=1, keepdims=True),
    "mean before a convolution": lambda x: tsdeep.layers.CausalConv1D(2, 2)(
        x - OPS.mean(x, 1, keepdims=True)
    ),
    "flip": lambda x: OPS.flip(x, axis=1),
    "cumsum": lambda x: OPS.cumsum(x, axis=1),
    "softmax": lambda x: OPS.softmax(x, axis=1),
    "roll": lambda x: OPS.roll(x, -1, axis=1),
    "backwards": lambda x: x[:, ::-1],
    "next row": lambda x: x[:, 1:],
    "next row beside": lambda x: LAYERS.Add()([x[:, 1:], x[:, :-1]]),
    "newest row": lambda x: x + x[:, -1:],
    "newest row broadcast": lambda x: LAYERS.Add()([x, LAYERS.Dense(5)(x[:, -1])]),
    "newest of a TCN": lambda x: LAYERS.Add()([x, tsdeep.layers.TCN(5, 2, (1,), return_sequences=False)(x)]),
    "LayerNormalization": lambda x: LAYERS.LayerNormalization(axis=1, center=False, scale=False)(x),
    "Concatenate": lambda x: LAYERS.Concatenate(axis=1)([x, x]),
    "Concatenate -2": lambda x: LAYERS.Concatenate(axis=-2)([x, x]),
    "Activation": lambda x: LAYERS.Activation(lambda y: y - OPS.max(y, axis=1, keepdims=True))(x),
    "activation": lambda x: LAYERS.Dense(3, activation=lambda y: OPS.flip(y, axis=1))(x),
    "subclass": lambda x: LooksAhead(3)(x),
    "nested": lambda x: keras.Sequential([keras.Input((None, 5)), LAYERS.GRU(3, return_sequences=True)])(x),
}


@pytest.mark.parametrize("name", LOOK_AHEAD)
def test_a_body_that_looks_ahead_is_refused(name):
    with pytest.raises(SpecError, match=r"body with outputs='sequence': (it reads every row|its outputs)"):
        sequence_of(LOOK_AHEAD[name])


@pytest.mark.parametrize("axis", [1, -2, (1, 2)])
def test_normalisation_along_rows_has_no_receptive_field(axis):
    inputs = keras.Input((15, 5))
    assert receptive_field(keras.Model(inputs, LAYERS.LayerNormalization(axis=axis)(inputs))) is None
    assert receptive_field(keras.Model(inputs, LAYERS.LayerNormalization(axis=-1)(inputs))) == 1


def test_the_message_names_the_operation():
    with pytest.raises(SpecError, match=r"cumsum\w* \(Cumsum\) is not known to keep to earlier rows"):
        sequence_of(LOOK_AHEAD["cumsum"])


def test_a_body_of_operations_on_each_row_is_equal_to_windows():
    def body(inputs, *, return_sequences=False):
        scaled = keras.ops.tanh(inputs * 2.0 - 1) + inputs
        some = keras.layers.Concatenate()([scaled[..., :3], keras.layers.LayerNormalization()(inputs)])
        hidden = tsdeep.layers.CausalConv1D(4, 3)(
            keras.layers.Dropout(0.1, noise_shape=(None, 1, None))(some)
        )
        return hidden if return_sequences else hidden[:, -1]

    every, last = pair(body)
    assert receptive_field(every) == receptive_field(last) == 3
    logits = np.asarray(every(X))
    for at in range(26):
        np.testing.assert_allclose(logits[:, at], last(X[:, at : at + 15]), atol=1e-6)


def test_a_layer_applied_twice_reads_twice():
    inputs = keras.Input((15, 5))
    layer = tsdeep.layers.CausalConv1D(5, 3)
    assert receptive_field(keras.Model(inputs, layer(layer(inputs)))) == 5


@pytest.mark.parametrize("name", ["lstm", "gru", "transformer", "tcn"])
def test_asked_for_by_name_they_are_other_estimators_that_ignore_later_rows(name):
    model = build(name, input_shape=(15, 5), task="direction", outputs="sequence", exact=False)
    changed = X.copy()
    changed[:, 30:] += 1e3
    before, after = np.asarray(model(X)), np.asarray(model(changed))
    assert before.shape == (3, 26, 1)
    np.testing.assert_array_equal(after[:, : 30 - 14], before[:, : 30 - 14])
    changed = X.copy()
    changed[:, 0] += 10  # more than a lookback before the last row
    assert name == "tcn" or np.any(np.asarray(model(changed))[:, -1] != before[:, -1])


def test_the_loss_is_the_mean_over_rows_by_weight(tmp_path):
    every, last = pair("tcn", filters=4, kernel_size=2, dilations=(1, 2, 4))
    random = np.random.default_rng(0)
    y = random.integers(0, 2, (3, 26)).astype("float32")
    weight = random.integers(0, 3, (3, 26)).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(X, 15, axis=1).transpose(0, 1, 3, 2).reshape(-1, 15, 5)
    logits = np.asarray(last(windows))[:, 0].reshape(3, 26)
    by_row = np.logaddexp(0, logits) - y * logits
    loss, accuracy = every.evaluate(X, y[..., None], sample_weight=weight, verbose=0)
    assert loss == pytest.approx((by_row * weight).sum() / weight.sum(), rel=1e-5)
    assert accuracy == pytest.approx((((logits > 0) == y) * weight).sum() / weight.sum(), rel=1e-5)
    every.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert again.evaluate(X, y[..., None], sample_weight=weight, verbose=0) == [loss, accuracy]


def test_receptive_fields_of_branches_are_added_up():
    model = build("oflow", input_shape=(15, 5), task="direction", encoder="tcn", dilations=(1, 2))
    assert receptive_field(model) == 13
    inputs = keras.Input((15, 5))
    sides = [tsdeep.layers.CausalConv1D(2, rows)(inputs) for rows in (3, 5)]
    assert receptive_field(keras.Model(inputs, keras.layers.Concatenate()(sides))) == 7
