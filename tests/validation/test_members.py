"""Members that hold out calendar years of their own."""

import numpy as np
import pytest

import tsdeep
from tests.asset_bars import several
from tsdeep.assets import Assets, aligned
from tsdeep.errors import SpecError
from tsdeep.models import register_model, registry
from tsdeep.panel import Panel
from tsdeep.validation.members import held_out_years

CV = {"train": "3YE", "test": "1YE"}
SETTINGS = {
    "epochs": 3,
    "seeds": 3,
    "hold_out": "years",
    "warm_start": True,
    "progress": False,
    "jit_compile": False,
}


def market(horizon_rows=21, train_only=("C",), factor_from=None):
    names = ("A", "B", "C")
    table = several(*names, days=1300)
    if factor_from is not None:
        late = table["time"] >= factor_from
        table.loc[late, ["open", "high", "low", "close"]] *= 1.1
    assets = Assets(tuple(name for name in names if name not in train_only), train_only)
    panel = aligned(Panel.from_frame(table), assets)
    features = tsdeep.FeatureBank([{"kind": "log_return", "rows": 5}, {"kind": "parkinson", "rows": 5}])
    task = tsdeep.get_task("direction", horizon_rows=horizon_rows)
    return tsdeep.Samples(panel, features, task, 2, assets=assets)


@pytest.fixture(scope="module")
def samples():
    return market()


@pytest.fixture(scope="module")
def result(samples):
    return tsdeep.walk_forward("mlp", samples, tsdeep.WalkForward(**CV), units=(4,), **SETTINGS)


@pytest.mark.parametrize("members", [2, 3, 10])
def test_no_label_of_a_member_overlaps_one_that_it_holds_out(samples, members):
    rows = samples.rows[samples.time[samples.rows] < np.datetime64("2008-01-01")]
    for member in range(members):
        train, out = held_out_years(samples, rows, member, members)
        years = samples.time[out].astype("datetime64[Y]").astype(int) + 1970
        assert (years % members == member).all()
        for row in out[::37]:
            begins, ends = samples.time[row], samples.time[samples.label_end[row]]
            apart = (samples.time[samples.label_end[train]] < begins) | (samples.time[train] > ends)
            assert apart.all()


def test_each_year_is_held_out_by_one_member_and_purging_takes_little_else(samples):
    rows = samples.rows[samples.time[samples.rows] < np.datetime64("2008-01-01")]
    parts = [held_out_years(samples, rows, member, 3) for member in range(3)]
    np.testing.assert_array_equal(np.sort(np.concatenate([out for _, out in parts])), samples.scored(rows))
    for train, _ in parts:
        year = samples.time[train].astype("datetime64[Y]")
        per_year = [np.unique(samples.time[train[year == each]]).size for each in np.unique(year)]
        assert min(per_year) >= 261 - 2 * 22


def test_assets_to_train_on_only_are_neither_held_out_nor_tested(samples, result):
    assert set(result.predictions["symbol"]) == {"A", "B"}
    rows = samples.rows[samples.time[samples.rows] < np.datetime64("2008-01-01")]
    train, out = held_out_years(samples, rows, 0, 3)
    assert set(samples.symbol[out]) == {"A", "B"}
    assert set(samples.symbol[train]) == {"A", "B", "C"}


def test_all_members_stop_at_the_epoch_that_is_best_on_the_held_out_rows_of_all_together(samples, result):
    rows = next(tsdeep.WalkForward(**CV).split(samples)).refit
    sizes = [len(held_out_years(samples, rows, member, 3)[1]) for member in range(3)]
    history = result.history.query("fold == 0").pivot_table(
        index="epoch", columns="member", values="val_loss"
    )
    assert history.index.tolist() == [0, 1, 2, 3]
    best = int((history * sizes).sum(axis=1).idxmin())
    assert result.fold_facts[0]["best_epochs"] == [best] * 3


