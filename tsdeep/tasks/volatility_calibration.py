"""What the outputs of a volatility model take from rows: the calibration, and the range of the training labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from tsdeep.errors import DataError, SpecError
from tsdeep.units import VolatilityUnit, quantile_name


@dataclass(frozen=True)
class TrainingRange:
    """Lowest, highest and mean training label as log variances: what the insanity filter goes by.

    Parameters
    ----------
    lowest, highest : tuple of float
        Of log variance; one number for all instruments, or one for each of the assets side by side.
    mean : tuple of float
        The mean in the unit of the forecast, as a log variance: of log variance, or the log of the mean variance, or
        twice the log of the mean volatility.
    """

    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    mean: tuple[float, ...]

    @classmethod
    def known(cls, state: Mapping[str, Any] | None) -> TrainingRange:
        """Rebuild the range from `to_dict()`; SpecError where a task has none yet."""
        if state is None:
            raise SpecError(
                "insanity_filter: the range of the training labels is not known, expected task.fit(panel, fold.train) "
                "before calibrate"
            )
        return cls.from_dict(state)

    @classmethod
    def of(cls, log_variance: np.ndarray, unit: VolatilityUnit) -> TrainingRange:
        """Take the range of log variances `[rows, assets]`, asset by asset.

        Raises
        ------
        DataError
            If there is no row, or a realised variance is zero.
        """
        if not np.isfinite(log_variance).all() or not len(log_variance):
            raise DataError(
                f"insanity filter: found {int((~np.isfinite(log_variance)).sum())} of {log_variance.size} training "
                "labels without a log, expected a realised variance above zero in each"
            )
        power = {"log_variance": 0.0, "volatility": 0.5, "variance": 1.0}[unit]
        if power == 0.0:
            mean = log_variance.mean(axis=0)
        else:
            mean = np.log(np.exp(power * log_variance).mean(axis=0)) / power
        return cls(
            tuple(log_variance.min(axis=0).tolist()),
            tuple(log_variance.max(axis=0).tolist()),
            tuple(mean.tolist()),
        )

    def to_dict(self) -> dict[str, list[float]]:
        """Return it as JSON values; `from_dict` gives an equal one, through JSON too."""
        return {name: list(values) for name, values in asdict(self).items()}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> TrainingRange:
        """Rebuild it from `to_dict`."""
        return cls(*(tuple(float(value) for value in found[name]) for name in ("lowest", "highest", "mean")))


@dataclass(frozen=True)
class Calibration:
    """What the outputs of a model take from rows that it was not fitted on.

    Parameters
    ----------
    rows : int
        Forecasts that it was made of.
    residual_variance : float
        Variance of the realised log variance less the first logit.
    levels : tuple of float
        Levels of the quantiles.
    shifts : tuple of float
        What the conformal quantile of each level adds to the quantile of log variance.
    insane_rows : int, default 0
        Of these rows, those whose forecast the insanity filter replaced.
    training_range : TrainingRange, optional
        Of the insanity filter.
    """

    rows: int
    residual_variance: float
    levels: tuple[float, ...]
    shifts: tuple[float, ...]
    insane_rows: int = 0
    training_range: TrainingRange | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values; `from_dict` gives an equal one, through JSON too."""
        found = asdict(self)
        found["levels"], found["shifts"] = list(self.levels), list(self.shifts)
        if self.training_range is not None:
            found["training_range"] = self.training_range.to_dict()
        return found

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Calibration:
        """Rebuild it from `to_dict`; SpecError where a value is missing or is no number."""
        try:
            training_range = found["training_range"]
            made = cls(
                rows=int(found["rows"]),
                residual_variance=float(found["residual_variance"]),
                levels=tuple(float(level) for level in found["levels"]),
                shifts=tuple(float(shift) for shift in found["shifts"]),
                insane_rows=int(found["insane_rows"]),
                training_range=None if training_range is None else TrainingRange.from_dict(training_range),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SpecError(
                f"calibration: cannot be read: {type(error).__name__}: {error}; expected what calibrate() of a "
                "volatility task found"
            ) from error
        numbers = np.array([made.residual_variance, *made.shifts])
        if len(made.levels) != len(made.shifts) or not np.isfinite(numbers).all() or numbers[0] < 0:
            raise SpecError(
                f"calibration: found residual variance {made.residual_variance} and {len(made.shifts)} shifts "
                f"{list(made.shifts)}, expected finite numbers and one for each of {len(made.levels)} levels"
            )
        return made

    def check(self, levels: tuple[float, ...], insanity_filter: bool, assets: int) -> None:
        """Refuse a calibration of other quantiles, another filter or other assets: SpecError."""
        if self.levels != levels:
            raise SpecError(f"calibration: found quantiles {list(self.levels)}, expected {list(levels)}")
        if (self.training_range is not None) != insanity_filter:
            raise SpecError(
                f"calibration: found {'a' if self.training_range else 'no'} range of training labels, expected "
                f"{'one' if insanity_filter else 'none'} with insanity_filter: {str(insanity_filter).lower()}"
            )
        if self.training_range is not None and len(self.training_range.mean) != assets:
            raise SpecError(
                f"calibration: found ranges of {len(self.training_range.mean)} assets, expected {assets}"
            )


def conformal_shift(residuals: np.ndarray, level: float) -> float:
    """Return what to add to a forecast quantile so that it covers its share on rows that are exchangeable.

    Of n residuals in ascending order it is number ceil((n + 1) level) where the level is above a half, and
    floor((n + 1) level) where it is below: a new residual is above the one with probability at most 1 - level, and
    below the other with probability at most level. At a half it is the median. (n + 1) level is exact for decimal
    levels.

    Parameters
    ----------
    residuals : ndarray of float64, [rows]
        What was realised less the forecast quantile, of rows not fitted on.
    level : float
        Of the quantile.

    Returns
    -------
    float

    Raises
    ------
    DataError
        If there are too few rows for the level, for which no finite shift would do.

    Notes
    -----
    Split conformal prediction, each bound by itself: Romano, Patterson and Candes (2019), Conformalized quantile
    regression, NeurIPS 32. Labels that overlap, as of consecutive days over the same month, are not exchangeable: the
    rows count for fewer than they are, and coverage holds about, not exactly.

    Examples
    --------
    >>> residuals = np.arange(1.0, 20.0)  # 19 of them
    >>> conformal_shift(residuals, 0.9), conformal_shift(residuals, 0.1), conformal_shift(residuals, 0.5)
    (18.0, 2.0, 10.0)
    """
    exact = Fraction(repr(float(level)))
    n = len(residuals)
    needed = math.ceil(1 / min(exact, 1 - exact)) - 1
    if n < needed:
        raise DataError(
            f"{n} rows to calibrate on, expected at least {needed} for the quantile {quantile_name(level)}; validate "
            "on more rows, or ask for quantiles nearer to the median"
        )
    ordered = np.sort(residuals)
    place = exact * (n + 1)
    lower, upper = ordered[math.floor(place) - 1], ordered[math.ceil(place) - 1]
    if 2 * exact == 1:
        return float((lower + upper) / 2.0)
    return float(upper if 2 * exact > 1 else lower)


def newest_days(time: np.ndarray | None, days: int | None) -> np.ndarray | None:
    """Tell which rows are of the newest days.

    Parameters
    ----------
    time : ndarray of datetime64, [rows], or None
        Times of the rows.
    days : int or None
        How many distinct times; None for all.

    Returns
    -------
    ndarray of bool, [rows], or None
        None for all rows.

    Raises
    ------
    SpecError
        If days are asked for and there are no times.
    """
    if days is None:
        return None
    if time is None:
        raise SpecError("conformal_days: found no times of the rows, expected calibrate(..., time=)")
    distinct = np.unique(time)
    return np.asarray(time) >= distinct[-min(days, len(distinct))]
