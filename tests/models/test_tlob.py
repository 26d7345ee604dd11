"""TLOB: its size, added up from the layers of its authors' code, and what attends to what."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tsdeep
from tests.models.test_mlplob import dense, narrowing, network
from tsdeep.errors import SpecError
from tsdeep.tasks.movement import Movement

TASK = Movement(labels="raw")


def published(rows, features=40, units=40, layers=4, heads=1, reprojected=True):
    """Add up the layers of the authors' code, but for the 3 weights of the order type, which is no input."""

    def block(width, outputs):
        wide = heads * width
        attention = 3 * dense(width, wide) + dense(wide, width)  # the maps of theirs, there and back
        attention += 4 * dense(wide, wide) if reprojected else 0  # those within PyTorch's attention
        return attention + 2 * width + network(width, 4 * width, outputs)

    total = 2 * (rows + features + 1) + dense(features, units)
    total += (layers - 1) * (block(units, units) + block(rows, rows))
    total += block(units, units // 4) + block(rows, rows // 4)
    return total + narrowing((units // 4) * (rows // 4))


@pytest.mark.parametrize(("reprojected", "parameters"), [(False, 845_539), (True, 1_135_971)])
def test_parameters_are_those_of_its_authors_code(reprojected, parameters):
    model = tsdeep.build("tlob", input_shape=(128, 40), task=TASK, reprojected=reprojected)
    assert model.count_params() == parameters == published(128, reprojected=reprojected)


def test_other_sizes():
    arguments = {"units": 8, "layers": 2, "heads": 2, "reprojected": True}
    model = tsdeep.build("tlob", input_shape=(20, 12), task=TASK, **arguments)
    assert model.count_params() == published(20, 12, 8, 2, 2)
    learned = tsdeep.build("tlob", input_shape=(20, 12), task=TASK, position="learned", **arguments)
    assert learned.count_params() == published(20, 12, 8, 2, 2) + 20 * 8


def test_first_attention_is_between_rows_and_the_second_between_channels():
    model = tsdeep.build("tlob", input_shape=(20, 12), task=TASK, units=8, layers=2)
    rows, channels = (
        keras.Model(model.get_layer(name).input, model.get_layer(name).output)
        for name in ("between_rows_1", "between_channels_1")
    )
    assert rows.output_shape == (None, 20, 8)
    assert channels.output_shape == (None, 8, 20)


def test_rows_are_told_apart_by_their_place():
    x = np.random.default_rng(0).normal(size=(2, 20, 12)).astype("float32")
    for position, same in (("none", True), ("sinusoidal", False)):
        model = tsdeep.build(
            "tlob", input_shape=(20, 12), task=TASK, units=8, layers=1, position=position, normalise=False
        )
        inside = keras.Model(model.input, model.get_layer("between_rows_1").output)
        backwards = np.asarray(inside(x[:, ::-1]))[:, ::-1]
        assert np.allclose(backwards, inside(x), atol=1e-5) == same


def test_unknown_position_is_refused_by_name():
    with pytest.raises(SpecError, match="unknown position 'sine'"):
        tsdeep.build("tlob", input_shape=(20, 12), task=TASK, position="sine")
