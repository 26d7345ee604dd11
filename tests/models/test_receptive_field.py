"""The receptive field of whole models, by perturbation."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tsdeep.layers import TCN, CausalConv1D, SequencePooling
from tsdeep.models import build, receptive_field
from tsdeep.tasks import get_task


@pytest.mark.parametrize(
    ("kernel_size", "dilations", "stacks"), [(2, (1, 2), 1), (3, (1, 3), 1), (2, (1, 2), 2)]
)
def test_a_built_tcn_reads_the_rows_of_its_receptive_field_and_no_other(kernel_size, dilations, stacks):
    model = build(
        "tcn",
        input_shape=(20, 3),
        task="direction",
        filters=8,
        kernel_size=kernel_size,
        dilations=dilations,
        stacks=stacks,
        activation="leaky_relu",
    )
    rows = receptive_field(model)
    assert rows == 1 + 2 * (kernel_size - 1) * stacks * sum(dilations)
    x = np.random.default_rng(0).normal(size=(4, 20, 3)).astype("float32")
    before = np.asarray(model(x))
    for back in range(20):
        changed = x.copy()
        changed[:, 19 - back] += 10 * np.random.default_rng(back).normal(size=(4, 3))
        assert np.any(np.asarray(model(changed)) != before) == (back < rows)


def test_layers_in_a_row_add_up():
    inputs = keras.Input((None, 3))
    hidden = CausalConv1D(4, 3, dilation_rate=2)(keras.layers.LayerNormalization()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(TCN(4, 2, (1, 2))(hidden)))
    assert receptive_field(model) == 5 + 7 - 1


@pytest.mark.parametrize("name", ["lstm", "gru", "transformer"])
def test_recurrence_and_attention_have_none(name):
    assert receptive_field(build(name, input_shape=(10, 3), task="direction")) is None


def test_what_is_made_of_the_newest_row_alone_reads_no_other():
    task = get_task("movement", horizon_rows=[5, 10])  # whose logits are reshaped
    model = build("tcn", input_shape=(20, 4), task=task, kernel_size=2, dilations=(1, 2))
    assert receptive_field(model) == 7
    inputs = keras.Input((20, 4))
    pooled = {mode: keras.Model(inputs, SequencePooling(mode)(inputs)) for mode in ("last", "mean")}
    assert receptive_field(pooled["last"]) == 1
    assert receptive_field(pooled["mean"]) is None
