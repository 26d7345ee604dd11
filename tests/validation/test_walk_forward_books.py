"""The fit loop on order books: thresholds and scalers by fold and instrument, several horizons, resuming."""

import dataclasses

import numpy as np
import pytest

import tsdeep
from tests.evaluation.replay.books import row_by_row
from tests.synthetic import tiny
from tsdeep.sources import make_source
from tsdeep.validation import audit

FIELDS = (
    *("ask_price", "ask_size", "bid_price", "bid_size"),
    *("event_type", "event_size", "event_price", "event_side"),
)
FEATURES = (
    {"kind": "order_flow_imbalance", "levels": 2, "rows": [5, 20]},
    {"kind": "queue_imbalance", "levels": 2},
    {"kind": "mid_return", "tick": 100.0, "rows": [10]},
)


def books(**settings):
    return make_source({"kind": "simulated_book", "levels": 2, **settings}).panel(FIELDS)


def samples_of(panel, *, lookback=3, **task):
    given = {"horizon_rows": 20, **task}
    scaler = {"kind": "signed_log", "clip": 3.0, "by_symbol": True}
    return tsdeep.Samples(
        panel, tsdeep.FeatureBank(FEATURES), tsdeep.get_task("movement", **given), lookback, scaler
    )


@pytest.fixture(scope="module")
def market():
    return samples_of(books(symbols=["A", "B"], sessions=4, rows=500), horizon_rows=[10, 20])


CV = tsdeep.WalkForward(train="2 sessions", valid="1 session", test="1 session")


def walk(samples, cv=CV, **options):
    return tsdeep.walk_forward(tiny, samples, cv, epochs=1, batch_size=128, progress=False, **options)


@pytest.fixture(scope="module")
def result(market, tmp_path_factory):
    return walk(market, seeds=2, out=tmp_path_factory.mktemp("run") / "run")


def test_every_test_row_has_a_prediction_a_horizon(market, result):
    fold = next(CV.split(market))
    table = result.predictions
    assert len(table) == 2 * len(fold.test)
    for horizon, rows in table.groupby("horizon"):
        assert horizon in (10, 20)
        assert rows["row"].tolist() == fold.test.tolist()
        np.testing.assert_allclose(rows[["down", "stationary", "up"]].sum(axis=1), 1.0, rtol=1e-5)
        seeds = rows[["up_seed0", "up_seed1"]].mean(axis=1)
        np.testing.assert_allclose(rows["up"], seeds, rtol=1e-6)
    assert (table["cutoff"] < table["time"].min()).all()


def test_labels_are_cut_by_the_thresholds_of_the_folds_training_rows_of_each_instrument(market, result):
    fold = next(CV.split(market))
    fitted = market.fit_task(fold.train)
    assert set(fitted.task.thresholds) == {"A", "B"}
    table = result.predictions
    for number, horizon in enumerate((10, 20)):
        np.testing.assert_array_equal(
            table.loc[table["horizon"] == horizon, "y"], fitted.y[fold.test, number]
        )
        shares = np.bincount(fitted.y[fold.train, number].astype(int), minlength=3) / len(fold.train)
        assert 0.2 < shares[1] < 0.6
    _, exported, scaler = result.last_models()
    assert exported.task == fitted.task
    assert set(scaler.scalers) == {"A", "B"}


def test_unfitted_labels_are_refused_with_what_to_do(market):
    with pytest.raises(tsdeep.SpecError, match=r"no label before samples.fit_task\(fold.train\)"):
        tsdeep.windows(market)


def test_references_stand_on_the_same_rows(result):
    names = ["majority", "persistence", "rule", "logistic", "boosting"]
    assert list(dict.fromkeys(result.references["method"])) == names
    for _, table in result.references.groupby("method"):
        np.testing.assert_array_equal(table["row"], result.predictions["row"])
        np.testing.assert_array_equal(table["y"], result.predictions["y"])


def test_a_finished_run_is_read_back_as_it_was(market, result):
    again = walk(market, seeds=2, out=result.path, resume=True)
    np.testing.assert_array_equal(again.predictions["up"], result.predictions["up"])
    for symbol in "AB":
        np.testing.assert_array_equal(again.scaler.of(symbol)(market.x), result.scaler.of(symbol)(market.x))


def test_a_report_says_what_a_row_is_and_that_the_data_is_simulated(result, tmp_path):
    page = result.report(tmp_path).read_text()
    assert "one book event" in page
    assert "The data is simulated" in page
    assert set(result.description()["metrics"]) == {"10", "20"}


