"""The settings of a walk-forward run: checked before the first fold, and what a run folder belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd

from tsdeep.baselines import Reference, references_for
from tsdeep.errors import SpecError, unknown_name
from tsdeep.features import Feature, argument_model
from tsdeep.pipeline import Prepared
from tsdeep.samples import Samples
from tsdeep.validation.combinatorial import CombinatorialPurged
from tsdeep.validation.fold import Fold
from tsdeep.versions import library_versions


@dataclass(frozen=True)
class FitSettings:
    """How each fold is fitted; the arguments of `walk_forward` of the same names."""

    epochs: int = 20
    batch_size: int = 64
    stride: int = 1
    mirror: bool = False
    seed: int = 0
    seeds: int = 1
    patience: int | None = 3
    refit: bool = True
    warm_start: bool = False
    retrain_every: int = 1
    hold_out: Literal["valid", "years"] = "valid"

    def __post_init__(self) -> None:
        for name, least in (
            ("epochs", 1),
            ("batch_size", 1),
            ("stride", 1),
            ("seed", 0),
            ("seeds", 1),
            ("retrain_every", 1),
        ):
            _check_whole(name, getattr(self, name), least)
        if not isinstance(self.mirror, bool):
            raise SpecError(f"mirror: found {self.mirror!r}, expected True or False")
        if self.hold_out not in ("valid", "years"):
            raise SpecError(unknown_name("hold_out", str(self.hold_out), ("valid", "years")))
        if self.hold_out == "years" and self.seeds < 2:
            raise SpecError(
                "hold_out: years needs seeds of at least 2, as each member holds out years of its own"
            )
        if self.patience is not None:
            _check_whole("patience", self.patience, 1)


def check_in_memory(samples: Any, what: str) -> None:
    """Refuse a prepared data set where references, labels and raw rows are read of all samples at once."""
    if isinstance(samples, Prepared):
        raise SpecError(
            f"{what} needs samples in memory, found the prepared data set {samples.path}; with one, split it "
            "(cv.split), and fit and predict each fold on tsdeep.windows of it"
        )


def check_build_arguments(label: str, samples: Samples, build_arguments: dict[str, Any]) -> None:
    """Refuse before the first fold what would fail after it."""
    for name in ("compile", "steps_per_execution", "samples", "input_shape", "task"):
        if name in build_arguments:
            raise SpecError(f"{name}: walk_forward sets it itself, expected hyperparameters of {label}")
    if label in {reference.name for reference in references_of(samples)}:
        raise SpecError(f"the model is called '{label}', as one of the reference methods; name it otherwise")


def references_of(samples: Samples) -> tuple[Reference, ...]:
    """Make the reference methods of samples; those that read VIX read it as late as the model's features do."""
    panel = samples.panel if samples.pooled is None else samples.pooled.panel
    lags = [
        each["lag"]
        for feature in samples.features.features
        for each in _and_nested(_feature_settings(feature))
        if each["kind"] == "log_level" and each["field"] == "vix"
    ]
    return references_for(samples.task, tuple(panel.fields), vix_lag_rows=min(lags, default=0))


def _and_nested(settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the settings of a feature, and those of features in it."""
    yield settings
    for value in settings.values():
        if isinstance(value, dict) and "kind" in value:
            yield from _and_nested(value)


def scored_folds(samples: Samples, cv: Any) -> list[Fold]:
    """Cut the folds; instruments to train on only are neither validated nor tested."""
    folds = list(cv.split(samples))
    if samples.assets is None or not samples.assets.train_only:
        return folds
    return [replace(f, valid=samples.scored(f.valid), test=samples.scored(f.test)) for f in folds]


def check_calibration(samples: Samples, folds: list[Fold], fit: FitSettings) -> None:
    """Refuse a task that must be calibrated on rows that nothing was fitted on, where there are none."""
    if samples.task.calibrated or fit.hold_out == "years":
        return
    without = [fold.number for fold in folds if not len(fold.valid)]
    if without:
        raise SpecError(
            f"task {samples.task.kind} is calibrated on rows that nothing was fitted on, and fold {without[0]} has no "
            "validation rows; expected a valid block in the split, or hold_out: years in training"
        )


def check_test_rows(cv: Any, folds: list[Fold]) -> None:
    """Refuse test blocks that overlap: their rows would be counted several times in every figure."""
    if isinstance(cv, CombinatorialPurged):
        return
    rows, counts = np.unique(np.concatenate([fold.test for fold in folds]), return_counts=True)
    if (counts > 1).any():
        raise SpecError(
            f"{int((counts > 1).sum())} rows are test rows of more than one fold, the first is row "
            f"{rows[counts > 1][0]}; expected a step of at least the test block"
        )


def check_in_time_order(samples: Samples, folds: list[Fold], refit: bool) -> None:
    """Refuse to hand weights on to a fold whose test rows they were fitted on."""
    for before, fold in pairwise(folds):
        if cutoff_of(samples, before, refit) >= samples.time[fold.test].min():
            raise SpecError(
                f"warm_start and retrain_every need folds in time order: fold {before.number} is fitted up to "
                f"{cutoff_of(samples, before, refit)}, fold {fold.number} is tested from "
                f"{pd.Timestamp(samples.time[fold.test].min())}"
            )


def cutoff_of(samples: Samples, fold: Fold, refit: bool) -> pd.Timestamp:
    """Give the time of the last row that a fold was fitted or stopped on, label ends included."""
    used = [fold.train, fold.valid, fold.refit] if refit else [fold.train, fold.valid]
    return pd.Timestamp(samples.time[samples.label_end[np.concatenate(used)]].max())


def run_settings(
    label: str, samples: Samples, cv: Any, fit: FitSettings, build_arguments: dict[str, Any], fingerprint: str
) -> dict[str, Any]:
    """Collect everything that decides the numbers of a run, as JSON values."""
    hparams = {
        name: value if _is_plain(value) else type(value).__name__ for name, value in build_arguments.items()
    }
    return {
        "spec": None if samples.spec is None else samples.spec.resolved(),
        "model": label,
        "hparams": hparams,
        "model_sha256": fingerprint,
        "split": repr(cv),
        **vars(fit),
        "lookback": samples.lookback,
        "features": list(samples.feature_names),
        "feature_settings": [_feature_settings(feature) for feature in samples.features.features],
        "scaler": dict(samples.scaler or {"kind": "standard"}),
        "assets": None if samples.assets is None else asdict(samples.assets),
        "side_by_side": samples.pooled is not None,
        "task": repr(samples.task),
        "data_sha256": samples.panel.fingerprint(),
        "versions": library_versions(),
    }


def _feature_settings(feature: Feature) -> dict[str, Any]:
    """Give the kind and the arguments of a feature, of features in it too."""
    given = {name: getattr(feature, name) for name in argument_model(type(feature)).model_fields}
    nested = {name: _feature_settings(v) if isinstance(v, Feature) else v for name, v in given.items()}
    return {"kind": feature.kind or type(feature).__name__, **nested}


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, list, tuple, dict))


def _check_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise SpecError(f"{name}: found {value!r}, expected a whole number of at least {least}")
