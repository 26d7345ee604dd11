"""Volatility: the realised volatility of the next rows, its mean in three units and its quantiles."""

# No `from __future__ import annotations`: a task that inherits the settings needs their annotations as objects.

import copy
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from tsdeep.arguments import check_arguments
from tsdeep.errors import SpecError
from tsdeep.tasks.base import Labels, Task, register_task
from tsdeep.tasks.volatility_calibration import Calibration, TrainingRange, newest_days
from tsdeep.tasks.volatility_labels import (
    Target,
    check_moved,
    from_variance,
    log_variance_of,
    realised_variance,
    volatility_of,
)
from tsdeep.tasks.volatility_table import label_ends, volatility_output_names, volatility_table
from tsdeep.units import QUANTILES, VolatilityUnit, quantile_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsdeep.panel import Panel

_INITIAL_VOLATILITY = 0.2


@register_task("volatility")
@dataclass(frozen=True)
class Volatility(Task):
    """Realised volatility of the next rows: its mean as variance and as volatility, its median and its quantiles.

    The realised variance of row t is `annual_rows` times the mean of the squared log returns of the next k =
    `horizon_rows` rows, of closes t to t + k; the label ends at row t + k. A model answers with 1 + Q logits: m, the
    log annualised variance of which the loss makes it the mean, and Q raw numbers for quantiles of log variance that
    cannot cross (`tsdeep.tasks.volatility_quantiles`). It learns by the point loss of m plus the mean pinball loss of
    the quantiles.

    What m is the mean of depends on the loss:

    ============ ======================================== =======================================
    `point_loss` point loss, V the realised variance       m
    ============ ======================================== =======================================
    `log_mse`    (log V - m)^2                             mean of log V
    `qlike`      V / exp(m) - log(V / exp(m)) - 1          log of the mean of V
    `mse`        squared error of the target               by the target: mean of log V; log of the
                                                           mean of V; twice the log of the mean of
                                                           the volatility
    `pinball`    abs(log V - m) / 2                        median of log V
    ============ ======================================== =======================================

    Forecasts are therefore converted (`tsdeep.units`) by the variance of log V - m on rows that the model was not
    fitted on. `calibrate` takes that from a fold's validation rows, and what each quantile must be shifted by to cover
    its share there (`conformal_...`). Before that there are no outputs.

    Parameters
    ----------
    horizon_rows : int, default 21
        Rows ahead, k.
    annual_rows : int, default 252
        Rows of a year, by which variance is annualised.
    target : {"log_variance", "variance", "volatility"}
        What labels hold, and what the point loss `mse` is computed on.
    point_loss : {"log_mse", "qlike", "mse", "pinball"}
        See above.
    quantiles : tuple of float
        Levels, ascending, of at most three decimals; none to learn the point forecast alone: quantiles are then
        log-normal around it, at the same seven levels.
    conformal_days : int, optional
        Shift quantiles by the newest so many days of the rows not fitted on, so that intervals follow how far off
        forecasts were of late; by default by all of them.
    insanity_filter : bool, default False
        Put the mean training label for a forecast m outside the range of the training labels (Bollerslev, Patton and
        Quaedvlieg 2016, J. Econometrics 192), and say so in the output `insane`. The quantiles move with it and keep
        their distances. Assets side by side have a range each. Of pooled instruments the graph does not know which
        it answers for, so the range is that of all: it stops what no instrument has seen, not what is too high for a
        quiet one.

    Attributes
    ----------
    assets : int
        Assets of one sample, 1 unless `for_assets` was asked for several.
    training_range : dict or None
        What `fit` took from training rows for the insanity filter.
    calibration : dict or None
        What `calibrate` found, as JSON values: see `tsdeep.tasks.volatility_calibration.Calibration`.

    Raises
    ------
    SpecError
        If a value does not fit.

    References
    ----------
    QLIKE and the other losses: Patton (2011), "Volatility forecast comparison using imperfect volatility proxies",
    Journal of Econometrics 160(1). The insanity filter: Bollerslev, Patton and Quaedvlieg (2016), "Exploiting the
    errors: a simple approach for improved volatility forecasting", Journal of Econometrics 192(1).

    Examples
    --------
    >>> Volatility(quantiles=(0.1, 0.5, 0.9)).output_names[:6]
    ('variance', 'volatility', 'median', 'q100', 'q500', 'q900')
    """

    horizon_rows: Annotated[int, Field(strict=True, ge=1, description="Rows ahead that the label looks.")] = (
        21
    )
    annual_rows: Annotated[int, Field(strict=True, ge=1, description="Rows of a year.")] = 252
    target: Annotated[
        Target, Field(description="What labels hold, and what the point loss mse is computed on.")
    ] = "log_variance"
    point_loss: Annotated[
        Literal["log_mse", "qlike", "mse", "pinball"],
        Field(description="What the point forecast is learnt by."),
    ] = "log_mse"
    quantiles: Annotated[
        tuple[Annotated[float, Field(gt=0, lt=1)], ...],
        Field(description="Levels of the quantiles to learn, ascending; none for log-normal ones."),
    ] = QUANTILES
    conformal_days: Annotated[
        int | None,
        Field(strict=True, ge=1, description="Newest days that conformal shifts are of; all if none."),
    ] = None
    insanity_filter: Annotated[
        bool, Field(strict=True, description="Replace forecasts outside the range of the training labels.")
    ] = False
    assets: int = field(default=1, init=False)
    training_range: dict[str, list[float]] | None = field(default=None, init=False, repr=False, hash=False)
    calibration: dict[str, Any] | None = field(default=None, init=False, repr=False, hash=False)

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in _ARGUMENTS}
        for name, value in check_arguments(type(self), given, "task 'volatility'").items():
            object.__setattr__(self, name, value)
        for level in self.quantiles:
            quantile_name(level)
        if any(high <= low for low, high in pairwise(self.quantiles)):
            raise SpecError(f"quantiles: found {list(self.quantiles)}, expected ascending levels, each once")

    @property
    def fields(self) -> tuple[str, ...]:
        """Raw fields that the label reads: the close."""
        return ("close",)

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the quantiles that the outputs hold, learnt or log-normal."""
        return self.quantiles or QUANTILES

    @property
    def unit(self) -> VolatilityUnit:
        """What the first logit is the mean of, as a log variance; see `tsdeep.units`."""
        if self.point_loss == "mse":
            return self.target
        return "variance" if self.point_loss == "qlike" else "log_variance"

    @property
    def logit_shape(self) -> tuple[int, ...]:
        """Shape of the logits of one prediction: 1 + Q, or assets x (1 + Q) of several assets side by side."""
        each = 1 + len(self.quantiles)
        return (each,) if self.assets == 1 else (self.assets, each)

    @property
    def initial_logits(self) -> np.ndarray:
        """Logits that an untrained head gives, float32 [*logit_shape]: a volatility of 20% a year."""
        logits = np.zeros(self.logit_shape, np.float32)
        logits[..., 0] = 2.0 * np.log(_INITIAL_VOLATILITY)
        return logits

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the forecasts: points, quantiles `q025`, `conformal_q025`, and `insane` with the filter."""
        return volatility_output_names(self.levels, self.insanity_filter)

    @property
    def calibrated(self) -> bool:
        """Whether outputs can be computed: `calibrate` or `with_calibration` came before."""
        return self.calibration is not None

    def for_assets(self, assets: int) -> "Volatility":
        """Return the task for labels `[rows, assets]`, neither fitted nor calibrated.

        Raises
        ------
        SpecError
            If `assets` is not a positive whole number.
        """
        if isinstance(assets, bool) or not isinstance(assets, (int, np.integer)) or assets < 1:
            raise SpecError(f"assets: found {assets!r}, expected a whole number of at least 1")
        if assets == self.assets:
            return self
        return self._with(assets=int(assets), training_range=None, calibration=None)

    def fit(self, panel: "Panel", rows: np.ndarray) -> "Volatility":
        """Return the task with the range of the training labels, where it has the insanity filter; not calibrated.

        DataError where a row has no label, or one whose realised variance is zero.
        """
        found = None
        if self.insanity_filter:
            variance = self._variance(panel)[np.asarray(rows)]
            with np.errstate(divide="ignore"):
                log_variance = np.log(variance).reshape(len(variance), -1)
            found = TrainingRange.of(log_variance, self.unit).to_dict()
        if found == self.training_range and self.calibration is None:
            return self
        return self._with(training_range=found, calibration=None)

    def calibrate(
        self, y: np.ndarray, logits: np.ndarray, symbol: np.ndarray, time: np.ndarray | None = None
    ) -> "Volatility":
        """Return the task with what its outputs take from rows that the model was not fitted on.

        That is the variance of the realised log variance less m, and for each quantile the conformal shift
        (`tsdeep.tasks.volatility_calibration.conformal_shift`). All instruments are calibrated together.

        Parameters
        ----------
        y : ndarray of float32, [rows] or [rows, assets]
            Labels.
        logits : ndarray of float32, [rows, *logit_shape]
            A model's answers; of an ensemble their mean over the members.
        symbol : ndarray of str, [rows]
            Instruments, for messages.
        time : ndarray of datetime64, [rows], optional
            Times of the rows; needed with `conformal_days`.

        Returns
        -------
        Volatility

        Raises
        ------
        DataError
            If there are too few rows for a quantile, a label has no log or a logit is not finite, or lengths differ.
        SpecError
            If the task has the insanity filter and was not fitted, or `conformal_days` and there is no time.
        """
        from tsdeep.tasks.volatility_outputs import calibration_of, check_finite

        z = log_variance_of(y, self.target)
        logits = np.asarray(logits, np.float32)
        check_finite(z, logits, self.logit_shape, symbol)
        found = calibration_of(
            z,
            logits,
            self.unit,
            len(self.quantiles) > 0,
            self.levels,
            TrainingRange.known(self.training_range) if self.insanity_filter else None,
            newest_days(time, self.conformal_days),
        )
        return self._with(calibration=found.to_dict())

    def with_calibration(self, calibration: "Mapping[str, Any] | None") -> "Volatility":
        """Return the task with what an earlier `calibrate` found, as it was or through JSON; None for without.

        Raises
        ------
        SpecError
            If it cannot be read, or belongs to other quantiles, another filter or other assets.
        """
        if calibration is None:
            return self if self.calibration is None else self._with(calibration=None)
        found = Calibration.from_dict(calibration)
        found.check(self.levels, self.insanity_filter, self.assets)
        return self._with(calibration=found.to_dict())

    def label(self, panel: "Panel") -> Labels:
        """Label every row of a panel that has the next `horizon_rows` rows within its segment.

        Parameters
        ----------
        panel : Panel
            With the field `close [rows]`, or `close [rows, assets]` of assets side by side.

        Returns
        -------
        Labels
            y as the target, `[rows]` or `[rows, assets]`, computed in float64 and kept as float32; NaN where there is
            none, and the row at which each ends.

        Raises
        ------
        DataError
            If a close is not above zero; if no price moves over the horizon and the target, the point loss or
            quantiles need the log of the variance; or if the assets are not as many as the task's.
        """
        variance = self._variance(panel)
        if self.target == "log_variance" or self.point_loss != "mse" or self.quantiles:
            check_moved(panel, variance, self.horizon_rows)
        end = np.arange(panel.n_rows, dtype=np.int64) + self.horizon_rows
        end = np.where(end < panel.bounds[panel.segment, 1], end, -1)
        return Labels(from_variance(variance, self.target).astype(np.float32), end)

    def head(self, representation: Any) -> Any:
        """Turn a representation `[..., units]` into float32 logits `[..., *logit_shape]` by one Dense layer.

        Its bias starts at `initial_logits`: from zero, a volatility of 100%, it would be a long way.
        """
        import keras

        initial = self.initial_logits.reshape(-1)
        dense = keras.layers.Dense(
            initial.size,
            bias_initializer=keras.initializers.Constant(initial.tolist()),
            dtype="float32",
            name="logits",
        )
        return self.shaped(dense(representation))

    def loss(self) -> Any:
        """Return the point loss plus the mean pinball loss of the quantiles, `tsdeep.tasks.volatility_losses`."""
        from tsdeep.tasks import volatility_losses as losses

        cls = {
            "log_mse": losses.LogVarianceMSE,
            "qlike": losses.QLIKE,
            "mse": losses.VolatilityMSE,
            "pinball": losses.VolatilityPinball,
        }[self.point_loss]
        return cls(self.target, self.quantiles)

    def metrics(self) -> list[Any]:
        """Return QLIKE, and the RMSE of volatility in percentage points, of forecasts corrected for units."""
        from tsdeep.tasks.volatility_metrics import QLIKEMetric, VolatilityRMSE

        return [
            QLIKEMetric(self.target, self.unit, name="qlike"),
            VolatilityRMSE(self.target, self.unit, name="rmse"),
        ]

    def outputs(self, logits: Any) -> dict[str, Any]:
        """Turn logits `[batch, *logit_shape]` into the forecasts of `output_names`, float32 [batch] or [batch, assets].

        Variance, volatility, its median and quantiles are annualised fractions; the calibration becomes constants of
        the graph. Conformal quantiles are shifted each by itself and then put in order, away from the median.

        Raises
        ------
        SpecError
            If the task is not calibrated.
        """
        if self.calibration is None:
            raise SpecError(
                "task volatility: not calibrated, so forecasts have no unit; calibrate it on validation rows, which "
                "the model was not fitted on: samples.calibrate(fold.valid, logits)"
            )
        from tsdeep.tasks.volatility_outputs import volatility_outputs

        found = Calibration.from_dict(self.calibration)
        return volatility_outputs(logits, self.unit, len(self.quantiles) > 0, found)

    def context(self, panel: "Panel", rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return `end`, the time at which the label of a row ends, datetime64[ns]; NaT where there is none."""
        return {"end": label_ends(panel, rows, self.horizon_rows)}

    def table(self, base: pd.DataFrame, y: np.ndarray, outputs: "Mapping[str, np.ndarray]") -> pd.DataFrame:
        """Lay out predictions: the columns of `base`, y (the realised volatility, a fraction) and the forecasts.

        With several seeds there are `variance_seed<k>`, `volatility_seed<k>` and `median_seed<k>` too.
        """
        return volatility_table(base, volatility_of(y, self.target), outputs, self.output_names)

    def _variance(self, panel: "Panel") -> np.ndarray:
        """Realised variance `[rows]`, or `[rows, assets]` of several."""
        return realised_variance(panel, self.horizon_rows, self.annual_rows, self.assets)

    def _with(self, **state: Any) -> "Volatility":
        """Return a copy with other values of what is no setting."""
        changed = copy.copy(self)
        for name, value in state.items():
            object.__setattr__(changed, name, value)
        return changed


_ARGUMENTS = (
    "horizon_rows",
    "annual_rows",
    "target",
    "point_loss",
    "quantiles",
    "conformal_days",
    "insanity_filter",
)
