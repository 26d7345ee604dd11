import keras
import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.synthetic import samples
from tsdeep.errors import SpecError

CV = {"train": 300, "valid": 80, "test": 60}
TINY = {"epochs": 2, "progress": False, "units": 3, "jit_compile": False}


@pytest.fixture(scope="module")
def market():
    return samples()


@pytest.fixture(scope="module")
def result(market):
    return tsdeep.walk_forward("tiny", market, tsdeep.WalkForward(**CV), **TINY)


def test_every_test_row_is_predicted_once_and_after_its_cutoff(market, result):
    folds = list(tsdeep.WalkForward(**CV).split(market))
    expected = np.concatenate([market.time[fold.test] for fold in folds])
    np.testing.assert_array_equal(result.predictions["time"], expected)
    assert (result.predictions["cutoff"] < result.predictions["time"]).all()
    assert result.predictions["up"].between(0, 1).all()


def test_labels_are_those_of_the_prices(market, result):
    close = pd.Series(market.panel.fields["close"], market.time)
    rises = (close.shift(-1) > close).astype(int)
    np.testing.assert_array_equal(result.predictions["y"], rises[result.predictions["time"]])


def test_references_are_fitted_on_all_rows_before_the_test_rows(market, result):
    fold = list(tsdeep.WalkForward(**CV).split(market))[-1]
    rate = result.references.query("method == 'base_rate' and fold == @fold.number")["up"]
    before = market.rows[market.time[market.label_end[market.rows]] < market.time[fold.test[0]]]
    np.testing.assert_allclose(rate, market.y[before].mean(), rtol=1e-6)


