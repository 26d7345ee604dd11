from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation.replay.books import TICK, foresight, make_touch, row_by_row, signals_of
from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation.replay import replay_book

SETTINGS = [
    {"hold_rows": hold, "opposite": opposite}
    for hold, opposite in ((5, True), (5, False), (1, False), (None, True), (1000, True))
]


def as_tuples(trades: pd.DataFrame) -> list[tuple]:
    columns = ["entry_row", "exit_row", "side", "entry_price", "exit_price", "net_ticks"]
    return list(trades[columns].itertuples(index=False, name=None))


@pytest.mark.parametrize("exits", SETTINGS, ids=str)
@pytest.mark.parametrize("fills", ["touch", "mid"])
def test_perfect_foresight_earns_what_a_replay_row_by_row_says(exits, fills):
    touch = make_touch()
    signal = foresight(touch, 5)
    traded = 0
    for latency, fee in itertools.product((0, 1, 3, 70), (0.0, 0.25, 1.5)):
        how = dict(latency_rows=latency, fee_ticks=fee, fills=fills, **exits)
        made = replay_book(signals_of(touch, signal), touch, tick=TICK, **how)
        expected, not_sent = row_by_row(touch, signal, **how)
        assert as_tuples(made.trades) == expected
        assert made.unfilled == not_sent
        assert made.net_ticks == sum(trade[-1] for trade in expected)
        traded += len(expected)
    assert traded > 100


