"""Audit: change what must not matter, and see whether anything moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.errors import DataError, TsdeepError
from tsdeep.features import Feature, FeatureBank
from tsdeep.panel import Panel
from tsdeep.samples import Samples
from tsdeep.validation.fitting import Refitter
from tsdeep.validation.fold import Fold

ScalerFit = Callable[[Samples, np.ndarray], Any]


class LookAheadError(TsdeepError):
    """Something that must not depend on later rows does; the message lists what."""


@dataclass(frozen=True)
class Finding:
    """One check of one subject.

    Parameters
    ----------
    check : str
        What was checked, such as `"rows after t"`.
    subject : str
        The feature, scaler, fold or model.
    ok : bool
        Whether nothing moved.
    detail : str
        What moved, and where; empty where nothing did.
    """

    check: str
    subject: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Parameters
    ----------
    findings : tuple of Finding
        One for each check and subject.
    """

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(finding.ok for finding in self.findings)

    @property
    def table(self) -> pd.DataFrame:
        """A row a finding: check, subject, ok, detail."""
        return pd.DataFrame(
            [vars(finding) for finding in self.findings], columns=["check", "subject", "ok", "detail"]
        )

    def raise_if_failed(self) -> None:
        """Raise LookAheadError that lists every failed check."""
        failed = [f"{f.subject}: {f.check}: {f.detail}" for f in self.findings if not f.ok]
        if failed:
            raise LookAheadError("\n".join(failed))


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
    result identical to the last bit.

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
    random = np.random.default_rng(seed)
    findings: list[Finding] = []
    for feature in samples.features.features:
        findings += audit_feature(feature, samples.panel, trials=trials, seed=seed).findings
    findings += _audit_labels(samples, random, trials)
    findings += _audit_windows(samples, random, trials)
    if cv is not None:
        folds = list(cv.split(samples))
        findings += audit_folds(samples, folds).findings
        findings += audit_scaler(samples, folds, fit_scaler, seed=seed).findings
        if refitter is not None:
            findings += _audit_weights(samples, folds[0], fit_scaler, refitter, random)
    if model is not None:
        findings += _audit_model(samples, model, scaler, random, trials)
    return Audit(tuple(findings))


def audit_feature(
    feature: Feature | FeatureBank, panel: Panel, *, trials: int = 8, seed: int = 0, max_rows: int = 4096
) -> Audit:
    """Check that a feature at row t reads rows t - warmup to t of its own segment and nothing else.

    Parameters
    ----------
    feature : Feature or FeatureBank
        Also one of the user's own.
    panel : Panel
        Raw rows with the feature's fields.
    trials : int, default 8
        Random rows t.
    seed : int, default 0
    max_rows : int, default 4096
        Rows of a segment that are used.

    Returns
    -------
    Audit
        Two findings: rows after t, and rows before t - warmup.
    """
    random = np.random.default_rng(seed)
    label = getattr(feature, "kind", "") or feature.name
    subject = f"feature {label} ({', '.join(feature.names)})"
    raw = _longest_segment(panel, feature.fields, max_rows, feature.warmup + 2)
    n_rows = len(next(iter(raw.values())))
    before = np.asarray(feature(_batch(raw)))[0]  # [rows - warmup, channels]
    later = earlier = ""
    for t in _picks(random, feature.warmup, n_rows - 1, trials):
        changed = {name: _poison(values, slice(t + 1, None), random) for name, values in raw.items()}
        after = np.asarray(feature(_batch(changed)))[0]
        later = later or _first_change(before, after, slice(0, t + 1 - feature.warmup), feature, t, "later")
        first_read = t - feature.warmup
        changed = {name: _poison(values, slice(0, first_read), random) for name, values in raw.items()}
        after = np.asarray(feature(_batch(changed)))[0]
        row = t - feature.warmup
        earlier = earlier or _first_change(before, after, slice(row, row + 1), feature, t, "earlier")
    return Audit(
        (
            Finding("rows after t", subject, not later, later),
            Finding(f"rows before t - {feature.warmup} (warm-up)", subject, not earlier, earlier),
        )
    )


def audit_folds(samples: Samples, folds: list[Fold]) -> Audit:
    """Check that no label used to fit or to stop reaches into rows that are tested later.

    Parameters
    ----------
    samples : Samples
        Gives times and label ends.
    folds : list of Fold
        From any splitter: objects with `train`, `valid`, `test` and `refit` rows.

    Returns
    -------
    Audit
        A finding a fold and pair of blocks.
    """
    findings = []
    for number, fold in enumerate(folds):
        for earlier, later in (("train", "valid"), ("train", "test"), ("valid", "test"), ("refit", "test")):
            detail = _overlap(samples, getattr(fold, earlier), getattr(fold, later), earlier, later)
            findings.append(
                Finding(f"labels of {earlier} against {later}", f"fold {number}", not detail, detail)
            )
    return Audit(tuple(findings))


