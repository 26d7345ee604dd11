from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef

from tests.book_rows import lobster_panel, made_up_panel
from tests.panels import ragged_samples
from tsdeep.baselines import Majority, OneLineRule, Persistence, Reference, references_for
from tsdeep.baselines.movement import mid_deviation
from tsdeep.errors import DataError, RunError
from tsdeep.features import FeatureBank
from tsdeep.samples import Samples
from tsdeep.tasks import get_task

TICKS = {"threshold": 0.5, "threshold_in": "ticks"}


def samples_of(panel, **settings):
    bank = FeatureBank([{"kind": "microprice", "tick": panel.tick}])
    return Samples(panel, bank, get_task("movement", **settings), 1)


def stacked(outputs):
    return np.stack([values for name, values in outputs.items() if not name.startswith("call")], axis=1)


def test_references_of_movement_are_fresh_and_keep_the_protocol():
    one, two = (references_for(get_task("movement")) for _ in range(2))
    assert [reference.name for reference in one] == [
        "majority",
        "persistence",
        "rule",
        "logistic",
        "boosting",
    ]
    assert all(isinstance(reference, Reference) for reference in one)
    assert not any(a is b for a, b in zip(one, two, strict=True))


def test_majority_predicts_the_shares_of_the_training_rows_with_one_row_of_each_class_added():
    samples = samples_of(made_up_panel(), horizon_rows=(3, 9), **TICKS)
    rows = np.arange(10, 70)
    outputs = Majority().fit(samples, rows).predict(samples, np.arange(130, 133))
    assert tuple(outputs) == samples.task.output_names
    for number, horizon in enumerate((3, 9)):
        counts = np.bincount(samples.y[rows, number].astype(int), minlength=3) + 1
        for name, share in zip(("down", "stationary", "up"), counts / 63, strict=True):
            np.testing.assert_allclose(outputs[f"{name}_{horizon}"], [share] * 3, rtol=1e-12)


def test_persistence_predicts_the_shares_after_moves_of_the_same_class():
    samples = samples_of(made_up_panel((400, 90)), horizon_rows=5, labels="anchored", **TICKS)
    train, test = np.arange(20, 300), np.arange(300, 340)
    outputs = Persistence().fit(samples, train).predict(samples, test)
    panel = samples.panel
    mid = np.round((panel.fields["ask_price"] + panel.fields["bid_price"])[:, 0] / 0.01)  # half ticks

    def last_move(row):
        move = mid[row] - mid[row - 5]
        return 1 + (move > 1) - (move < -1)

    assert outputs["call"].tolist() == [last_move(row) for row in test]
    for row, found in zip(test, stacked(outputs), strict=True):
        alike = [t for t in train if last_move(t) == last_move(row)]
        counts = np.bincount(samples.y[alike].astype(int), minlength=3) + 1
        np.testing.assert_allclose(found, counts / counts.sum(), rtol=1e-12)


@pytest.mark.parametrize("reference", [Persistence(), OneLineRule()], ids=lambda one: one.name)
def test_a_large_stationary_class_does_not_silence_the_call_of_a_state(reference):
    """Where "stationary" is the most frequent after every state, the likeliest class is a constant, of MCC 0."""
    samples = samples_of(
        made_up_panel((4000,), ("A",)),
        horizon_rows=10,
        labels="smoothed",
        threshold=5.0,
        threshold_in="ticks",
    )
    train, test = np.arange(20, 3000), np.arange(3000, 3900)
    y = samples.y[test].astype(int)
    outputs = reference.fit(samples, train).predict(samples, test)
    assert np.mean(y == 1) > 0.7
    assert (stacked(outputs).argmax(axis=1) == 1).all()
    assert matthews_corrcoef(y, outputs["call"]) > 0.2
    table = samples.task.table(pd.DataFrame({"row": test}), y, outputs)
    assert table["call"].dtype == np.int8
    assert table["call"].tolist() == outputs["call"].tolist()


def test_calls_of_several_horizons_are_named_and_laid_out_by_horizon():
    samples = samples_of(made_up_panel((400,), ("A",)), horizon_rows=(3, 9), **TICKS)
    train, test = np.arange(20, 300), np.arange(300, 340)
    outputs = Persistence().fit(samples, train).predict(samples, test)
    assert list(outputs)[-2:] == ["call_3", "call_9"]
    table = samples.task.table(pd.DataFrame({"row": test}), samples.y[test], outputs)
    for number, horizon in enumerate((3, 9)):
        rows = table[table["horizon"] == horizon]
        np.testing.assert_array_equal(rows["call"], samples.task.past_classes(samples.panel, number)[test])
        np.testing.assert_array_equal(rows["up"], outputs[f"up_{horizon}"])
    assert "call" not in Majority().fit(samples, train).predict(samples, test)