def test_a_fold_goes_on_from_the_weights_before_it(result):
    first = result.history.query("epoch == 0")["val_loss"].groupby(result.history["fold"]).mean()
    assert first.loc[1] < first.loc[0]


def test_what_comes_after_the_cutoff_changes_nothing(samples, result):
    cutoff = result.predictions["cutoff"].iloc[0]
    first_test = result.predictions.query("fold == 0")["time"].min()
    assert cutoff < first_test
    poisoned = market(factor_from=first_test)
    cv = tsdeep.WalkForward(**CV)
    one = type(
        "First", (), {"split": lambda _, s: [next(cv.split(s))], "table": None, "__repr__": lambda _: "one"}
    )()
    found = tsdeep.walk_forward("mlp", poisoned, one, units=(4,), **SETTINGS)
    np.testing.assert_array_equal(
        found.history["val_loss"], result.history.query("fold == 0")["val_loss"].to_numpy()
    )
    again = tsdeep.walk_forward("mlp", samples, one, units=(4,), **SETTINGS)
    for ours, theirs in zip(found.models, again.models, strict=True):
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_model_is_initialised_from_the_rows_that_its_member_learns_from(samples, monkeypatch):
    monkeypatch.setattr(registry, "_BODIES", dict(registry._BODIES))
    monkeypatch.setattr(registry, "_INITIALISERS", dict(registry._INITIALISERS))
    seen = []

    def initialise(model, x, y, task):
        seen.append((len(x), len(y), task.kind, x.shape[1]))
        kernel, bias = model.get_layer("logits").get_weights()
        model.get_layer("logits").set_weights([np.zeros_like(kernel), np.full_like(bias, 2.0)])

    @register_model("initialised", initialise=initialise)
    def initialised(inputs):
        return inputs[:, -1]

    cv = tsdeep.WalkForward(**CV, max_folds=1)
    found = tsdeep.walk_forward("initialised", samples, cv, **SETTINGS)
    rows = next(cv.split(samples)).refit
    expected = [len(held_out_years(samples, rows, member, 3)[0]) for member in range(3)]
    assert seen == [(n, n, "direction", 2) for n in expected]
    outs = [held_out_years(samples, rows, member, 3)[1] for member in range(3)]
    entropy = [
        np.log1p(np.exp(2.0)) - 2.0 * samples.y[out].mean() for out in outs
    ]  # of logits that are all 2
    np.testing.assert_allclose(found.history.query("epoch == 0")["val_loss"], entropy, rtol=1e-5)


def test_years_need_members_and_years(samples):
    with pytest.raises(SpecError, match="hold_out: years needs seeds of at least 2"):
        tsdeep.walk_forward("mlp", samples, tsdeep.WalkForward(**CV), **(SETTINGS | {"seeds": 1}))
    with pytest.raises(SpecError, match="unknown hold_out 'year'"):
        tsdeep.walk_forward("mlp", samples, tsdeep.WalkForward(**CV), **(SETTINGS | {"hold_out": "year"}))
    short = tsdeep.WalkForward(train="1YE", test="1YE")
    with pytest.raises(SpecError, match="rows of too few years for two of 3 members"):
        tsdeep.walk_forward("mlp", samples, short, **SETTINGS)


def test_an_interrupted_run_ends_as_one_that_was_not(samples, result, tmp_path):
    one = tsdeep.walk_forward("mlp", samples, tsdeep.WalkForward(**CV), units=(4,), out=tmp_path, **SETTINGS)
    np.testing.assert_array_equal(one.predictions["up"], result.predictions["up"])
    for part in sorted((tmp_path / "folds").iterdir())[1:]:
        for file in part.iterdir():
            file.unlink()
        part.rmdir()
    again = tsdeep.walk_forward(
        "mlp", samples, tsdeep.WalkForward(**CV), units=(4,), out=tmp_path, resume=True, **SETTINGS
    )
    np.testing.assert_array_equal(again.predictions["up"], result.predictions["up"])