def test_predictions_are_traded_over_the_rows_of_the_panel(result, market):
    made = result.replay(horizon=10, latency_rows=2, fee_ticks=0.5)
    rows = result.predictions[result.predictions["horizon"] == 10]
    calls = np.zeros(market.panel.n_rows, int)
    calls[rows["row"]] = rows[["down", "stationary", "up"]].to_numpy().argmax(axis=1) - 1
    how = {"hold_rows": 10, "opposite": True, "latency_rows": 2, "fee_ticks": 0.5, "fills": "touch"}
    expected, not_sent = row_by_row(market.touch(), calls, tick=market.panel.tick, **how)
    assert len(expected) > 10
    assert (made.unfilled, made.net_ticks) == (not_sent, sum(trade[-1] for trade in expected))
    assert made.trades["exit_row"].tolist() == [trade[1] for trade in expected]
    with pytest.raises(tsdeep.SpecError, match="horizon is None, expected one of 10, 20"):
        result.replay()


def test_percent_blocks_cut_within_one_session():
    samples = samples_of(books(sessions=1, rows=1500))
    (fold,) = tsdeep.WalkForward(train="60%", valid="20%", test="20%").split(samples)
    n = len(samples.rows)
    assert len(fold.test) == pytest.approx(0.2 * n, abs=2)
    assert len(fold.train) + len(fold.purged_train) == pytest.approx(0.6 * n, abs=2)
    ends = samples.time[samples.label_end[fold.train]]
    assert ends.max() < samples.time[fold.valid].min()
    assert np.diff(np.sort(np.concatenate([fold.refit, fold.test]))).min() > 0


def test_stride_thins_the_training_rows_alone(market):
    every = walk(market)
    fifth = walk(market, stride=5)
    assert len(fifth.predictions) == len(every.predictions)
    assert not np.array_equal(fifth.predictions["up"], every.predictions["up"])


def test_the_audit_passes_on_books_with_thresholds_from_training_rows():
    samples = samples_of(books(sessions=3, rows=400))
    cv = tsdeep.WalkForward(train="1 session", valid="1 session", test="1 session")
    audit(samples, cv, trials=2).raise_if_failed()


def test_thresholds_from_later_rows_are_caught():
    samples = samples_of(books(sessions=3, rows=400))
    cv = tsdeep.WalkForward(train="1 session", test="1 session")

    class OnEverything(type(samples)):
        def fit_task(self, rows):
            del rows
            return super().fit_task(self.rows)

    leaking = OnEverything(samples.panel, samples.features, samples.task, samples.lookback, samples.scaler)
    found = audit(leaking, cv, trials=1)
    assert not found.ok
    assert any("training data" in finding.subject for finding in found.findings if not finding.ok)


def test_a_model_that_is_kept_is_asked_what_it_was_taught(tmp_path):
    samples = samples_of(books(sessions=5, rows=400), threshold_in="spread", threshold=0.5)
    cv = tsdeep.WalkForward(train="2 sessions", test="1 session")
    result = walk(samples, cv, retrain_every=2, out=tmp_path / "run")
    folds = list(cv.split(samples))
    assert [facts["task_fold"] for facts in result.fold_facts] == [0, 0, 2]
    for fold, taught_by in zip(folds, (0, 0, 2), strict=True):
        fitted = samples.fit_task(folds[taught_by].train)
        rows = result.predictions[result.predictions["fold"] == fold.number]
        np.testing.assert_array_equal(rows["y"], fitted.y[fold.test])
    short = walk(
        samples, tsdeep.WalkForward(train="2 sessions", test="1 session", max_folds=2), retrain_every=2
    )
    assert short.last_models()[1].task == samples.fit_task(folds[1].train).task


def test_an_instrument_that_lists_late_waits_for_training_rows_of_its_own():
    early = books(symbols=["A"], sessions=4, rows=400)
    late = books(symbols=["B"], sessions=1, rows=400, start="2024-01-08")
    panel = joined(early, late)
    samples = samples_of(panel)
    whole = tsdeep.WalkForward(train="2 sessions", test="1 session", max_folds=2)
    first = next(whole.split(samples))
    assert set(samples.symbol[first.test]) == {"A"}
    fitted = samples.fit_task(first.train)
    assert set(fitted.task.thresholds) == {"A"}
    scaled = fitted.scaled(fitted.fit_scaler(first.train))
    assert np.isnan(scaled[samples.symbol == "B"]).all()
    with pytest.raises(tsdeep.DataError, match=r"symbol 'B'.*no training row from which its thresholds"):
        tsdeep.windows(fitted, samples.rows[samples.symbol[samples.rows] == "B"])
    with pytest.raises(tsdeep.DataError, match="fold 1, symbol 'B'"):
        walk(samples, whole)


def joined(*panels):
    """Panels of different instruments as one."""
    stops = np.cumsum([0, *(panel.n_rows for panel in panels)])
    return dataclasses.replace(
        panels[0],
        fields={name: np.concatenate([p.fields[name] for p in panels]) for name in FIELDS},
        time=np.concatenate([panel.time for panel in panels]),
        bounds=np.concatenate([p.bounds + start for p, start in zip(panels, stops, strict=False)]),
        symbols=tuple(symbol for panel in panels for symbol in panel.symbols),
        session_date=np.concatenate([panel.session_date for panel in panels]),
    )
