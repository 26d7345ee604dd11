"""Features of a mirrored order book are the mirrored features of the book."""

from __future__ import annotations

import numpy as np
import pytest

import tsdeep
from tsdeep.features import FeatureBank
from tsdeep.sources import make_source

FEATURES = (
    {"kind": "order_flow_imbalance", "levels": 4, "rows": [1, 20]},
    {"kind": "queue_imbalance", "levels": 4, "rows": [1, 10]},
    {"kind": "depth", "levels": 4},
    {"kind": "microprice", "tick": 100.0},
    {"kind": "mid_return", "tick": 100.0, "rows": [1, 20]},
    {"kind": "mid_deviation", "tick": 100.0, "rows": [20]},
    {"kind": "mid_volatility", "tick": 100.0, "rows": [20]},
    {"kind": "elapsed_time", "rows": [5]},
    {"kind": "price_distance", "levels": 4, "tick": 100.0},
    {"kind": "price_distance", "levels": 3, "tick": 100.0, "unit": "spread"},
    {"kind": "log_size", "levels": 4},
    {"kind": "spread", "tick": 100.0},
    {"kind": "trade_flow", "rows": [20]},
    {"kind": "event_count", "rows": [20], "types": [1, 3, 4]},
)
FIELDS = (
    *("ask_price", "ask_size", "bid_price", "bid_size"),
    *("event_type", "event_size", "event_price", "event_side"),
)


@pytest.fixture(scope="module")
def books():
    return make_source({"kind": "simulated_book", "sessions": 1, "rows": 900, "levels": 4}).panel(FIELDS)


def mirrored(panel):
    """The book with bids for asks: prices p become c - p, which way round changes, and nothing else."""
    about = 4_000_000.0
    return panel.replace(
        ask_price=about - panel.fields["bid_price"],
        bid_price=about - panel.fields["ask_price"],
        ask_size=panel.fields["bid_size"],
        bid_size=panel.fields["ask_size"],
        event_price=about - panel.fields["event_price"],
        event_side=-panel.fields["event_side"],
    )


def samples_of(panel, features=FEATURES, **settings):
    task = tsdeep.get_task("movement", horizon_rows=10, threshold=0.0, threshold_in="ticks")
    return tsdeep.Samples(panel, FeatureBank(features), task, 3, settings or None)


@pytest.mark.parametrize(
    "feature", FEATURES, ids=lambda feature: f"{feature['kind']}-{feature.get('unit', '')}"
)
def test_a_feature_of_the_mirrored_book_is_the_mirrored_feature(books, feature):
    one, other = (samples_of(panel, [feature]) for panel in (books, mirrored(books)))
    index, sign = one.features.mirror()
    np.testing.assert_allclose(other.x, one.x[:, index] * sign, rtol=1e-6, atol=1e-6)
    assert sorted(index.tolist()) == list(range(len(index)))
    np.testing.assert_array_equal(index[index], np.arange(len(index)))


def test_labels_of_the_mirrored_book_are_the_mirrored_labels(books):
    one, other = (samples_of(panel) for panel in (books, mirrored(books)))
    known = one.label_end >= 0
    assert set(one.y[known]) == {0.0, 1.0, 2.0}
    np.testing.assert_array_equal(other.y[known], one.task.mirrored(one.y[known]))


def test_every_book_feature_says_how_it_is_mirrored_but_those_that_cannot_be():
    book = {
        kind
        for kind in tsdeep.feature_names()
        if {"ask_price", "event_type", "bid_size"}
        & set(getattr(tsdeep.features.get_feature(kind), "fields", ()))
    }
    silent = {kind for kind in book if tsdeep.features.get_feature(kind).mirror_sign is None}
    assert silent == {"book_levels"}


@pytest.mark.parametrize("kind", ["signed_log", "rank_gaussian", "standard"])
def test_a_scaler_fitted_on_both_sides_can_be_applied_before_or_after_the_mirror(books, kind):
    one = samples_of(books, kind=kind)
    index, sign = one.features.mirror()
    scaler = one.fit_scaler(one.rows, mirror=True)
    before = np.asarray(scaler(one.x[one.rows][:, index] * sign))
    after = np.asarray(scaler(one.x[one.rows]))[:, index] * sign
    if kind == "standard":  # a channel that keeps its sign keeps its mean
        keeps = sign > 0
        np.testing.assert_allclose(after[:, keeps], before[:, keeps], atol=1e-4)
    else:
        np.testing.assert_allclose(after[:, sign < 0], before[:, sign < 0], atol=0.05)
        np.testing.assert_allclose(after[:, sign > 0], before[:, sign > 0], atol=0.05)


def test_about_half_of_the_windows_are_mirrored_each_time_anew_and_none_is_lost(books):
    samples = samples_of(books)
    index, sign = samples.features.mirror()
    rows = samples.rows[:256]
    data = tsdeep.windows(samples, rows, shuffle=True, mirror=True, seed=0, batch_size=64)
    plain = {window.tobytes(): row for window, row in zip(samples.x[rows], rows, strict=True)}
    epochs = []
    for _ in range(2):
        seen, flipped = [], []
        for x, y in data:
            for last, label in zip(np.asarray(x)[:, -1], np.asarray(y), strict=True):
                image = (last[index] * sign).astype(np.float32) + np.float32(0)
                row = plain.get(last.tobytes())
                if row is None:
                    row = next(r for r in rows if np.array_equal(samples.x[r], image))
                    assert label == 2 - samples.y[row]
                else:
                    assert label == samples.y[row]
                seen.append(row)
                flipped.append(plain.get(last.tobytes()) is None)
        assert len(set(seen)) > 0.9 * len(rows)  # rows alike to the last bit count as one
        assert 0.35 < np.mean(flipped) < 0.65
        epochs.append((seen, flipped))
    assert epochs[0] != epochs[1]
    again = tsdeep.windows(samples, rows, shuffle=True, mirror=True, seed=0, batch_size=64)
    first = next(iter(tsdeep.windows(samples, rows, shuffle=True, mirror=True, seed=0, batch_size=64)))
    np.testing.assert_array_equal(next(iter(again))[0], first[0])


@pytest.mark.parametrize(
    ("features", "options", "message"),
    [
        (
            [{"kind": "book_levels", "levels": 4}],
            {},
            "mirror: book_levels cannot be told from the other side",
        ),
        (FEATURES, {"shuffle": False}, "mirror=True draws windows at random"),
        (FEATURES, {"scaler": "one side"}, "needs a scaler that does the same to both sides"),
        (FEATURES, {"mode": "dense"}, "no balanced=, mirror= or stride="),
    ],
)
def test_what_cannot_be_mirrored_is_refused(books, features, options, message):
    samples = samples_of(books, features)
    if "scaler" in options:
        options = {"scaler": samples.fit_scaler(samples.rows)}
    with pytest.raises(tsdeep.SpecError, match=message):
        tsdeep.windows(samples, **{"shuffle": True, "mirror": True, **options})


def test_a_task_without_a_mirror_is_refused(books):
    samples = samples_of(books).replace(
        panel=books.replace(close=books.fields["ask_price"][:, 0]), task=tsdeep.get_task("direction")
    )
    with pytest.raises(tsdeep.SpecError, match="the task direction does not say"):
        tsdeep.windows(samples, shuffle=True, mirror=True)
