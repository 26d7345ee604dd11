"""Losses of volatility forecasts that read logits: QLIKE, the squared error of three units, and pinball."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import keras
from keras import ops

from tsdeep.errors import SpecError, unknown_name
from tsdeep.tasks.volatility_labels import Target
from tsdeep.tasks.volatility_quantiles import log_variance_quantiles

EXPONENT_LIMIT = 10.0
"""Where exponentials in losses go on along their tangent: a variance of 22,026, or 22,026 times the forecast."""


class VolatilityLoss(keras.losses.Loss):
    """Base: a point loss of the first logit, and the mean pinball loss of the quantiles that the others make.

    Parameters
    ----------
    target : {"log_variance", "variance", "volatility"}
        What labels hold, annualised, as fractions.
    quantiles : sequence of float
        Levels of the quantiles of log variance, ascending; none for the point loss alone.
    name, reduction, dtype
        As of any Keras loss.

    Notes
    -----
    It reads labels `[...]` and logits `[..., 1 + quantiles]`, of which the first, m, is a log annualised variance;
    see `log_variance_quantiles` for the others. Labels `[..., 1]` are taken as `[...]`. The pinball loss has no
    gradient with respect to m, which the point loss alone teaches.

    Raises
    ------
    SpecError
        If the target is unknown.
    """

    def __init__(
        self,
        target: Target = "log_variance",
        quantiles: Sequence[float] = (),
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if target not in get_args(Target):
            raise SpecError(unknown_name("target", str(target), get_args(Target)))
        self.target = target
        self.quantiles = tuple(quantiles)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each label, `[...]`."""
        y, m = labels_and_first(y_true, y_pred)
        loss = self.point(y, m)
        if not self.quantiles:
            return loss
        z = to_log_variance(y, self.target)
        # Else the pinball loss would draw m away from what the point loss is least at.
        found = log_variance_quantiles(ops.stop_gradient(m), y_pred[..., 1:], self.quantiles)
        each = [pinball(z - q, level) for q, level in zip(found, self.quantiles, strict=True)]
        return loss + sum(each) / len(each)

    def point(self, y: Any, m: Any) -> Any:
        """Return the loss of the first logit, `[...]`."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild it."""
        return {**super().get_config(), "target": self.target, "quantiles": list(self.quantiles)}


@keras.saving.register_keras_serializable("tsdeep")
class QLIKE(VolatilityLoss):
    """V/h - log(V/h) - 1 with the realised variance V and the forecast h = exp(m), after Patton (2011).

    Least at the mean of variance. Computed as exp(d) - 1 - d with d = log V - m; beyond d = `EXPONENT_LIMIT`, a
    forecast 22,026 times too low, along the tangent, so that loss and gradient stay finite.

    References
    ----------
    A. J. Patton (2011), Volatility forecast comparison using imperfect volatility proxies, J. Econometrics 160.
    """

    def point(self, y: Any, m: Any) -> Any:
        """Return QLIKE, `[...]`."""
        return qlike(to_log_variance(y, self.target) - m)


@keras.saving.register_keras_serializable("tsdeep")
class LogVarianceMSE(VolatilityLoss):
    """(log V - m)^2, whatever the labels hold. Least at the mean of log variance."""

    def point(self, y: Any, m: Any) -> Any:
        """Return the squared error, `[...]`."""
        return ops.square(to_log_variance(y, self.target) - m)


@keras.saving.register_keras_serializable("tsdeep")
class VolatilityMSE(VolatilityLoss):
    """Squared error of what the labels hold: of m, of exp(m) for variance, of exp(m / 2) for volatility.

    Least at its mean. The exponential goes on along its tangent beyond `EXPONENT_LIMIT`.
    """

    def point(self, y: Any, m: Any) -> Any:
        """Return the squared error, `[...]`."""
        if self.target == "log_variance":
            return ops.square(y - m)
        return ops.square(y - _exp(m if self.target == "variance" else m / 2.0))


@keras.saving.register_keras_serializable("tsdeep")
class VolatilityPinball(VolatilityLoss):
    """|log V - m| / 2, the pinball loss of the median. Least at the median of variance, in every unit."""

    def point(self, y: Any, m: Any) -> Any:
        """Return the pinball loss at a half, `[...]`."""
        return pinball(to_log_variance(y, self.target) - m, 0.5)


def labels_and_first(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Return labels `[...]` and the first logit `[...]` of logits `[..., 1 + quantiles]`."""
    if len(y_true.shape) == len(y_pred.shape):
        y_true = ops.squeeze(y_true, axis=-1)
    return y_true, y_pred[..., 0]


def to_log_variance(y: Any, target: str) -> Any:
    """Turn labels `[...]` into log variance."""
    if target == "log_variance":
        return y
    return ops.log(y) * (2.0 if target == "volatility" else 1.0)


def qlike(d: Any) -> Any:
    """Return QLIKE of d, the realised log variance less that of the forecast, `[...]`."""
    kept = ops.minimum(d, EXPONENT_LIMIT)
    rise = ops.expm1(kept)
    return rise - kept + (d - kept) * rise


def pinball(error: Any, level: float) -> Any:
    """Return the pinball loss of errors, realised less forecast, `[...]`."""
    return ops.maximum(level * error, (level - 1.0) * error)


def _exp(x: Any) -> Any:
    kept = ops.minimum(x, EXPONENT_LIMIT)
    return ops.exp(kept) * (1.0 + (x - kept))
