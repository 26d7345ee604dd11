"""MLPLOB: its size, added up from the layers of its authors' code."""

from __future__ import annotations

import pytest

import tsdeep
from tsdeep.errors import SpecError
from tsdeep.tasks.movement import Movement

TASK = Movement(labels="raw")


def dense(inputs, outputs):
    return inputs * outputs + outputs


def network(width, hidden, outputs):
    return dense(width, hidden) + dense(hidden, outputs) + 2 * outputs


def narrowing(size):
    total = 0
    while size > 128:
        total, size = total + dense(size, size // 4), size // 4
    return total + dense(size, 3)


def published(rows, features=40, units=40, layers=3):
    """Add up the layers of the authors' code, but for the 3 weights of the order type, which is no input."""
    total = 2 * (rows + features + 1) + dense(features, units)
    for _ in range(layers - 1):
        total += network(units, 4 * units, units) + network(rows, 4 * rows, rows)
    total += network(units, 2 * units, units // 4) + network(rows, 2 * rows, rows // 4)
    return total + narrowing((units // 4) * (rows // 4))


@pytest.mark.parametrize(("rows", "parameters"), [(384, 3_012_411), (100, 234_618)])
def test_parameters_are_those_of_its_authors_code(rows, parameters):
    model = tsdeep.build("mlplob", input_shape=(rows, 40), task=TASK)
    assert model.count_params() == parameters == published(rows)


def test_other_sizes_and_no_normalisation():
    model = tsdeep.build("mlplob", input_shape=(20, 12), task=TASK, units=8, layers=2, normalise=False)
    assert model.count_params() == published(20, 12, 8, 2) - 2 * (20 + 12 + 1)


@pytest.mark.parametrize("argument", [{"units": 3}, {"layers": 0}])
def test_sizes_that_leave_no_quarter_are_refused(argument):
    with pytest.raises(SpecError, match=next(iter(argument))):
        tsdeep.build("mlplob", input_shape=(20, 12), task=TASK, **argument)
    with pytest.raises(SpecError, match="lookback"):
        tsdeep.build("mlplob", input_shape=(3, 12), task=TASK)
