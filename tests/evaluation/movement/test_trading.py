from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import labelled
from tests.evaluation.movement.conftest import NAMES, TICK, make_movement, make_references, touch_of
from tests.evaluation.replay.books import row_by_row
from tests.evaluation.whole_page import shown
from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import (
    Evidence,
    ReplayGrid,
    compare_evidence,
    evaluate,
    figures,
    movement_signals,
    plot_replays,
    replay_movement,
    round_trips,
)
from tsdeep.evaluation.movement.assessment import row_segments


@pytest.fixture(scope="module")
def traded(evidence, frame) -> Evidence:
    return dataclasses.replace(evidence, touch=touch_of(frame), tick=TICK)


def test_a_call_is_traded_where_its_probability_is_above_the_threshold():
    frame = make_movement(4, sessions=1)
    p = [[0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]]
    frame[NAMES] = p
    assert movement_signals(frame)["signal"].tolist() == [-1, 1, 0, 1]
    assert movement_signals(frame, 0.45)["signal"].tolist() == [-1, 1, 0, 0]
    assert movement_signals(frame, 0.5)["signal"].tolist() == [0, 1, 0, 0]
    assert movement_signals(frame.assign(call=[2, 2, 2, 1]))["signal"].tolist() == [1, 1, 1, 0]
    with pytest.raises(SpecError, match="threshold is 1"):
        movement_signals(frame, 1)


@pytest.mark.parametrize("latency_rows", [0, 1, 5])
@pytest.mark.parametrize("fee_ticks", [0.0, 0.5])
@pytest.mark.parametrize("fills", ["touch", "mid"])
def test_perfect_foresight_of_the_label_earns_what_a_replay_row_by_row_says(latency_rows, fee_ticks, fills):
    frame = make_movement(300, sessions=2, symbols=("AAA", "BBB"))
    frame[NAMES] = np.eye(3)[frame["y"]]
    touch = touch_of(frame)
    how = {"latency_rows": latency_rows, "fee_ticks": fee_ticks, "fills": fills}
    made = replay_movement(frame.sample(frac=1, random_state=0), touch, tick=TICK, **how)
    calls = pd.Series(0, index=touch["row"])
    calls[frame["row"]] = frame["y"].to_numpy() - 1
    expected, _ = row_by_row(touch, calls.to_numpy(), tick=TICK, hold_rows=10, opposite=True, **how)
    assert made.trades["symbol"].nunique() == 2
    assert len(expected) > 20
    np.testing.assert_allclose(made.trades["net_ticks"], [trade[-1] for trade in expected], atol=1e-6)
    assert made.trades["entry_row"].tolist() == [trade[0] for trade in expected]
    np.testing.assert_allclose(made.trades["entry_price"], [trade[3] for trade in expected], rtol=1e-12)


def test_the_evaluation_holds_the_replays_that_a_user_would_make(traded, frame):
    result = evaluate(traded)
    table = result.replay_figures.set_index(["horizon", "method", "fills", "latency_rows", "fee_ticks"])
    assert set(result.replay_figures["method"]) == {"tlob", "majority", "logistic"}
    assert len(table) == 3 * (1 + 3 * 3)
    assert table.index.is_unique
    touch = traded.touch
    for fills, latency, fee in (("mid", 0, 0.0), ("touch", 10, 0.3), ("touch", 0, 1.0)):
        made = replay_movement(
            frame, touch, tick=TICK, latency_rows=latency, fee_ticks=fee, fills=fills, hold_rows=10
        )
        row = table.loc[(10, "tlob", fills, latency, fee)]
        assert row.to_dict() == pytest.approx(made.summary(), nan_ok=True)
        (held,) = [
            each
            for each in result.replays[10]
            if (each.fills, each.latency_rows, each.fee_ticks) == (fills, latency, fee)
        ]
        pd.testing.assert_frame_equal(held.trades, made.trades)
    # A model that sees the drift earns at the mid what the spread takes at the touch.
    assert table.loc[(10, "tlob", "mid", 0, 0.0), "net_per_trade"] > 0
    assert table.loc[(10, "majority", "touch", 1, 0.0), "trades"] == frame["session"].nunique()


def test_p_t_is_that_of_the_calls_of_each_method(traded, frame):
    for evidence in (traded, dataclasses.replace(traded, touch=None, tick=None)):
        table = evaluate(evidence).round_trips.set_index("method")
        called = frame[NAMES].to_numpy().argmax(axis=1)
        expected = round_trips(frame["y"], called, row_segments(frame))
        assert table.loc["tlob", "p_t"] == expected.probability
        assert table.loc["tlob", "potential"] == expected.potential
        assert (table.loc["majority", "trips"], np.isnan(table.loc["majority", "p_t"])) == (0, True)
        assert table.loc["tlob", "p_t"] > table.loc["logistic", "p_t"]


