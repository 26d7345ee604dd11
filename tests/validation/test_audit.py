import keras
import numpy as np
import pandas as pd
import pytest
from keras import ops

import tsdeep
from tests.synthetic import FEATURES, bars, samples
from tsdeep.features import Feature, StandardScaler
from tsdeep.validation import Fold, LookAheadError, audit, audit_feature, audit_folds, audit_scaler
from tsdeep.validation.fitting import Refitter

CV = tsdeep.WalkForward(train=300, valid=80, test=60, max_folds=2)


@pytest.fixture(scope="module")
def market():
    return samples()


def failed(found):
    return [(f.check, f.subject) for f in found.findings if not f.ok]


def test_everything_built_in_passes(market):
    model = tsdeep.build("tcn", market, filters=4)
    fold = next(CV.split(market))
    refitter = Refitter(lambda compile: tsdeep.build("tiny", market, compile=compile))
    found = audit(market, CV, model=model, scaler=market.fit_scaler(fold.train), refitter=refitter)
    found.raise_if_failed()
    assert {"weights, fold 0", "prediction of tcn", "windows", "label direction"} <= set(
        found.table["subject"]
    )


class CentredMean(Feature):
    """Looks one row ahead, as a centred moving average does."""

    warmup = 1
    fields = ("close",)
    names = ("centred_mean",)

    def compute(self, fields):
        close = ops.log(fields["close"])
        ahead = ops.concatenate([close[:, 1:], close[:, -1:]], axis=1)
        return (ahead + close)[:, 1:] / 2


class WholeSegmentScore(Feature):
    """Scaled by statistics of the whole segment, past and future."""

    warmup = 0
    fields = ("close",)
    names = ("whole_segment_score",)

    def compute(self, fields):
        close = fields["close"]
        return (close - ops.mean(close, axis=1, keepdims=True)) / ops.std(close, axis=1, keepdims=True)


class RunningSum(Feature):
    """Causal, but reads all rows before, not the warm-up that it declares."""

    warmup = 1
    fields = ("volume",)
    names = ("running_sum",)

    def compute(self, fields):
        return ops.cumsum(fields["volume"], axis=1)[:, 1:]


@pytest.mark.parametrize("leak", [CentredMean, WholeSegmentScore])
def test_a_feature_that_reads_later_rows_is_caught_by_name(market, leak):
    leaky = market.replace(features=tsdeep.FeatureBank([*FEATURES, leak()]))
    found = audit(leaky)
    assert ("rows after t", f"feature {leak().name} ({leak.names[0]})") not in failed(audit(market))
    caught = [f for f in found.findings if not f.ok and leak.names[0] in f.subject]
    assert caught
    assert caught[0].check == "rows after t"
    with pytest.raises(LookAheadError, match=f"'{leak.names[0]}' at row .* moves when rows after"):
        found.raise_if_failed()
    assert ("rows after t", "windows") in failed(found)


def test_a_feature_that_reads_more_than_its_warm_up_is_caught(market):
    found = audit_feature(RunningSum(), market.panel)
    assert [f.check for f in found.findings if not f.ok] == ["rows before t - 1 (warm-up)"]


def test_a_scaler_fitted_on_all_rows_is_caught_in_every_fold(market):
    folds = list(CV.split(market))

    def on_everything(samples, rows):
        return StandardScaler().fit(samples.x[samples.rows])

    found = audit_scaler(market, folds, on_everything)
    assert [f.subject for f in found.findings if not f.ok] == ["scaler, fold 0", "scaler, fold 1"]
    assert audit_scaler(market, folds).ok


class NormalisesWhatItIsGiven(keras.layers.Layer):
    """Holds no statistics: takes them from whatever it is applied to, here all rows."""

    def call(self, x):
        seen = ops.where(ops.isnan(x), 0.0, x)
        return (x - ops.mean(seen, axis=0)) / (ops.std(seen, axis=0) + 1e-9)


def test_a_scaler_without_statistics_of_its_own_is_caught(market):
    found = audit_scaler(market, list(CV.split(market)), lambda samples, rows: NormalisesWhatItIsGiven())
    assert [f.subject for f in found.findings if not f.ok] == ["scaler, fold 0", "scaler, fold 1"]


class PeeksAtMonthEnds(Feature):
    """Reads the next close, but on every 21st row alone."""

    warmup = 1
    fields = ("close",)
    names = ("peeks_at_month_ends",)

    def compute(self, fields):
        close = fields["close"]
        ahead = ops.concatenate([close[:, 1:], close[:, -1:]], axis=1)
        month_end = ops.arange(close.shape[1]) % 21 == 0
        return ops.where(month_end, ahead, close)[:, 1:]


