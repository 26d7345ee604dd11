"""Log variance over days, weeks and months: what HAR regressions of volatility are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsdeep.arguments import Rows
from tsdeep.errors import SpecError
from tsdeep.features.registry import register_feature
from tsdeep.features.row_variance import ESTIMATORS, FLOOR, Estimator, Floor, with_gap
from tsdeep.features.row_windows import Windows
from tsdeep.features.variance_over_rows import MeanOf, Prefix, VarianceOverRows


@register_feature("log_variance")
class LogVariance(VarianceOverRows):
    """Natural log of the annualised variance over the last rows: ln(annual_rows / n Σ v_i).

    The regressors of Corsi's HAR in logs, from daily bars: v_i is the variance of one row by the estimator. A value
    of -3.2 is a volatility of 20% a year, as exp(-3.2 / 2) = 0.20. In logs the variance of returns is close to
    normal, so that a linear regression and a `StandardScaler` suit it.

    Parameters
    ----------
    rows : int or sequence of int
        Rows of the mean, the current one included, 1 or more; several give a channel each.
    estimator : {"close", "parkinson", "garman_klass", "rogers_satchell"}
        Variance of a row: squared log return from close to close, or an estimate from the row's range, which has a
        fifth of the sampling variance or less but does not see the gap from the previous close. See the features
        of the same names.
    overnight : bool
        Add the squared log return from the previous close to the open to each row; one more row is read. Not with
        `close`, which has it already.
    annual_rows : int
        Rows a year, 252 for daily bars, to annualise; 1 leaves the variance of one row.
    mean_of : {"variance", "log"}
        Average variances, then take the log, or average their logs: 1/n Σ ln(annual_rows v_i), which one wild day
        moves less. On log ranges it is the HAR of the range literature.
    prefix : {"", "market", "basket"}
        Read the row's own bars, those of the market on the same row (`market_high` and so on), or those of all
        assets of the basket: the mean over the assets that have the whole window.
    floor : float
        Least variance of a row, per row, not annualised: rows below it are raised to it. The default is that of a
        standard deviation of one basis point, 1e-8. Thin days have no range at all, and a zero has no log;
        Garman and Klass go below zero where open or close lies outside the range. `close` and `rogers_satchell`
        are below the default on about one liquid ETF day in a hundred, so take the others for windows of one row.
        With 0 there is no floor but 0 itself, and a window without any variance gives -inf.
    **kwargs : object
        See `Feature`.

    Raises
    ------
    SpecError
        If `overnight` is asked for with the estimator `close`, or a number of rows is given twice.

    References
    ----------
    Corsi (2009), "A simple approximate long-memory model of realized volatility", Journal of Financial Econometrics
    7(2).

    Examples
    --------
    >>> LogVariance(rows=[1, 22], prefix="market").names
    ('market_log_variance_parkinson_1', 'market_log_variance_parkinson_22')
    >>> LogVariance(rows=5, mean_of="log").names
    ('mean_log_variance_parkinson_5',)
    """

    def __init__(
        self,
        rows: Windows = (1, 5, 22, 66),
        estimator: Estimator = "parkinson",
        overnight: bool = False,
        annual_rows: Rows = 252,
        mean_of: MeanOf = "variance",
        prefix: Prefix = "",
        floor: Floor = FLOOR,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.estimator = estimator
        self.mean_of = mean_of
        self.overnight = overnight
        if overnight and estimator == "close":
            raise SpecError(
                "feature 'log_variance': overnight = True with the estimator 'close', whose returns have the night in "
                "them already; expected parkinson, garman_klass or rogers_satchell"
            )
        used = ESTIMATORS[estimator]
        self._read(
            ("mean_" if mean_of == "log" else "")
            + f"log_variance_{estimator}"
            + ("_overnight" if overnight else ""),
            rows,
            tuple(dict.fromkeys((*used.fields, *(("open", "close") if overnight else ())))),
            used.before + int(overnight),
            annual_rows=annual_rows,
            prefix=prefix,
            floor=floor,
        )

    def row_variance(self, fields: Mapping[str, Any]) -> Any:
        """Variance of each row by the estimator, `[batch, rows]`, one row less with `overnight` or `close`."""
        variance = ESTIMATORS[self.estimator].compute(fields)
        return with_gap(variance, fields) if self.overnight else variance
