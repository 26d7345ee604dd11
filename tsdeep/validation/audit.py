"""Audit: change what must not matter, and see whether anything moves."""

from __future__ import annotations

from typing import Any

import numpy as np

from tsdeep.samples import Samples
from tsdeep.tables import stamp
from tsdeep.validation.audit_data import (
    ScalerFit,
    audit_feature,
    audit_folds,
    audit_labels,
    audit_scaler,
    audit_windows,
    neighbourhood,
    poison_panel,
)
from tsdeep.validation.finding import Audit, Finding
from tsdeep.validation.fitting import Refitter
from tsdeep.validation.fold import Fold
from tsdeep.validation.settings import check_in_memory


def audit(
    samples: Samples,
    cv: Any | None = None,
    *,
    model: Any | None = None,
    scaler: Any | None = None,
    fit_scaler: ScalerFit = Samples.fit_scaler,
    refitter: Refitter | None = None,
    trials: int = 8,
    seed: int = 0,
) -> Audit:
    """Check that nothing depends on what it must not see.

    Raw rows are changed at random and everything is computed again; what must not matter must leave the
    result identical to the last bit. Rows are drawn: a leak that shows at few rows may be missed, and so is
    one that was put into a feature's constants beforehand, such as a table computed from the whole history.

    Parameters
    ----------
    samples : Samples
        Features, labels and windows are checked: rows after t, rows more than the warm-up before t, other
        segments, and for labels the rows after the declared label end.
    cv : WalkForward or any splitter, optional
        Every fold is checked: no label of train ends inside valid or test, none of valid inside test,
        nothing of train lies behind the test rows unless its label and theirs are apart. With it the scaler
        is checked: rows after the training rows' last label end leave scaler and training data as they are.
    model : keras.Model, optional
        A fitted model on windows: its prediction at t is checked, alone and among later rows in one batch.
    scaler : Layer, optional
        That the model was fitted with.
    fit_scaler : callable, default Samples.fit_scaler
        `fit_scaler(samples, rows)` gives a fitted scaler layer; give your own to have it checked.
    refitter : Refitter, optional
        With it the first fold is fitted twice, once with every row changed that comes after the last one
        used to fit or to stop: the weights must be identical. Takes as long as two fits of two epochs.
    trials : int, default 8
        Random rows t for each subject.
    seed : int, default 0

    Returns
    -------
    Audit
        `ok`, `table`, `raise_if_failed()`.

    Examples
    --------
    >>> import numpy as np, pandas as pd, tsdeep
    >>> close = pd.DataFrame({"close": np.linspace(1, 2, 60)}, pd.date_range("2020-01-01", periods=60))
    >>> samples = tsdeep.Samples(tsdeep.Panel.from_frame(close, symbol="A"),
    ...     tsdeep.FeatureBank([{"kind": "log_return"}]), tsdeep.get_task("direction"), lookback=5)
    >>> tsdeep.audit(samples).ok
    True
    """
    check_in_memory(samples, "audit")
    random = np.random.default_rng(seed)
    findings: list[Finding] = []
    # Features of assets side by side read fields of one asset, which the layer around them picks.
    several = samples.pooled is not None
    for feature in [samples.features] if several else samples.features.features:
        findings += audit_feature(feature, samples.panel, trials=trials, seed=seed).findings
    findings += audit_labels(samples, random, trials)
    findings += audit_windows(samples, random, trials)
    if cv is not None:
        folds = list(cv.split(samples))
        findings += audit_folds(samples, folds).findings
        findings += audit_scaler(samples, folds, fit_scaler, seed=seed).findings
        if refitter is not None:
            findings += _audit_weights(samples, folds[0], fit_scaler, refitter, random)
    if model is not None:
        findings += _audit_model(samples, model, scaler, random, trials)
    return Audit(tuple(findings))


def _audit_model(
    samples: Samples, model: Any, scaler: Any, random: np.random.Generator, trials: int
) -> list[Finding]:
    detail = ""
    for t in random.choice(samples.origins, min(trials, len(samples.origins)), replace=False):
        near, place = neighbourhood(samples, int(t))
        several = random.choice(near.origins, min(64, len(near.origins)), replace=False)
        ends = np.union1d(several, [place])
        before = _predict(near, model, scaler, ends)
        own = near.panel.segment == near.panel.segment[place]  # where events share a time, the order counts
        later = (near.time > near.time[place]) | (own & (np.arange(near.panel.n_rows) > place))
        poisoned = near.replace(panel=poison_panel(near.panel, later, random))
        # The batch keeps its later rows, changed: a model that mixes the rows of a batch is found too.
        after = _predict(poisoned, model, scaler, ends)
        moved = ends[~later[ends] & (before != after).any(axis=1)]
        if len(moved):
            detail = (
                detail
                or f"a prediction up to row {t} moves when rows after {stamp(samples.time[t])} are changed"
            )
    return [Finding("rows after t", f"prediction of {model.name}", not detail, detail)]


def _audit_weights(
    samples: Samples, fold: Fold, fit_scaler: ScalerFit, refitter: Refitter, random: np.random.Generator
) -> list[Finding]:
    from tsdeep.pipeline import windows

    used = np.concatenate([fold.train, fold.valid])
    last = samples.time[samples.label_end[used]].max()
    poisoned = samples.replace(panel=poison_panel(samples.panel, samples.time > last, random))
    fitted = []
    for each in (samples.fit_task(fold.train), poisoned.fit_task(fold.train)):
        scaler = fit_scaler(each, fold.train)
        train = windows(each, fold.train, scaler=scaler, batch_size=64, shuffle=True, seed=0)
        valid = windows(each, fold.valid, scaler=scaler) if len(fold.valid) else None
        fitted.append(refitter.fit(train, valid, epochs=2, seed=0, patience=None).weights)
    same = all(np.array_equal(a, b) for a, b in zip(*fitted, strict=True))
    detail = "" if same else f"weights move when rows after {stamp(last)} are changed"
    return [
        Finding(
            "rows after the last one used to fit or to stop", f"weights, fold {fold.number}", same, detail
        )
    ]


def _predict(samples: Samples, model: Any, scaler: Any, ends: np.ndarray) -> np.ndarray:
    from tsdeep.pipeline import windows

    batch = windows(samples, ends, scaler=scaler, batch_size=len(ends), labels=False)
    return np.asarray(model(next(iter(batch)), training=False)).reshape(len(ends), -1)