@pytest.mark.parametrize("seed", range(5))
def test_a_feature_that_peeks_once_a_month_is_caught(market, seed):
    assert not audit_feature(PeeksAtMonthEnds(), market.panel, seed=seed).ok


def test_integer_fields_can_be_audited(market):
    volume = market.panel.fields["volume"].astype(np.int64)
    assert audit(market.replace(panel=market.panel.replace(volume=volume))).ok


class NoPurge:
    """Cuts rows into blocks and lets the labels reach over the cuts."""

    def __init__(self, horizon_rows):
        self.horizon_rows = horizon_rows

    def split(self, samples):
        rows = samples.rows
        train, valid, test = rows[:300], rows[300:400], rows[400:500]
        time = samples.time[samples.label_end[valid[-1]]]
        yield Fold(0, train, valid, test, rows[:400], rows[:0], rows[:0], time, time)


class Shuffled:
    """Splits rows at random, as `train_test_split` does."""

    def split(self, samples):
        rows = np.random.default_rng(0).permutation(samples.rows)
        train, test = np.sort(rows[:400]), np.sort(rows[400:])
        time = samples.time[train[-1]]
        yield Fold(0, train, rows[:0], test, train, rows[:0], rows[:0], time, time)


@pytest.mark.parametrize("horizon_rows", [1, 5])
def test_a_split_without_purge_is_caught_with_the_labels_that_leak(horizon_rows):
    market = samples(horizon_rows=horizon_rows)
    found = audit_folds(market, list(NoPurge(horizon_rows).split(market)))
    caught = {f.check: f.detail for f in found.findings if not f.ok}
    assert set(caught) == {
        "labels of train against valid",
        "labels of valid against test",
        "labels of refit against test",
    }
    assert all(detail.startswith(f"{horizon_rows} label(s)") for detail in caught.values())


def test_a_random_split_is_caught(market):
    assert not audit(market, Shuffled()).ok


def test_combinatorial_folds_pass_though_they_train_behind_the_test_rows():
    market = samples(horizon_rows=5)
    assert audit_folds(market, list(tsdeep.CombinatorialPurged(n_groups=5, n_test_groups=2).split(market))).ok


class TomorrowsDirection(tsdeep.Task):
    """Declares that its label ends at the row itself, and reads the next."""

    kind = "tomorrow"
    classes = ("down", "up")
    fields = ("close",)

    def label(self, panel):
        honest = tsdeep.get_task("direction").label(panel)
        return type(honest)(honest.y, np.where(honest.end >= 0, honest.end - 1, -1))

    head = loss = metrics = outputs = None


def test_a_label_that_ends_later_than_it_says_is_caught(market):
    TomorrowsDirection.__abstractmethods__ = frozenset()
    found = audit(market.replace(task=TomorrowsDirection()), trials=30)
    assert ("rows after the label end", "label tomorrow") in failed(found)


def test_a_model_that_mixes_the_rows_of_a_batch_is_caught(market):
    inputs = keras.Input(market.input_shape)
    last = inputs[:, -1]
    mixed = keras.Model(inputs, keras.layers.Dense(1)(last - ops.mean(last, axis=0, keepdims=True)))
    assert ("rows after t", f"prediction of {mixed.name}") in failed(audit(market, model=mixed))


def test_weights_that_depend_on_later_rows_are_caught(market):
    refitter = Refitter(lambda compile: tsdeep.build("tiny", market, compile=compile))

    def on_everything(samples, rows):
        return StandardScaler().fit(samples.x[samples.rows])

    found = audit(market, CV, fit_scaler=on_everything, refitter=refitter)
    assert ("rows after the last one used to fit or to stop", "weights, fold 0") in failed(found)


def test_windows_of_several_instruments_do_not_read_each_other():
    table = bars(120).reset_index()
    both = np.concatenate([np.repeat("A", 120), np.repeat("B", 120)])
    panel = tsdeep.Panel.from_frame(
        pd.concat([table, table.assign(close=table["close"] * 2)]).assign(symbol=both)
    )
    pooled = tsdeep.Samples(panel, tsdeep.FeatureBank(FEATURES), tsdeep.get_task("direction"), 6)
    assert audit(pooled, tsdeep.WalkForward(train=60, valid=20, test=20)).ok
