"""Audits of what a model is given: features, labels, windows, folds and scalers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tsdeep.errors import DataError
from tsdeep.features import Feature, FeatureBank
from tsdeep.panel import Panel
from tsdeep.samples import Samples
from tsdeep.tables import stamp
from tsdeep.validation.finding import Audit, Finding
from tsdeep.validation.fold import Fold

_RUN = 64
_NEAR_ROWS = 4096

ScalerFit = Callable[[Samples, np.ndarray], Any]


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
        Random rows t, beside the first and a run of 64 in a row.
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
        poisoned = samples.replace(panel=poison_panel(samples.panel, samples.time > last, random))
        # What it does to the training rows counts, wherever it keeps its statistics.
        clean, moved = (each.scaled(fit_scaler(each, fold.train))[fold.train] for each in (samples, poisoned))
        same = np.array_equal(clean, moved, equal_nan=True)
        detail = "" if same else f"scaled training rows move when rows after {stamp(last)} are changed"
        findings.append(
            Finding("rows after the training rows' label ends", f"scaler, fold {number}", same, detail)
        )
        y, moved_y = (each.fit_task(fold.train).y[fold.train] for each in (samples, poisoned))
        same = np.array_equal(samples.x[fold.train], poisoned.x[fold.train]) and np.array_equal(y, moved_y)
        detail = "" if same else f"features or labels move when rows after {stamp(last)} are changed"
        findings.append(
            Finding("rows after the training rows' label ends", f"training data, fold {number}", same, detail)
        )
    return Audit(tuple(findings))


def audit_labels(samples: Samples, random: np.random.Generator, trials: int) -> list[Finding]:
    """Check that random labels ignore the rows after their declared end and other segments."""
    detail = ""
    samples = samples.fit_task(samples.rows)  # for any thresholds; which does not matter here
    for row in random.choice(samples.rows, min(trials, len(samples.rows)), replace=False):
        end = int(samples.label_end[row])
        if samples.panel.segment[end] != samples.panel.segment[row]:
            detail = detail or f"label of row {row} ends in another segment, at row {end}"
        outside = np.ones(samples.panel.n_rows, bool)
        outside[int(samples.panel.bounds[samples.panel.segment[row], 0]) : end + 1] = False
        moved = samples.task.label(poison_panel(samples.panel, outside, random))
        if moved.y is None or not np.array_equal(moved.y[row], samples.y[row]) or moved.end[row] != end:
            detail = detail or f"label of row {row} moves when rows after its end, row {end}, are changed"
    return [Finding("rows after the label end", f"label {samples.task.kind}", not detail, detail)]


def audit_windows(samples: Samples, random: np.random.Generator, trials: int) -> list[Finding]:
    """Check that random windows ignore the rows after their last and before their first, and stay in a segment."""
    later = earlier = ""
    offsets = np.arange(1 - samples.lookback, 1)
    for t in random.choice(samples.origins, min(trials, len(samples.origins)), replace=False):
        window = samples.x[t + offsets]
        near, place = neighbourhood(samples, int(t))
        first = place - samples.rows_needed + 1
        for start, stop in ((place + 1, near.panel.n_rows), (0, first)):
            outside = np.zeros(near.panel.n_rows, bool)
            outside[start:stop] = True
            moved = near.replace(panel=poison_panel(near.panel, outside, random)).x[place + offsets]
            if not np.array_equal(window, moved):
                which = "after it" if start else f"before row {int(t) - samples.rows_needed + 1}"
                text = f"window that ends at row {t} moves when rows {which} are changed"
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


def neighbourhood(samples: Samples, row: int) -> tuple[Samples, int]:
    """Cut samples to what stands around a row, and give the row's place there.

    Features cost as much as there are rows; a window that reads a row it must not is found among the thousands
    that stand next to it in the panel, of its own and of neighbouring segments.
    """
    panel = samples.panel
    far = max(_NEAR_ROWS, 2 * samples.rows_needed)
    keep = np.zeros(panel.n_rows, bool)
    keep[max(0, row - far) : row + far] = True
    kept = np.bincount(panel.segment[keep], minlength=len(panel.bounds))
    keep &= kept[panel.segment] >= samples.rows_needed  # others that are cut too short for a window
    return samples.replace(panel=panel.take(keep)), int(np.count_nonzero(keep[:row]))


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
        f"{len(leaks)} label(s) of {name} reach into {other}: that of row {row}, {stamp(time[row])}, ends at "
        f"{stamp(end[row])}"
    )


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
    """Give the first row, a run of rows, which finds what peeks at month ends alone, and random rows."""
    start = int(random.integers(first, max(first + 1, stop - _RUN)))
    run = np.arange(start, min(start + _RUN, stop))
    chosen = random.choice(np.arange(first, stop), min(trials, stop - first), replace=False)
    yield from (int(t) for t in np.unique(np.r_[first, run, chosen]))


def _poison(values: np.ndarray, where: Any, random: np.random.Generator) -> np.ndarray:
    """Change values by a factor each, which keeps what is positive so."""
    changed = values.copy()
    factor = np.exp(random.normal(0.0, 0.5, changed[where].shape))
    if changed.dtype.kind == "f":
        changed[where] *= factor
    else:
        changed[where] = np.rint(changed[where] * factor).astype(changed.dtype) + 1
    return changed


def poison_panel(panel: Panel, where: np.ndarray, random: np.random.Generator) -> Panel:
    """Change every field at the rows where a mask `[rows]` is true, each value by a random factor."""
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
