"""C(TABL): the published size."""

from __future__ import annotations

import pytest

import tsdeep
from tsdeep.errors import SpecError
from tsdeep.tasks.movement import Movement

TASK = Movement(labels="raw")


def test_parameters_as_published():
    assert tsdeep.build("ctabl", input_shape=(10, 40), task=TASK).count_params() == 11_344


def test_as_many_layers_as_sizes():
    model = tsdeep.build("ctabl", input_shape=(10, 40), task=TASK, units=(60,), rows=(5,))
    bilinear = 40 * 60 + 10 * 5 + 5 * 60
    assert model.count_params() == bilinear + 60 * 3 + 5 * 5 + 5 + 3 + 1  # B(TABL)
    with pytest.raises(SpecError, match="rows: found 1 values for 2 of units"):
        tsdeep.build("ctabl", input_shape=(10, 40), task=TASK, rows=(5,))
