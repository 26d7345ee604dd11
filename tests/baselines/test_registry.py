from __future__ import annotations

import pytest

from tsdeep.baselines import Reference, references_for
from tsdeep.errors import SpecError


def test_references_of_direction_are_fresh_and_keep_the_protocol():
    one, two = references_for("direction"), references_for("direction")
    assert [reference.name for reference in one] == ["always_up", "base_rate", "logistic"]
    assert all(isinstance(reference, Reference) for reference in one)
    assert not any(a is b for a, b in zip(one, two, strict=True))


def test_an_unknown_task_is_refused_with_the_nearest():
    with pytest.raises(SpecError, match="did you mean 'direction'"):
        references_for("directon")
