"""From logits to named forecasts of volatility: units, quantiles, conformal quantiles and the insanity filter."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from tsdeep.errors import DataError
from tsdeep.tasks.volatility_calibration import Calibration, TrainingRange, conformal_shift
from tsdeep.tasks.volatility_quantiles import log_variance_quantiles, outward
from tsdeep.tasks.volatility_table import CONFORMAL, INSANE
from tsdeep.units import VolatilityUnit, convert_units, mean_log_variance, normal_quantile, quantile_name


def volatility_outputs(
    logits: Any, unit: VolatilityUnit, learned: bool, found: Calibration
) -> dict[str, Any]:
    """Turn logits into the named forecasts.

    Parameters
    ----------
    logits : tensor, [..., 1 + quantiles]
        See the task.
    unit : {"log_variance", "variance", "volatility"}
        What the first logit is the mean of.
    learned : bool
        Whether the other logits make quantiles; else these are log-normal.
    found : Calibration
        Its numbers become constants of the graph.

    Returns
    -------
    dict of str to tensor of float32, [...]
        By `volatility_output_names`.
    """
    m, insane = sane(logits[..., 0], found.training_range)
    centre = mean_log_variance(m, unit, found.residual_variance)
    outputs = convert_units(centre, "log_variance", found.residual_variance, exp=ops.exp)
    quantiles = _quantiles(logits, m, centre, learned, found.residual_variance, found.levels)
    shifted = [q + shift for q, shift in zip(quantiles, found.shifts, strict=True)]
    for prefix, values in (("", quantiles), (CONFORMAL, shifted)):
        # Ordered as volatilities: an exponential in floating point need not keep the order of near equals.
        ordered = outward([ops.exp(q / 2.0) for q in values], found.levels)
        outputs |= {prefix + quantile_name(level): q for level, q in zip(found.levels, ordered, strict=True)}
    if insane is not None:
        outputs[INSANE] = insane
    return outputs


def check_finite(
    log_variance: np.ndarray, logits: np.ndarray, logit_shape: tuple[int, ...], symbol: np.ndarray
) -> None:
    """Refuse what cannot be calibrated on.

    Parameters
    ----------
    log_variance : ndarray of float64, [rows] or [rows, assets]
        Realised.
    logits : ndarray of float32, [rows, *logit_shape]
        Of the same rows.
    logit_shape : tuple of int
        Of one prediction.
    symbol : ndarray of str, [rows]
        Instruments, for messages.

    Raises
    ------
    DataError
        If shapes differ, a label has no log, or a logit is not finite.
    """
    expected = (len(log_variance), *logit_shape)
    if logits.shape != expected or log_variance.shape != expected[:-1]:
        raise DataError(
            f"calibration: found {len(log_variance)} labels and logits {list(logits.shape)}, expected logits "
            f"[rows, {', '.join(str(size) for size in logit_shape)}] for them"
        )
    bad = ~(np.isfinite(log_variance) & np.isfinite(logits).all(axis=-1))
    if bad.any():
        row = int(np.argwhere(bad)[0, 0])
        of = f"symbol '{symbol[row]}', " if len(symbol) == len(log_variance) else ""
        raise DataError(
            f"calibration: {of}row {row}: found a realised log variance of {log_variance[row]} and logits "
            f"{logits[row].tolist()} ({int(bad.sum())} such rows), expected finite numbers"
        )


def calibration_of(
    log_variance: np.ndarray,
    logits: np.ndarray,
    unit: VolatilityUnit,
    learned: bool,
    levels: tuple[float, ...],
    training_range: TrainingRange | None,
    shifted_by: np.ndarray | None = None,
) -> Calibration:
    """Calibrate logits on what was realised.

    Parameters
    ----------
    log_variance : ndarray of float64, [...]
        Realised, of rows that were not fitted on.
    logits : ndarray of float32, [..., 1 + quantiles]
        A model's answers on them.
    unit, learned
        As for `volatility_outputs`.
    levels : tuple of float
        Of the quantiles.
    training_range : TrainingRange, optional
        Of the insanity filter, which acts before the residuals are taken.
    shifted_by : ndarray of bool, [rows], optional
        Rows that quantiles are shifted by; all unless given.

    Returns
    -------
    Calibration

    Raises
    ------
    DataError
        If there are too few rows for a level.
    """
    given = ops.convert_to_tensor(np.asarray(logits, np.float32))
    m, insane = sane(given[..., 0], training_range)
    variance = float(np.var(log_variance - np.asarray(m, np.float64)))
    centre = mean_log_variance(m, unit, variance)
    quantiles = _quantiles(given, m, centre, learned, variance, levels)
    chosen = slice(None) if shifted_by is None else shifted_by
    shifts = tuple(
        conformal_shift((log_variance - np.asarray(q, np.float64))[chosen].reshape(-1), level)
        for q, level in zip(quantiles, levels, strict=True)
    )
    n_insane = 0 if insane is None else int(np.asarray(insane).sum())
    return Calibration(log_variance.size, variance, levels, shifts, n_insane, training_range)


def sane(m: Any, training_range: TrainingRange | None) -> tuple[Any, Any | None]:
    """Put the mean training label for forecasts outside the range of the training labels, or that are no number.

    Parameters
    ----------
    m : tensor, [...] or [..., assets]
        First logits.
    training_range : TrainingRange, optional
        None where there is no filter.

    Returns
    -------
    tuple of tensor, [...]
        The logits, and 1.0 where one was replaced, else 0.0; None without a filter.
    """
    if training_range is None:
        return m, None
    lowest, highest, mean = (
        ops.convert_to_tensor(np.array(values if len(values) > 1 else values[0], np.float32))
        for values in (training_range.lowest, training_range.highest, training_range.mean)
    )
    within = ops.logical_and(m >= lowest, m <= highest)
    return ops.where(within, m, mean), 1.0 - ops.cast(within, "float32")


def _quantiles(
    logits: Any, m: Any, centre: Any, learned: bool, residual_variance: float, levels: tuple[float, ...]
) -> list[Any]:
    """Quantiles of log variance, as learned or of a normal distribution."""
    if learned:
        return log_variance_quantiles(m, logits[..., 1:], levels)
    deviation = float(np.sqrt(residual_variance))
    return [centre + normal_quantile(level) * deviation for level in levels]
