from dataclasses import dataclass

import pytest

from tsdeep import SpecError
from tsdeep.tasks import Direction, get_task, register_task, task_class, task_names


def test_a_task_is_made_from_its_name_and_settings():
    assert get_task("direction") == Direction(1)
    assert get_task("direction", horizon_rows=5) == Direction(5)
    assert task_class("direction") is Direction
    assert "direction" in task_names()


def test_a_task_that_was_made_is_returned_as_it_is():
    task = Direction(3)
    assert get_task(task) is task


@pytest.mark.parametrize(
    ("task", "settings", "message"),
    [
        ("direktion", {}, "unknown task 'direktion': did you mean 'direction'\\? Known: "),
        (["direction"], {}, "unknown task"),
        (
            "direction",
            {"horizon": 2},
            "task 'direction': unknown argument 'horizon': did you mean 'horizon_rows'",
        ),
        (
            "direction",
            {"horizon_rows": 0},
            "task 'direction': horizon_rows = 0: .*greater than or equal to 1",
        ),
        ("direction", {"horizon_rows": "2"}, "task 'direction': horizon_rows = '2': .*valid integer"),
        (Direction(2), {"horizon_rows": 3}, "with settings horizon_rows, expected only one of them"),
    ],
)
def test_an_unknown_task_or_setting_is_refused(task, settings, message):
    with pytest.raises(SpecError, match=message):
        get_task(task, **settings)


def test_a_task_of_one_s_own_joins_by_its_name():
    @register_task("test_base_upward")
    @dataclass(frozen=True)
    class Upward(Direction):
        """Direction with a setting more."""

        margin: float = 0.0

    assert get_task("test_base_upward", margin=0.5) == Upward(horizon_rows=1, margin=0.5)
    with pytest.raises(SpecError, match=r"margin = 'wide'"):
        get_task("test_base_upward", margin="wide")
