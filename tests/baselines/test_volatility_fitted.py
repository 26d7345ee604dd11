"""Ridge, the network on fifty days, the combination, and which references there are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_info

from tests.baselines.volatility_samples import asset_samples, samples_of, split_at
from tsdeep.baselines.volatility_combination import VolatilityCombination
from tsdeep.baselines.volatility_fifty_days import FiftyDays, fifty_days
from tsdeep.baselines.volatility_har import LogHar, LogHarRange
from tsdeep.baselines.volatility_naive import Ewma
from tsdeep.baselines.volatility_references import volatility_references
from tsdeep.baselines.volatility_ridge import RidgeVolatility, time_blocks
from tsdeep.errors import DataError, SpecError

SAMPLES = asset_samples(500)
TRAIN, TEST = split_at(SAMPLES, 400)
PANEL = SAMPLES.panel
LOG_REALISED = SAMPLES.y.astype(float)


def test_ridge_is_that_of_standardised_features_with_a_penalty_a_row():
    reference = RidgeVolatility(penalties=(0.01,)).fit(SAMPLES, TRAIN)
    x = SAMPLES.x.astype(float)
    mean, deviation = x[TRAIN].mean(axis=0), x[TRAIN].std(axis=0)
    line = Ridge(0.01 * len(TRAIN)).fit((x[TRAIN] - mean) / deviation, LOG_REALISED[TRAIN])
    expected = line.predict((x[TEST] - mean) / deviation)
    np.testing.assert_allclose(reference.forecast(SAMPLES, TEST).value, expected, rtol=1e-5)
    residual = LOG_REALISED[TRAIN] - line.predict((x[TRAIN] - mean) / deviation)
    assert reference.residual_variance == pytest.approx(residual.var(), rel=1e-4)


def test_the_penalty_of_ridge_is_the_best_over_blocks_of_the_training_rows():
    loss = {}
    for penalty in (1e-4, 1e-2, 1.0):
        loss[penalty] = 0.0
        for inside, outside in time_blocks(SAMPLES, TRAIN, 5):
            alone = RidgeVolatility(penalties=(penalty,)).fit(SAMPLES, TRAIN[inside])
            error = LOG_REALISED[TRAIN[outside]] - alone.forecast(SAMPLES, TRAIN[outside]).value
            loss[penalty] += (error**2).sum()
    assert RidgeVolatility(tuple(loss)).fit(SAMPLES, TRAIN).penalty == min(loss, key=loss.get)


def test_blocks_of_time_share_no_label_with_the_rows_to_fit_on():
    seen = []
    for inside, outside in time_blocks(SAMPLES, TRAIN, 5):
        seen.append(outside)
        starts, ends = (SAMPLES.time[rows[TRAIN]] for rows in (np.arange(PANEL.n_rows), SAMPLES.label_end))
        for k in inside[::17]:
            overlap = (starts[outside] <= ends[k]) & (ends[outside] >= starts[k])
            assert not overlap.any()
        assert len(np.unique(SAMPLES.symbol[TRAIN[outside]])) == 3
        assert len(inside) > 0.6 * len(TRAIN)
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(len(TRAIN)))


def test_rows_whose_labels_all_overlap_make_no_blocks():
    with pytest.raises(DataError, match=r"found 20 training rows whose labels all overlap"):
        RidgeVolatility().fit(SAMPLES, TRAIN[:20])


def brute_inputs(row):
    start = PANEL.bounds[PANEL.segment[row], 0]
    high, low, close = (PANEL.fields[name] for name in ("high", "low", "close"))
    ranges = [np.log(high[k] / low[k]) ** 2 / (4 * np.log(2)) for k in range(row - 49, row + 1)]
    squares = np.diff(np.log(close[row - 50 : row + 1])) ** 2
    day = row - start
    returns = np.stack(
        [np.diff(np.log(close[first + day - 50 : first + day + 1])) for first in PANEL.bounds[:, 0]]
    )
    matrix = np.corrcoef(returns)
    asset = PANEL.segment[row]
    others = [k for k in range(3) if k != asset]
    return [
        *np.log(np.maximum(ranges, 1e-8)),
        np.log(np.maximum(squares, 1e-8).mean()),
        matrix[asset, others].mean(),
        (matrix.sum() - 3) / 6,
        np.linalg.eigvalsh(matrix)[-1] / 3,
    ]


def test_inputs_of_fifty_days_are_ranges_the_mean_square_and_correlations():
    found = fifty_days(PANEL)
    for row in (50, 380, 500 + 50, 1000 + 77, 1499):
        np.testing.assert_allclose(found[row], brute_inputs(row), rtol=1e-7, atol=1e-12)
    short = np.flatnonzero(~np.isfinite(found).all(axis=1))
    assert short.tolist() == [first + k for first in (0, 500, 1000) for k in range(50)]


def test_assets_that_have_not_begun_are_in_no_correlation():
    basket = PANEL.fields["basket_close"].copy()
    days = np.arange(PANEL.n_rows) % 500
    basket[days < 200, 2] = np.nan
    basket[days < 100, 1] = np.nan
    found = fifty_days(PANEL.replace(basket_close=basket))[:, 51:]
    # Of one asset no correlation; of two their own, whose eigenvalues are 1 plus and minus it.
    assert (found[60:100] == 0.0).all()
    two = np.corrcoef(np.diff(np.log(basket[150:201, :2]), axis=0).T)[0, 1]
    np.testing.assert_allclose(found[200], [two, two, (1 + abs(two)) / 2])
    np.testing.assert_allclose(found[250:500], fifty_days(PANEL)[250:500, 51:])


def test_fifty_days_needs_fifty_returns():
    reference = FiftyDays(seeds=1, epochs=1).fit(SAMPLES, TRAIN)
    with pytest.raises(DataError, match=r"fifty_days: symbol 'SPY', row 49, .*too few rows before"):
        reference.predict(SAMPLES, np.array([50, 49]))
    with pytest.raises(DataError, match=r"found 0 training rows with 50 returns before them"):
        FiftyDays().fit(SAMPLES, TRAIN[TRAIN < 50])


def test_fifty_days_learns_what_ranges_tell_and_is_the_mean_of_its_seeds():
    days, random = 1500, np.random.default_rng(0)
    panel = asset_samples(days).panel
    # Log variance is autoregressive, of unit variance, and the same for all assets.
    level = np.exp(np.tile(lfilter([1.0], [1.0, -0.98], random.normal(0.0, 0.2, days)), 3))
    step = np.diff(np.log(panel.fields["close"]), prepend=0.0)
    step[panel.bounds[:, 0]] = 0.0
    ranges = 0.01 * np.sqrt(level) * np.exp(random.normal(0.0, 0.3, 3 * days))
    fields = {
        "close": np.exp(np.cumsum(step * np.sqrt(level))),
        "low": np.ones(3 * days),
        "high": np.exp(ranges),
    }
    samples = samples_of(panel.replace(**fields), horizon_rows=5)
    train, test = split_at(samples, 1200)
    test = test[samples.label_end[test] >= 0]
    y = samples.y[test].astype(float)
    values = [
        FiftyDays(seeds=seeds, epochs=20).fit(samples, train).forecast(samples, test).value
        for seeds in (1, 2)
    ]
    for value in values:
        assert np.corrcoef(y, value)[0, 1] > 0.6
    assert np.abs(values[0] - values[1]).max() > 1e-3


def test_fitting_fifty_days_twice_gives_the_same_on_one_thread(monkeypatch):
    from tsdeep.baselines import volatility_fifty_days

    seen = []
    before = [pool["num_threads"] for pool in threadpool_info()]
    make = volatility_fifty_days.MLPRegressor

    class Watched(make):
        def fit(self, x, y):
            seen.append({pool["num_threads"] for pool in threadpool_info()})
            return super().fit(x, y)

    first = FiftyDays(seeds=1).fit(SAMPLES, TRAIN).predict(SAMPLES, TEST)["variance"]
    monkeypatch.setattr(volatility_fifty_days, "MLPRegressor", Watched)
    again = FiftyDays(seeds=1).fit(SAMPLES, TRAIN).predict(SAMPLES, TEST)["variance"]
    np.testing.assert_array_equal(first, again)
    assert seen == [{1}]
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_a_combination_is_the_mean_of_log_forecasts_of_variance():
    members = (Ewma, LogHar, LogHarRange)
    found = VolatilityCombination([make() for make in members]).fit(SAMPLES, TRAIN).predict(SAMPLES, TEST)
    each = [make().fit(SAMPLES, TRAIN).predict(SAMPLES, TEST)["variance"] for make in members]
    np.testing.assert_allclose(found["variance"], np.exp(np.mean(np.log(each), axis=0)))


def test_a_combination_needs_two_members_and_the_fields_of_all():
    with pytest.raises(SpecError, match="found 1 members, expected two or more"):
        VolatilityCombination([Ewma()])
    assert VolatilityCombination([Ewma(), LogHarRange()]).needs == ("close", "high", "low")


ALL = (
    "random_walk",
    "ewma",
    "har_rv",
    "har_vol",
    "log_har",
    "log_har_range",
    "log_har_garman_klass",
    "log_har_range_vix",
    "pooled_log_har",
    "garch",
    "gjr_garch",
    "combination",
    "ridge",
    "fifty_days",
)


@pytest.mark.parametrize(
    ("absent", "missing", "members"),
    [
        ((), (), ["gjr_garch", "log_har_range", "log_har_range_vix", "pooled_log_har"]),
        (("vix",), ("log_har_range_vix",), ["gjr_garch", "log_har_range", "pooled_log_har"]),
        (
            ("basket_close",),
            ("fifty_days",),
            ["gjr_garch", "log_har_range", "log_har_range_vix", "pooled_log_har"],
        ),
        (
            ("open",),
            ("log_har_garman_klass",),
            ["gjr_garch", "log_har_range", "log_har_range_vix", "pooled_log_har"],
        ),
        (
            ("high", "low"),
            ("log_har_range", "log_har_garman_klass", "log_har_range_vix", "pooled_log_har", "fifty_days"),
            ["gjr_garch", "log_har"],
        ),
    ],
)
def test_references_are_left_out_whose_fields_are_not_there(absent, missing, members):
    fields = [name for name in PANEL.fields if name not in absent]
    references = volatility_references(fields)
    assert [reference.name for reference in references] == [name for name in ALL if name not in missing]
    (combination,) = (r for r in references if isinstance(r, VolatilityCombination))
    assert [member.name for member in combination.members] == members
    lean = samples_of(PANEL.select(tuple(fields))) if not {"high", "low"} & set(absent) else None
    for reference in references:
        if lean is not None and reference.name in ("combination", "pooled_log_har"):
            reference.fit(lean, TRAIN)  # reads none of what is absent


def test_the_lag_of_vix_reaches_every_reference_that_reads_it():
    for reference in volatility_references(PANEL.fields, vix_lag_rows=1):
        members = getattr(reference, "members", (reference,))
        lags = {member.vix_lag_rows for member in members if hasattr(member, "vix_lag_rows")}
        assert lags <= {1}