def test_without_a_touch_nothing_is_traded_and_the_page_says_so(evidence, tmp_path):
    result = evaluate(evidence)
    assert (result.replays, result.replay_figures) == ({}, None)
    text = shown(evidence, tmp_path)
    assert "no strategy was tested" in text
    assert "fiction of papers" not in text
    assert not (tmp_path / "replays.csv").exists()


def test_the_page_shows_the_touch_beside_the_fiction(traded, tmp_path):
    text = " ".join(shown(traded, tmp_path).split())
    for words in (
        "Calls as trades", "mid (fiction)", "ticks a trade, by fee a side", "fiction of papers", "p_T",
        "what the calls earn at the touch is under", "All methods: the touch 1 row late.", "round trips",
    ):  # fmt: skip
        assert words in text, words
    assert "no strategy was tested" not in text
    assert not re.search(r"\bnan\b", text)
    assert len(pd.read_csv(tmp_path / "replays.csv")) == 30
    assert (tmp_path / "figures" / "replay_10.png").exists()


def test_the_figure_says_what_it_shows(traded):
    result = evaluate(traded)
    drawn = figures(traded, result)["replay_10"]
    assert labelled(drawn)
    left, right = drawn.axes
    free = [made for made in result.replays[10] if made.fee_ticks == 0]
    ends = [line.get_ydata()[-1] for line in left.get_lines()[: len(free)]]
    assert ends == pytest.approx([made.trades["gross_ticks"].sum() for made in free])
    assert right.get_ylabel() == "ticks of the mean trade, no fee (95%)"
    # Moves of hundreds of ticks leave room for one name.
    assert [text.get_text() for text in right.texts] == ["pays a fee of 0.3 a side"]
    few = replay_movement(traded.predictions.iloc[:30], traded.touch, tick=TICK)
    assert labelled(plot_replays([few]))


def test_latencies_and_fees_are_those_that_were_asked_for(traded, frame, tmp_path):
    asked = dataclasses.replace(traded, replay=ReplayGrid((0, 4), (0.5,)))
    table = evaluate(asked).replay_figures
    touched = table[(table["method"] == "tlob") & (table["fills"] == "touch")]
    assert [*zip(touched["latency_rows"], touched["fee_ticks"], strict=True)] == [
        (0, 0.0), (0, 0.5), (4, 0.0), (4, 0.5)
    ]  # fmt: skip
    late = replay_movement(frame, asked.touch, tick=TICK, latency_rows=4, fee_ticks=0.5)
    assert touched["net_ticks"].iloc[-1] == late.net_ticks
    text = " ".join(shown(asked, tmp_path).split())
    assert "All methods: the touch 4 rows late." in text
    drawn = figures(asked, evaluate(asked))["replay_10"]
    assert [label.get_text().split("\n")[0] for label in drawn.axes[1].get_xticklabels()] == [
        "mid", "touch, 0", "touch, 4"
    ]  # fmt: skip
    without = dataclasses.replace(asked, replay=ReplayGrid((2,), ()))
    text = " ".join(shown(without, tmp_path).split())
    assert "by fee a side" not in text
    runs = {"tlob": without, "other": dataclasses.replace(without, model="other")}
    curves = compare_evidence(runs, draws=100).curves
    assert curves[0].title == "calls 10 rows ahead, filled at the touch 2 rows late, no fee"
    with pytest.raises(DataError, match="replay: tlob has"):
        compare_evidence({"tlob": asked, "other": without})


def test_several_horizons_are_traded_each_by_itself():
    frame = make_movement(150, horizons=(5, 20))
    touch = touch_of(frame)
    result = evaluate(Evidence("lob", "tlob", frame, task="movement", draws=100, touch=touch, tick=TICK))
    assert set(result.replays) == {5, 20}
    for horizon in (5, 20):
        made = replay_movement(frame, touch, tick=TICK, horizon=horizon, latency_rows=0)
        assert made.hold_rows == horizon
        assert made.net_ticks == result.replays[horizon][1].net_ticks
    with pytest.raises(SpecError, match="horizon is 7, expected one of 5, 20"):
        replay_movement(frame, touch, tick=TICK, horizon=7)


def test_a_touch_that_does_not_fit_is_refused(traded):
    late = traded.touch.assign(time=traded.touch["time"] + pd.Timedelta("1s"))
    with pytest.raises(DataError, match="is not a row of the touch"):
        evaluate(dataclasses.replace(traded, touch=late))
    with pytest.raises(SpecError, match="tick is None"):
        evaluate(dataclasses.replace(traded, tick=None))


def test_references_are_traded_with_the_calls_that_they_state(traded, frame):
    references = make_references(frame)
    stated = references.assign(call=np.where(references["method"] == "logistic", 2.0, np.nan))
    table = evaluate(dataclasses.replace(traded, references=stated)).replay_figures
    logistic = table[(table["method"] == "logistic") & (table["fills"] == "touch")]
    assert (logistic["trades"] == frame["session"].nunique()).all()
