from __future__ import annotations

from dataclasses import dataclass

import pytest

from tsdeep.baselines import Reference, references_for
from tsdeep.errors import SpecError
from tsdeep.tasks import Direction, get_task


def test_references_of_direction_are_fresh_and_keep_the_protocol():
    one, two = (references_for(get_task("direction")) for _ in range(2))
    assert [reference.name for reference in one] == ["always_up", "base_rate", "logistic"]
    assert all(isinstance(reference, Reference) for reference in one)
    assert not any(a is b for a, b in zip(one, two, strict=True))


def test_a_task_without_references_is_refused_with_the_nearest():
    @dataclass(frozen=True)
    class Other(Direction):
        kind = "directon"

    with pytest.raises(SpecError, match="did you mean 'direction'"):
        references_for(Other())