def audit_scaler(
    samples: Samples, folds: list[Fold], fit_scaler: ScalerFit = Samples.fit_scaler, *, seed: int = 0
) -> Audit:
    """Check that scaler and training data of each fold ignore every row after its last label end.

    Parameters
    ----------
    samples : Samples
        Features and labels.
    folds : list of Fold
        Their train rows are what the scaler may read.
    fit_scaler : callable
        `fit_scaler(samples, rows)` gives a fitted scaler layer.
    seed : int, default 0

    Returns
    -------
    Audit
        Two findings a fold: scaler, and training data.
    """
    random = np.random.default_rng(seed)
    findings = []
    for number, fold in enumerate(folds):
        last = samples.time[samples.label_end[fold.train]].max()
        poisoned = samples.replace(panel=_poison_panel(samples.panel, samples.time > last, random))
        fitted = [
            [np.asarray(w) for w in fit_scaler(s, fold.train).get_weights()] for s in (samples, poisoned)
        ]
        same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*fitted, strict=True))
        detail = "" if same else f"statistics move when rows after {_stamp(last)} are changed"
        findings.append(
            Finding("rows after the training rows' label ends", f"scaler, fold {number}", same, detail)
        )
        same = np.array_equal(samples.x[fold.train], poisoned.x[fold.train]) and np.array_equal(
            samples.y[fold.train], poisoned.y[fold.train]
        )
        detail = "" if same else f"features or labels move when rows after {_stamp(last)} are changed"
        findings.append(
            Finding("rows after the training rows' label ends", f"training data, fold {number}", same, detail)
        )
    return Audit(tuple(findings))


def _audit_labels(samples: Samples, random: np.random.Generator, trials: int) -> list[Finding]:
    detail = ""
    for row in random.choice(samples.rows, min(trials, len(samples.rows)), replace=False):
        end = int(samples.label_end[row])
        if samples.panel.segment[end] != samples.panel.segment[row]:
            detail = detail or f"label of row {row} ends in another segment, at row {end}"
        outside = np.ones(samples.panel.n_rows, bool)
        outside[int(samples.panel.bounds[samples.panel.segment[row], 0]) : end + 1] = False
        moved = samples.task.label(_poison_panel(samples.panel, outside, random))
        if moved.y[row] != samples.y[row] or moved.end[row] != end:
            detail = detail or f"label of row {row} moves when rows after its end, row {end}, are changed"
    return [Finding("rows after the label end", f"label {samples.task.kind}", not detail, detail)]


def _audit_windows(samples: Samples, random: np.random.Generator, trials: int) -> list[Finding]:
    later = earlier = ""
    offsets = np.arange(1 - samples.lookback, 1)
    for t in random.choice(samples.origins, min(trials, len(samples.origins)), replace=False):
        window = samples.x[t + offsets]
        first = int(t) - samples.rows_needed + 1
        for start, stop in ((int(t) + 1, samples.panel.n_rows), (0, first)):
            outside = np.zeros(samples.panel.n_rows, bool)
            outside[start:stop] = True
            moved = samples.replace(panel=_poison_panel(samples.panel, outside, random)).x[t + offsets]
            if not np.array_equal(window, moved):
                text = f"window that ends at row {t} moves when rows {start} to {stop - 1} are changed"
                later, earlier = (later or text, earlier) if start else (later, earlier or text)
    crossing = (
        samples.panel.segment[samples.origins]
        != samples.panel.segment[samples.origins - samples.rows_needed + 1]
    )
    text = (
        f"window that ends at row {samples.origins[crossing][0]} begins in another segment"
        if crossing.any()
        else ""
    )
    return [
        Finding("rows after t", "windows", not later, later),
        Finding("rows before the lookback and warm-up", "windows", not earlier, earlier),
        Finding("segments", "windows", not text, text),
    ]


def _audit_model(
    samples: Samples, model: Any, scaler: Any, random: np.random.Generator, trials: int
) -> list[Finding]:
    detail = ""
    ends = np.sort(random.choice(samples.origins, min(64, len(samples.origins)), replace=False))
    before = _predict(samples, model, scaler, ends)
    for t in random.choice(ends[:-1], min(trials, len(ends) - 1), replace=False):
        poisoned = samples.replace(panel=_poison_panel(samples.panel, samples.time > samples.time[t], random))
        # The batch keeps its later rows, changed: a model that mixes the rows of a batch is found too.
        after = _predict(poisoned, model, scaler, ends)
        moved = ends[(samples.time[ends] <= samples.time[t]) & (before != after).any(axis=1)]
        if len(moved):
            detail = (
                detail
                or f"prediction at row {moved[0]} moves when rows after {_stamp(samples.time[t])} are changed"
            )
    return [Finding("rows after t", f"prediction of {model.name}", not detail, detail)]