@pytest.mark.parametrize("dead_band", [False, True])
def test_the_rule_goes_by_the_mid_against_its_mean(dead_band):
    panel = lobster_panel("AMZN", (900,))
    samples = samples_of(panel, horizon_rows=40, labels="smoothed", threshold=3e-5, threshold_in="return")
    train, test = np.arange(60, 500), np.arange(500, 560)
    rule = OneLineRule(dead_band=dead_band)
    assert rule.name == ("rule_with_dead_band" if dead_band else "rule")
    outputs = rule.fit(samples, train).predict(samples, test)
    mid = (panel.fields["ask_price"] + panel.fields["bid_price"])[:, 0] / 2
    deviation = np.array([mid[t] - mid[max(0, t - 39) : t + 1].mean() for t in range(900)])
    limit = 1e-6
    if dead_band:
        share = np.mean(samples.y[train] == 1)
        limit = np.quantile(np.abs(deviation[train]), share)
    state = 1 + (deviation > limit).astype(int) - (deviation < -limit)
    assert len(set(state[test])) > 1
    if not dead_band:
        assert outputs["call"].tolist() == state[test].tolist()
    for row, found in zip(test, stacked(outputs), strict=True):
        counts = np.bincount(samples.y[train[state[train] == state[row]]].astype(int), minlength=3) + 1
        np.testing.assert_allclose(found, counts / counts.sum(), rtol=0.02 if dead_band else 1e-12)


def test_the_deviation_is_from_the_mean_of_the_rows_there_are_and_exactly_zero_where_they_are_equal():
    panel = made_up_panel((7, 30, 1), ("A", "A", "B"))
    mid = (panel.fields["ask_price"] + panel.fields["bid_price"])[:, 0] / 2
    deviation = mid_deviation(panel, 10)
    for start, stop in panel.bounds:
        for row in range(start, stop):
            window = mid[max(start, row - 9) : row + 1]
            np.testing.assert_allclose(deviation[row], mid[row] - window.mean(), atol=1e-10)
    still = panel.replace(ask_price=np.full((38, 3), 580.24), bid_price=np.full((38, 3), 580.23))
    assert (mid_deviation(still, 10) == 0).all()


@pytest.mark.parametrize("reference", references_for(get_task("movement")), ids=lambda one: one.name)
def test_a_reference_is_fitted_on_its_rows_alone_and_predicts_without_later_rows(reference):
    panel = made_up_panel((900, 300), seed=2)
    samples = samples_of(panel, horizon_rows=10, labels="smoothed", **TICKS)
    train, test = np.r_[100:600, 950:1000], np.r_[650:700]
    before = stacked(reference.fit(samples, train).predict(samples, test))
    np.testing.assert_allclose(before.sum(axis=1), 1.0, rtol=1e-12)
    assert (before > 0).all()
    random = np.random.default_rng(0)
    fields = {name: values.copy() for name, values in panel.fields.items()}
    poisoned = np.r_[
        700:900, 1011:1200
    ]  # after the test rows, and after the last label end of B's training rows
    for values in fields.values():
        values[poisoned] *= random.uniform(1, 2, values[poisoned].shape)
    other = samples_of(panel.replace(**fields), horizon_rows=10, labels="smoothed", **TICKS)
    after = stacked(reference.fit(other, train).predict(other, test))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("reference", references_for(get_task("movement")), ids=lambda one: one.name)
def test_what_a_reference_cannot_use_is_refused(reference):
    samples = samples_of(made_up_panel(), horizon_rows=5, **TICKS)
    with pytest.raises(RunError, match=f"{reference.name}: predict before fit"):
        reference.predict(samples, np.arange(5))
    with pytest.raises(DataError, match=f"{reference.name}: found rows without a label"):
        reference.fit(samples, np.arange(100, 120))
    with pytest.raises(DataError, match=f"{reference.name}: found samples of task Direction"):
        reference.fit(ragged_samples(), np.arange(10, 15))


def test_on_z_scored_prices_of_one_stock_the_rule_sees_the_same_side_of_the_mean():
    """Best prices a tick apart always, so that both sides' z-scores are one line through the mid."""
    panel = made_up_panel((300,), ("A",), levels=1)
    bid = 26.9 + np.repeat(np.random.default_rng(0).integers(-2, 3, 60).cumsum(), 5)[:, None] * 0.01
    sides = {"ask_price": bid + 0.01, "bid_price": bid}
    scored = {name: (price - price.mean()) / price.std() for name, price in sides.items()}
    plain, normal = panel.replace(**sides), replace(panel.replace(**scored), tick=None)
    for rows in (1, 3, 10):
        one, two = np.sign(mid_deviation(plain, rows)), np.sign(mid_deviation(normal, rows))
        np.testing.assert_array_equal(one, two)
    assert {-1.0, 0.0, 1.0} == set(two)
