"""Metrics of volatility forecasts that read logits, corrected for units by the residual variance of their rows."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tsdeep.errors import SpecError
from tsdeep.tasks.volatility_labels import Target
from tsdeep.tasks.volatility_losses import EXPONENT_LIMIT, labels_and_first, to_log_variance
from tsdeep.units import VolatilityUnit, mean_log_variance

_LIMIT = 20.0


class VolatilityMetric(keras.metrics.Metric):
    """Base: a figure of the forecasts of variance that a model would give if calibrated on the rows counted.

    A model's first logit, m, becomes a forecast of the mean of variance by the variance of d = log V - m. That is
    known when all rows are; so sums are kept of which the figure is made.

    Parameters
    ----------
    target : {"log_variance", "variance", "volatility"}
        What labels hold, annualised, as fractions.
    unit : {"log_variance", "variance", "volatility"}
        What m is the mean of, see `tsdeep.units`.
    name, dtype
        As of any Keras metric.

    Notes
    -----
    It reads labels `[...]` and logits `[..., 1 + quantiles]`. So that an untrained model gives finite figures, m and
    the correction of its log count as 20 where they are more.
    """

    sums: tuple[str, ...] = ()

    def __init__(
        self,
        target: Target = "log_variance",
        unit: VolatilityUnit = "log_variance",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        mean_log_variance(0.0, unit, 0.0)
        self.target = target
        self.unit = unit
        names = ("weight", "d", "d_squared", *self.sums)
        self._totals = {
            each: self.add_variable(shape=(), initializer="zeros", name=f"sum_{each}") for each in names
        }

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count labels `[...]` and logits, with weights `[...]`, or `[batch]` for all of a row, if given."""
        y, m = labels_and_first(
            ops.convert_to_tensor(y_true, dtype=self.dtype), ops.convert_to_tensor(y_pred, dtype=self.dtype)
        )
        z = to_log_variance(y, self.target)
        weight = ops.ones_like(z)
        if sample_weight is not None:
            given = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
            if len(given.shape) > len(z.shape):
                raise SpecError(
                    f"sample_weight: found shape {given.shape}, expected at most that of the labels, {z.shape}"
                )
            for _ in range(len(z.shape) - len(given.shape)):
                given = ops.expand_dims(given, axis=-1)
            weight = weight * given
        terms = {"weight": ops.ones_like(z), "d": z - m, "d_squared": ops.square(z - m), **self.terms(z, m)}
        for name, total in self._totals.items():
            total.assign_add(ops.sum(weight * terms[name]))

    def terms(self, z: Any, m: Any) -> dict[str, Any]:
        """Return what is summed of realised log variances and first logits `[...]`, by the names of `sums`."""
        raise NotImplementedError

    def result(self) -> Any:
        """Return the figure of all rows counted; 0 before the first."""
        mean = {
            name: ops.divide_no_nan(total.value, self._totals["weight"].value)
            for name, total in self._totals.items()
        }
        residual_variance = ops.maximum(mean["d_squared"] - ops.square(mean["d"]), 0.0)
        # By how much the log of the forecast of variance is above m.
        above = mean_log_variance(0.0, self.unit, residual_variance) + residual_variance / 2.0
        above = ops.minimum(above, _LIMIT)
        counted = ops.cast(self._totals["weight"].value > 0, self.dtype)
        return counted * self.figure(mean, above)

    def figure(self, mean: dict[str, Any], above: Any) -> Any:
        """Return the figure of means of the terms and the correction of the log forecast."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild it."""
        return {**super().get_config(), "target": self.target, "unit": self.unit}


@keras.saving.register_keras_serializable("tsdeep")
class QLIKEMetric(VolatilityMetric):
    """Mean of V/h - log(V/h) - 1 with h the forecast of variance, after Patton (2011).

    V / exp(m) counts as 22,026 where it is more.
    """

    sums = ("ratio",)

    def terms(self, z: Any, m: Any) -> dict[str, Any]:
        """Return V / exp(m)."""
        return {"ratio": ops.exp(ops.minimum(z - m, EXPONENT_LIMIT))}

    def figure(self, mean: dict[str, Any], above: Any) -> Any:
        """Return QLIKE."""
        return mean["ratio"] * ops.exp(-above) - (mean["d"] - above) - 1.0


@keras.saving.register_keras_serializable("tsdeep")
class VolatilityRMSE(VolatilityMetric):
    """Root mean squared error of the square root of the forecast of variance, in percentage points a year."""

    sums = ("realised_squared", "product", "forecast_squared")

    def terms(self, z: Any, m: Any) -> dict[str, Any]:
        """Return squares and product of realised volatility and exp(m / 2)."""
        m = ops.minimum(m, _LIMIT)
        return {
            "realised_squared": ops.exp(z),
            "product": ops.exp((z + m) / 2.0),
            "forecast_squared": ops.exp(m),
        }

    def figure(self, mean: dict[str, Any], above: Any) -> Any:
        """Return the error."""
        square = (
            mean["realised_squared"]
            - 2.0 * ops.exp(above / 2.0) * mean["product"]
            + ops.exp(above) * mean["forecast_squared"]
        )
        return 100.0 * ops.sqrt(ops.maximum(square, 0.0))
