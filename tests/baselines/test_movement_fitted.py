from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_info

from tests.book_rows import made_up_panel
from tsdeep.baselines import Majority, MovementBoosting, MovementLogistic
from tsdeep.errors import DataError
from tsdeep.features import FeatureBank
from tsdeep.samples import Samples
from tsdeep.tasks import get_task


def drifting_panel(rows=(6000, 2000), seed=0):
    """Books whose mid goes where the larger queue is not: the queue imbalance predicts the move."""
    panel = made_up_panel(rows, seed=seed)
    random = np.random.default_rng(seed)
    pull = np.repeat(random.normal(size=sum(rows) // 20), 20)
    bid = 20_000 + np.cumsum(random.integers(-1, 2, sum(rows)) + np.rint(pull).astype(int))
    depth = np.arange(3)
    sizes = 100 * np.exp(np.stack([-pull, pull]) / 2 + random.normal(size=(2, sum(rows))) / 4)
    return panel.replace(
        ask_price=(bid[:, None] + 1 + depth) * 0.01,
        bid_price=(bid[:, None] - depth) * 0.01,
        ask_size=np.round(sizes[0])[:, None] + np.ones(3),
        bid_size=np.round(sizes[1])[:, None] + np.ones(3),
    )


def samples_of(panel, **settings):
    settings = {"threshold": 2.0, "threshold_in": "ticks", **settings}
    return Samples(
        panel,
        FeatureBank([{"kind": "microprice", "tick": 0.01}]),
        get_task("movement", **settings),
        1,
    )


def log_loss(samples, rows, outputs, number=0):
    y = samples.y[rows].reshape(len(rows), -1)[:, number].astype(int)
    p = np.stack([*outputs.values()], axis=1).reshape(len(rows), -1, 3)[:, number]
    return -np.log(p[np.arange(len(rows)), y]).mean()


@pytest.mark.parametrize("reference", [MovementLogistic, MovementBoosting])
def test_it_learns_what_the_queues_tell_at_every_horizon_and_of_every_symbol(reference):
    samples = samples_of(drifting_panel(), horizon_rows=(5, 20))
    train, test = np.r_[200:3500, 6100:7000], np.r_[4000:5900, 7100:7900]
    outputs = reference().fit(samples, train).predict(samples, test)
    assert tuple(outputs) == samples.task.output_names
    constant = Majority().fit(samples, train).predict(samples, test)
    for number, gain in enumerate((0.1, 0.05)):
        assert log_loss(samples, test, outputs, number) < log_loss(samples, test, constant, number) - gain


@pytest.mark.parametrize("reference", [MovementLogistic, MovementBoosting])
def test_fitting_twice_gives_the_same_probabilities(reference):
    samples = samples_of(drifting_panel((1500, 300)), horizon_rows=10)
    one, two = (
        reference().fit(samples, np.arange(100, 1000)).predict(samples, np.arange(1100, 1200))
        for _ in range(2)
    )
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


@pytest.mark.parametrize("reference", [MovementLogistic, MovementBoosting])
def test_a_class_that_no_training_row_has_gets_a_small_probability(reference):
    panel = drifting_panel((1500, 300))
    samples = samples_of(panel, horizon_rows=10, threshold=0.0)
    y = samples.y
    rows = np.arange(100, 1000)
    outputs = reference().fit(samples, rows[y[rows] != 1]).predict(samples, rows)
    n = (y[rows] != 1).sum()
    np.testing.assert_allclose(outputs["stationary"], 1 / (n + 2), rtol=1e-9)
    np.testing.assert_allclose(sum(outputs.values()), 1.0, rtol=1e-9)


@pytest.mark.parametrize("reference", [MovementLogistic, MovementBoosting])
def test_labels_of_one_class_alone_are_refused(reference):
    samples = samples_of(drifting_panel((1500, 300)), horizon_rows=(5, 10), threshold=(2.0, 1e6))
    with pytest.raises(DataError, match=f"{reference.name}: all 200 labels of horizon 10 are 1"):
        reference().fit(samples, np.arange(100, 300))


def test_a_symbol_that_was_not_trained_on_is_refused():
    samples = samples_of(drifting_panel((1500, 300)), horizon_rows=10)
    with pytest.raises(DataError, match=r"symbol among the training rows"):
        MovementLogistic().fit(samples, np.arange(100, 900)).predict(samples, np.arange(1600, 1700))


def test_boosting_keeps_to_its_threads(monkeypatch):
    seen = []
    fit = HistGradientBoostingClassifier.fit

    def watched(self, x, y):
        seen.append({pool["num_threads"] for pool in threadpool_info()})
        return fit(self, x, y)

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", watched)
    samples = samples_of(drifting_panel((1500, 300)), horizon_rows=10)
    before = [pool["num_threads"] for pool in threadpool_info()]
    MovementBoosting(trees=2, threads=1).fit(samples, np.arange(100, 900))
    assert seen == [{1}]
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_seeds_of_boosting_differ_a_little():
    samples = samples_of(drifting_panel((1500, 300)), horizon_rows=10)
    rows, test = np.arange(100, 1000), np.arange(1100, 1400)
    one, two = (
        MovementBoosting(seed=seed).fit(samples, rows).predict(samples, test)["up"] for seed in (0, 1)
    )
    assert 0 < np.abs(one - two).max() < 0.3