@pytest.mark.parametrize("model", ["tiny", "lstm"])
def test_two_runs_with_one_seed_are_identical_and_another_seed_differs(market, model):
    cv = tsdeep.WalkForward(**CV, max_folds=2)
    first, second, other = (
        tsdeep.walk_forward(model, market, cv, seed=seed, **TINY).predictions["up"] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@keras.saving.register_keras_serializable("tests")
class CountsTraces(keras.layers.Layer):
    traces = 0

    def call(self, x):
        CountsTraces.traces += not isinstance(x, keras.KerasTensor)
        return x[:, -1]

    def compute_output_shape(self, shape):
        return shape[0], shape[2]


def counted(inputs):
    return CountsTraces()(inputs)


def test_more_folds_trace_nothing_more(market):
    traces = []
    for folds in (1, 6):
        CountsTraces.traces = 0
        cv = tsdeep.WalkForward(**CV, max_folds=folds)
        tsdeep.walk_forward(counted, market, cv, epochs=2, progress=False, jit_compile=False)
        traces.append(CountsTraces.traces)
    assert traces == [2, 2]  # training, and prediction of validation and test rows


def test_the_last_folds_alone_come_out_as_they_do_among_all(market, result):
    last = tsdeep.walk_forward("tiny", market, tsdeep.WalkForward(**CV, max_folds=2), **TINY).predictions
    whole = result.predictions[result.predictions["time"] >= last["time"].iloc[0]]
    np.testing.assert_array_equal(last["up"], whole["up"])


def test_members_from_several_seeds_are_averaged(market):
    result = tsdeep.walk_forward("tiny", market, tsdeep.WalkForward(**CV, max_folds=1), seeds=3, **TINY)
    members = result.predictions[["up_seed0", "up_seed1", "up_seed2"]]
    np.testing.assert_allclose(result.predictions["up"], members.mean(axis=1), rtol=1e-12)
    assert members.nunique(axis=1).min() == 3
    assert len(result.models) == 3


def test_refit_trains_again_on_validation_rows_for_the_best_number_of_epochs(market):
    cv = tsdeep.WalkForward(**CV, max_folds=1)
    result = tsdeep.walk_forward("tiny", market, cv, refit=True, patience=1, epochs=6, progress=False)
    history = result.history
    fit, refit = (history[history["stage"] == stage] for stage in ("fit", "refit"))
    assert len(refit) == fit["val_loss"].argmin() + 1
    assert refit["val_loss"].isna().all()
    fold = next(cv.split(market))
    np.testing.assert_allclose(result.scaler.mean, market.x[fold.refit].mean(axis=0), rtol=1e-5, atol=1e-9)


def test_without_refit_scaler_and_model_see_training_rows_only(market):
    cv = tsdeep.WalkForward(**CV, max_folds=1)
    result = tsdeep.walk_forward("tiny", market, cv, refit=False, **TINY)
    fold = next(cv.split(market))
    np.testing.assert_allclose(result.scaler.mean, market.x[fold.train].mean(axis=0), rtol=1e-5, atol=1e-9)
    assert set(result.history["stage"]) == {"fit"}


def test_retrain_every_keeps_model_scaler_and_cutoff_between(market):
    result = tsdeep.walk_forward("tiny", market, tsdeep.WalkForward(**CV), retrain_every=2, **TINY)
    cutoffs = result.predictions.groupby("fold")["cutoff"].first()
    assert cutoffs[0] == cutoffs[1] < cutoffs[2] == cutoffs[3]
    assert set(result.history["fold"]) == {0, 2, 4}


def test_warm_start_begins_with_the_weights_of_the_fold_before(market):
    cv = tsdeep.WalkForward(**CV, max_folds=2)
    cold, warm = (
        tsdeep.walk_forward("tiny", market, cv, warm_start=warm, refit=False, **TINY).predictions.set_index(
            "fold"
        )["up"]
        for warm in (False, True)
    )
    np.testing.assert_array_equal(cold[0], warm[0])
    assert not np.array_equal(cold[1], warm[1])


def test_folds_without_validation_rows_fit_all_epochs(market):
    result = tsdeep.walk_forward(
        "tiny", market, tsdeep.WalkForward(train=300, valid=0, test=60, max_folds=1), **TINY
    )
    assert len(result.history) == TINY["epochs"]


def test_combinatorial_folds_are_judged_path_by_path(market):
    cv = tsdeep.CombinatorialPurged(n_groups=4, n_test_groups=2)
    result = tsdeep.walk_forward("tiny", market, cv, epochs=1, progress=False, jit_compile=False)
    assert result.predictions["fold"].nunique() == 6
    paths = result.paths()
    assert len(paths) == 3
    for path in paths:
        np.testing.assert_array_equal(np.sort(path.predictions["time"]), market.time[market.rows])
        assert path.metrics["accuracy"].loc["pooled", "tiny"] > 0.4
    used = pd.concat([path.predictions for path in paths])
    assert len(used) == len(result.predictions)
    assert not used.duplicated(["fold", "time"]).any()


@pytest.mark.parametrize("setting", [{"warm_start": True}, {"retrain_every": 2}])
def test_weights_are_not_handed_on_to_folds_that_they_were_fitted_on(market, setting):
    with pytest.raises(SpecError, match="need folds in time order: fold 0"):
        tsdeep.walk_forward("tiny", market, tsdeep.CombinatorialPurged(n_groups=4), **setting)


def test_test_blocks_that_overlap_are_refused_before_the_first_fold(market):
    with pytest.raises(
        SpecError, match=r"test rows of more than one fold.*expected a step of at least the test"
    ):
        tsdeep.walk_forward("tiny", market, tsdeep.WalkForward(**CV, step=30))


def test_the_table_of_folds_gives_the_cutoff_of_the_model_used(market):
    result = tsdeep.walk_forward(
        "tiny", market, tsdeep.WalkForward(**CV, max_folds=2), retrain_every=2, **TINY
    )
    assert list(result.folds["cutoff"]) == list(result.predictions.groupby("fold")["cutoff"].first())
    assert list(result.folds["refitted"]) == [True, False]


def test_a_model_named_as_a_reference_is_refused_before_the_first_fold(market):
    @tsdeep.register_model("logistic")
    def body(inputs):
        return inputs[:, -1]

    with pytest.raises(SpecError, match="called 'logistic', as one of the reference methods"):
        tsdeep.walk_forward("logistic", market, tsdeep.WalkForward(**CV))


@pytest.mark.parametrize("name", ["compile", "steps_per_execution", "task"])
def test_arguments_that_the_loop_sets_itself_are_refused(market, name):
    with pytest.raises(SpecError, match=f"{name}: walk_forward sets it itself"):
        tsdeep.walk_forward("tiny", market, tsdeep.WalkForward(**CV), **{name: 1})


def test_another_model_of_one_name_does_not_resume_a_run(market, tmp_path):
    cv = tsdeep.WalkForward(**CV, max_folds=1)

    def body_of(units):
        def body(inputs):
            return keras.layers.Dense(units)(inputs[:, -1])

        return body

    options = {"epochs": 1, "progress": False, "jit_compile": False, "out": tmp_path / "run"}
    first = tsdeep.walk_forward(body_of(2), market, cv, **options)
    again = tsdeep.walk_forward(body_of(2), market, cv, resume=True, **options)
    np.testing.assert_array_equal(first.predictions["up"], again.predictions["up"])
    with pytest.raises(tsdeep.RunError, match="belongs to another run: model_sha256"):
        tsdeep.walk_forward(body_of(5), market, cv, resume=True, **options)
    with pytest.raises(tsdeep.RunError, match=r"belongs to another run: .*model_sha256"):
        tsdeep.walk_forward(
            body_of(2), market, cv, resume=True, optimizer=keras.optimizers.Adam(0.1), **options
        )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("seeds", 0),
        ("patience", 0),
        ("retrain_every", 0),
        ("seed", -1),
        ("epochs", 1.5),
    ],
)
def test_settings_out_of_range_are_refused_by_name(market, setting, value):
    with pytest.raises(SpecError, match=f"{setting}: found {value}, expected a whole number"):
        tsdeep.walk_forward("tiny", market, tsdeep.WalkForward(**CV), **{setting: value})


def test_a_loss_that_is_not_finite_stops_the_run(market):
    with pytest.raises(tsdeep.RunError, match=r"loss is (nan|inf) in epoch"):
        tsdeep.walk_forward(
            "tiny",
            market,
            tsdeep.WalkForward(**CV, max_folds=1),
            optimizer="sgd",
            learning_rate=1e38,
            epochs=5,
            progress=False,
        )


@pytest.mark.parametrize("refit", [False, True])
def test_rows_after_the_cutoff_leave_scaler_and_weights_bit_identical(market, refit):
    cv = tsdeep.WalkForward(train=300, valid=80, test=60, step=400)
    assert len(list(cv.split(market))) == 1
    run = {"refit": refit, "epochs": 3, "progress": False}
    first = tsdeep.walk_forward("tiny", market, cv, **run)
    later = market.time > first.predictions["cutoff"][0].to_datetime64()
    random = np.random.default_rng(0)
    poisoned = {
        name: values * np.where(later, np.exp(random.normal(0, 0.5, len(later))), 1)
        for name, values in market.panel.fields.items()
    }
    second = tsdeep.walk_forward("tiny", market.replace(panel=market.panel.replace(**poisoned)), cv, **run)
    assert not np.array_equal(first.predictions["up"], second.predictions["up"])
    for one, other in [(first.models[0], second.models[0]), (first.scaler, second.scaler)]:
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
