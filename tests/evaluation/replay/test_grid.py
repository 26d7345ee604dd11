from __future__ import annotations

import pytest

from tsdeep import load_spec
from tsdeep.errors import SpecError
from tsdeep.evaluation import ReplayGrid


def test_the_default_grid_is_that_of_the_report():
    assert ReplayGrid() == ReplayGrid(latencies_rows=(0, 1, 10), fees_ticks=(0.3, 1.0))
    assert load_spec("lob_midprice").replay.grid() == ReplayGrid()


@pytest.mark.parametrize(
    ("latencies", "shown"), [((0, 1, 10), 1), ((0, 5), 5), ((2, 4), 2), ((0,), 0), ((7,), 7)]
)
def test_methods_are_shown_at_the_first_latency_that_is_late(latencies, shown):
    assert ReplayGrid(latencies).shown_latency_rows == shown


@pytest.mark.parametrize("latencies", [(), (-1, 0), (1, 0), (1, 1), (0, 0.5), (True,)])
def test_latencies_that_make_no_sense_are_refused(latencies):
    with pytest.raises(SpecError, match="expected rising whole numbers of rows"):
        ReplayGrid(latencies_rows=latencies)


@pytest.mark.parametrize(
    "fees", [(0.0, 0.3), (-0.1,), (1.0, 0.3), (0.3, 0.3), (float("nan"),), (float("inf"),)]
)
def test_fees_that_make_no_sense_are_refused(fees):
    with pytest.raises(SpecError, match="expected rising numbers of ticks above 0"):
        ReplayGrid(fees_ticks=fees)


def test_a_spec_sets_the_grid_and_says_what_is_wrong_with_it():
    spec = load_spec("lob_midprice").replace(replay={"latencies_rows": [0, 3], "fees_ticks": []})
    assert spec.replay.grid() == ReplayGrid((0, 3), ())
    assert spec.resolved()["replay"] == {"latencies_rows": [0, 3], "fees_ticks": []}
    with pytest.raises(SpecError, match=r"replay.*expected rising whole numbers"):
        spec.replace(replay={"latencies_rows": [3, 0]})
    with pytest.raises(SpecError, match=r"replay\.latencies_rows.*1\.5"):
        spec.replace(replay={"latencies_rows": [1.5]})
    with pytest.raises(SpecError, match=r"fee_ticks.*fees_ticks"):
        spec.replace(replay={"fee_ticks": [1]})


@pytest.mark.parametrize("given", [{"latencies_rows": 5}, {"fees_ticks": [0.3]}])
def test_a_number_by_itself_and_a_list_are_refused(given):
    with pytest.raises(SpecError, match="expected a tuple of numbers"):
        ReplayGrid(**given)