@given(
    seed=st.integers(0, 10_000), hold=st.one_of(st.none(), st.integers(1, 12)), latency=st.integers(0, 6),
    share=st.floats(0.05, 1.0), both=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_calls_earn_what_a_replay_row_by_row_says(seed, hold, latency, share, both):
    touch = make_touch(25, seed=seed)
    rng = np.random.default_rng(seed)
    signal = rng.choice([-1, 0, 1], size=len(touch), p=[share / 2, 1 - share, share / 2])
    how = {
        "hold_rows": hold,
        "opposite": both or hold is None,
        "latency_rows": latency,
        "fee_ticks": 0.5,
        "fills": "touch",
    }
    made = replay_book(signals_of(touch, signal), touch, tick=TICK, **how)
    expected, not_sent = row_by_row(touch, signal, **how)
    assert as_tuples(made.trades) == expected
    assert made.unfilled == not_sent


@given(
    seed=st.integers(0, 10_000), at=st.integers(0, 59), hold=st.one_of(st.none(), st.integers(1, 12)),
    latency=st.integers(0, 4),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_nothing_up_to_a_row_reads_a_row_after_it(seed, at, hold, latency):
    touch = make_touch(30, symbols=("AAA",), seed=seed)
    rng = np.random.default_rng(seed)
    signal = rng.integers(-1, 2, len(touch))
    other = make_touch(30, symbols=("AAA",), seed=seed + 1)
    changed, called = touch.copy(), signal.copy()
    changed.loc[at + 1 :, ["ask", "bid"]] = other.loc[at + 1 :, ["ask", "bid"]]
    called[at + 1 :] = rng.integers(-1, 2, len(touch) - at - 1)
    row = touch["row"][at]
    seen = []
    for book, calls in ((touch, signal), (changed, called)):
        made = replay_book(
            signals_of(book, calls), book, tick=TICK, hold_rows=hold, latency_rows=latency, fee_ticks=0.25
        )
        entries = made.trades[made.trades["entry_row"] <= row]
        done = made.trades[made.trades["exit_row"] <= row]
        entry = ["side", "entry_decided", "entry_row", "entry_time", "entry_price"]
        seen.append((entries[entry], done, made.rows[made.rows["row"] <= row]))
    for first, second in zip(*seen, strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_a_hand_made_book_by_hand():
    touch = pd.DataFrame(
        {
            "row": range(6),
            "time": pd.date_range("2024-01-02", periods=6, freq="s"),
            "symbol": "AAA",
            "segment": 0,
            "ask": [10.25, 10.50, 10.75, 11.00, 10.75, 10.50],
            "bid": [10.00, 10.25, 10.50, 10.75, 10.50, 10.25],
        }
    )
    signals = signals_of(touch, np.array([1, 0, 0, -1, 0, 0]))
    made = replay_book(signals, touch, tick=0.25, latency_rows=0, fee_ticks=0.5)
    # Buy 10.25, sell 10.75: 2 ticks. Sell 10.75, buy 10.50 at the end: 1 tick. Fees of 1 each.
    assert made.trades["gross_ticks"].tolist() == [2.0, 1.0]
    assert made.trades["net_ticks"].tolist() == [1.0, 0.0]
    assert made.trades["closed_by"].tolist() == ["opposite", "end"]
    assert made.rows["position"].tolist() == [1, 1, 1, -1, -1, 0]
    # Marked at what would close it, the second fee paid at the end.
    assert made.rows["equity_ticks"].tolist() == [-1.5, -0.5, 0.5, -0.5, 0.5, 1.0]
    late = replay_book(signals, touch, tick=0.25, latency_rows=1)
    # Buy 10.50, sell 10.50; sell 10.50, buy 10.50.
    assert late.trades["gross_ticks"].tolist() == [0.0, 0.0]
    assert late.trades["entry_row"].tolist() == [1, 4]
    fiction = replay_book(signals, touch, tick=0.25, latency_rows=0, fills="mid")
    assert fiction.trades["gross_ticks"].tolist() == [3.0, 2.0]


def test_no_position_crosses_a_segment_and_all_end_flat():
    touch = make_touch(40, sessions=3)
    made = replay_book(signals_of(touch, np.ones(len(touch), int)), touch, tick=TICK, latency_rows=2)
    # One long a segment, from its third row to its last.
    bounds = touch.groupby("segment")["row"].agg(["min", "max"])
    assert made.trades["entry_row"].tolist() == (bounds["min"] + 2).tolist()
    assert made.trades["exit_row"].tolist() == bounds["max"].tolist()
    assert set(made.trades["closed_by"]) == {"end"}
    ends = made.rows[made.rows["row"].isin(bounds["max"])]
    assert (ends["position"] == 0).all()


def test_equity_ends_with_what_the_symbol_earned():
    touch = make_touch(seed=3)
    made = replay_book(signals_of(touch, foresight(touch, 4)), touch, tick=TICK, hold_rows=4, fee_ticks=0.25)
    last = made.rows.groupby("symbol")["equity_ticks"].last()
    earned = made.trades.groupby("symbol")["net_ticks"].sum()
    pd.testing.assert_series_equal(last, earned, check_names=False)
    assert set(made.rows["position"]) == {-1, 0, 1}


def test_a_position_that_is_called_again_when_its_rows_are_over_is_kept():
    touch = make_touch(12, symbols=("AAA",), sessions=1)
    signal = np.array([1, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0])
    made = replay_book(signals_of(touch, signal), touch, tick=TICK, hold_rows=3, opposite=False)
    assert made.trades["entry_decided"].tolist() == [500]
    assert made.trades["exit_decided"].tolist() == [506]
    assert made.trades["closed_by"].tolist() == ["hold"]


def test_calls_too_late_to_be_filled_before_the_end_are_counted():
    touch = make_touch(10, symbols=("AAA",), sessions=1)
    signal = np.zeros(10, int)
    signal[7] = 1
    made = replay_book(signals_of(touch, signal), touch, tick=TICK, latency_rows=2)
    assert (len(made.trades), made.unfilled) == (0, 1)
    assert len(replay_book(signals_of(touch, signal), touch, tick=TICK, latency_rows=1).trades) == 1


def test_no_calls_make_no_trades():
    touch = make_touch(10)
    made = replay_book(signals_of(touch, np.zeros(len(touch), int)), touch, tick=TICK)
    summary = made.summary()
    assert made.trades.empty
    assert (made.rows["equity_ticks"] == 0).all()
    assert (summary["trades"], summary["net_ticks"], summary["worst_ticks"]) == (0, 0.0, 0.0)
    assert np.isnan(summary["net_per_trade"])


def test_rows_without_a_signal_call_nothing():
    touch = make_touch(20, symbols=("AAA",), sessions=2)
    signal = np.ones(len(touch), int)
    chosen = np.arange(len(touch)) % 20 >= 8
    some = signals_of(touch, signal)[chosen]
    made = replay_book(some, touch, tick=TICK, latency_rows=0)
    assert made.trades["entry_row"].tolist() == [508, 528]
    assert made.rows["row"].tolist() == touch["row"][chosen].tolist()


def test_the_summary_adds_up_and_knows_its_error():
    touch = make_touch(2000, symbols=("AAA",), sessions=1, seed=5)
    made = replay_book(signals_of(touch, foresight(touch, 3)), touch, tick=TICK, hold_rows=3, fee_ticks=1.0)
    summary = made.summary()
    net = made.trades["net_ticks"].to_numpy()
    assert summary["net_per_trade"] == pytest.approx(net.mean())
    assert summary["gross_ticks"] - summary["net_ticks"] == 2 * len(net)
    assert summary["won"] == (net > 0).mean()
    # Trades of a walk are nearly independent.
    assert summary["error"] == pytest.approx(net.std() / np.sqrt(len(net)), rel=0.25)
    total = np.cumsum(net)
    assert summary["worst_ticks"] == min(total[i] - max(0.0, total[: i + 1].max()) for i in range(len(total)))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"fills": "best"}, SpecError, "fills"),
        ({"latency_rows": -1}, SpecError, "latency_rows is -1"),
        ({"fee_ticks": float("nan")}, SpecError, "fee_ticks is nan"),
        ({"hold_rows": 0}, SpecError, "hold_rows is 0"),
        ({"opposite": False}, SpecError, "neither hold_rows nor opposite"),
        ({"tick": None}, SpecError, "tick is None"),
        ({"tick": 0.4}, DataError, "expected a whole number of ticks of 0.4"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change, error, words):
    touch = make_touch(10)
    with pytest.raises(error, match=words):
        replay_book(signals_of(touch, np.ones(len(touch), int)), touch, **({"tick": TICK} | change))


def test_signals_that_do_not_fit_are_refused():
    touch = make_touch(10)
    good = signals_of(touch, np.ones(len(touch), int))
    for bad, words in (
        (good.drop(columns="signal"), "no column 'signal'"),
        (good.assign(signal=2), "row 500 of AAA at .* has signal 2, expected 1, -1 or 0"),
        (good.assign(row=good["row"] + 1), "not a row of the touch"),
        (good.assign(symbol="CCC"), "row 500 of CCC .* not a row of the touch"),
        (pd.concat([good, good.iloc[3:4]]), "row 503 of AAA .* is there twice"),
    ):
        with pytest.raises(DataError, match=words):
            replay_book(bad, touch, tick=TICK)
