"""Names of models, and a user's own."""

from __future__ import annotations

import numpy as np
import pytest

import tsdeep
from tsdeep.errors import SpecError
from tsdeep.models import (
    build,
    get_model,
    hyperparameters,
    initialiser_of,
    model_names,
    register_model,
    registry,
    xla_on_cpu,
)


@pytest.fixture
def _clean_registry(monkeypatch):
    monkeypatch.setattr(registry, "_BODIES", dict(registry._BODIES))
    monkeypatch.setattr(registry, "_INITIALISERS", dict(registry._INITIALISERS))
    monkeypatch.setattr(registry, "_SLOWER_WITH_XLA", set(registry._SLOWER_WITH_XLA))


def test_the_four_families_are_registered():
    assert {"lstm", "gru", "transformer", "tcn"} <= set(model_names())
    assert model_names() == sorted(model_names())


@pytest.mark.usefixtures("_clean_registry")
def test_a_users_body_is_built_under_its_name_with_its_arguments():
    import keras

    @register_model("two_dense")
    def two_dense(inputs, *, units=3):
        return keras.layers.Dense(units)(keras.layers.Flatten()(inputs))

    assert "two_dense" in tsdeep.model_names()
    assert hyperparameters("two_dense") == {"units": 3}
    model = build("two_dense", input_shape=(5, 2), task="direction", units=7)
    assert model.layers[-2].units == 7
    assert model(np.zeros((2, 5, 2), "float32")).shape == (2, 1)


def test_a_body_may_be_given_in_place_of_a_name():
    model = build(lambda inputs: inputs[:, -1], input_shape=(5, 2), task="direction")
    assert model.count_params() == 3


def test_an_unknown_model_names_the_nearest_and_all():
    with pytest.raises(
        SpecError, match=r"unknown model 'tnc': did you mean 'tcn'\? Known: .*gru, .*lstm, .*tcn, .*transf"
    ):
        get_model("tnc")


def test_a_body_with_an_argument_without_default_is_refused_when_it_is_registered():
    with pytest.raises(SpecError, match="argument units has no default"):
        register_model("bad")(lambda inputs, *, units: inputs)
    assert "bad" not in model_names()


@pytest.mark.usefixtures("_clean_registry")
def test_a_model_is_initialised_by_its_name_and_by_its_body():
    def initialise(model, x, y, task):
        raise NotImplementedError

    @register_model("begun", initialise=initialise, xla_on_cpu=False)
    def begun(inputs):
        return inputs[:, -1]

    assert initialiser_of("begun") is initialiser_of(begun) is initialise
    assert not xla_on_cpu(begun)
    assert initialiser_of(lambda inputs: inputs) is None
    register_model("begun")(begun)
    assert initialiser_of("begun") is None
