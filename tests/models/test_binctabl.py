"""BiN-C(TABL): the published size, and predictions that do not see the level of a price."""

from __future__ import annotations

import numpy as np

import tsdeep
from tsdeep.tasks.movement import Movement

TASK = Movement(labels="raw")


def test_parameters_as_published():
    assert tsdeep.build("binctabl", input_shape=(10, 40), task=TASK).count_params() == 11_446


def test_predictions_do_not_change_with_the_level_and_scale_of_a_whole_window():
    model = tsdeep.build("binctabl", input_shape=(10, 8), task=TASK)
    x = np.random.default_rng(0).normal(size=(5, 10, 8)).astype("float32")
    np.testing.assert_allclose(model(3 * x + 7), model(x), atol=1e-4)