def _audit_weights(
    samples: Samples, fold: Fold, fit_scaler: ScalerFit, refitter: Refitter, random: np.random.Generator
) -> list[Finding]:
    from tsdeep.pipeline import windows

    used = np.concatenate([fold.train, fold.valid])
    last = samples.time[samples.label_end[used]].max()
    poisoned = samples.replace(panel=_poison_panel(samples.panel, samples.time > last, random))
    fitted = []
    for each in (samples, poisoned):
        scaler = fit_scaler(each, fold.train)
        train = windows(each, fold.train, scaler=scaler, batch_size=64, shuffle=True, seed=0)
        valid = windows(each, fold.valid, scaler=scaler) if len(fold.valid) else None
        fitted.append(refitter.fit(train, valid, epochs=2, seed=0, patience=None).weights)
    same = all(np.array_equal(a, b) for a, b in zip(*fitted, strict=True))
    detail = "" if same else f"weights move when rows after {_stamp(last)} are changed"
    return [
        Finding(
            "rows after the last one used to fit or to stop", f"weights, fold {fold.number}", same, detail
        )
    ]


def _overlap(samples: Samples, earlier: np.ndarray, later: np.ndarray, name: str, other: str) -> str:
    if not len(earlier) or not len(later):
        return ""
    time, end = samples.time, samples.time[samples.label_end]
    # In folds that also train on rows behind the test rows, intervals must be apart on either side.
    starts, stops = (
        np.sort(time[later]),
        np.maximum.accumulate(end[later][np.argsort(time[later], kind="stable")]),
    )
    position = np.searchsorted(
        starts, end[earlier], side="right"
    )  # later labels that begin by the earlier one's end
    leaks = earlier[(position > 0) & (stops[np.maximum(position, 1) - 1] >= time[earlier])]
    if (name != "refit" and other == "valid") or name == "valid":
        leaks = np.union1d(leaks, earlier[end[earlier] >= starts[0]])
    if not len(leaks):
        return ""
    row = int(leaks[0])
    return (
        f"{len(leaks)} label(s) of {name} reach into {other}: that of row {row}, {_stamp(time[row])}, ends at "
        f"{_stamp(end[row])}"
    )


def _predict(samples: Samples, model: Any, scaler: Any, ends: np.ndarray) -> np.ndarray:
    from tsdeep.pipeline import windows

    batch = windows(samples, ends, scaler=scaler, batch_size=len(ends), labels=False)
    return np.asarray(model(next(iter(batch)), training=False)).reshape(len(ends), -1)


def _longest_segment(
    panel: Panel, fields: tuple[str, ...], max_rows: int, least: int
) -> dict[str, np.ndarray]:
    start, stop = panel.bounds[int(np.argmax(np.diff(panel.bounds, axis=1)))]
    stop = min(stop, start + max(max_rows, least))
    if stop - start < least:
        raise DataError(
            f"an audit of this feature needs a segment of {least} rows, the longest has {stop - start}"
        )
    return {name: panel.raw(name)[start:stop] for name in fields}


def _batch(raw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values[None] for name, values in raw.items()}


def _picks(random: np.random.Generator, first: int, stop: int, trials: int) -> Iterator[int]:
    chosen = random.choice(np.arange(first, stop), min(trials, stop - first), replace=False)
    yield from (int(t) for t in np.unique(np.r_[first, chosen]))


def _poison(values: np.ndarray, where: Any, random: np.random.Generator) -> np.ndarray:
    """Change values by a factor each, which keeps what is positive so."""
    changed = values.copy()
    changed[where] *= np.exp(random.normal(0.0, 0.5, changed[where].shape))
    return changed


def _poison_panel(panel: Panel, where: np.ndarray, random: np.random.Generator) -> Panel:
    return panel.replace(**{name: _poison(values, where, random) for name, values in panel.fields.items()})


def _first_change(
    before: np.ndarray, after: np.ndarray, rows: slice, feature: Feature | FeatureBank, t: int, which: str
) -> str:
    if before.shape != after.shape:
        return f"the number of output rows changes from {before.shape} to {after.shape}"
    moved = np.argwhere(before[rows] != after[rows])
    if not len(moved):
        return ""
    row, channel = int(moved[0, 0]) + rows.start + feature.warmup, int(moved[0, 1])
    beyond = f"rows after {t}" if which == "later" else f"rows before {t - feature.warmup}"
    return f"'{feature.names[channel]}' at row {row} moves when {beyond} are changed"


def _stamp(time: np.datetime64) -> str:
    return str(pd.Timestamp(time))
