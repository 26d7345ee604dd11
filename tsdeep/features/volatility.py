"""Volatility over the last rows, from closes and from the rows' ranges.

Values are standard deviations of the log return of one row: 0.01 is about 1% a row. `annual_rows=252` gives
annualised volatility of daily rows, by the square root of time.

Realised volatility, Parkinson, and Garman and Klass take the drift as zero: a drift of m a row and a volatility of s
make realised volatility sqrt(s² + m²), and the range of a trending row counts as volatility too. Rogers and Satchell,
and Yang and Zhang, are unbiased whatever the drift. In daily rows of an index m is some 0.0003 and s some 0.01, so
that the difference is below a thousandth; it matters for long rows and for strong trends.
"""

from __future__ import annotations

from typing import Annotated, Any

import keras
from pydantic import Field

from tsdeep.arguments import Rows
from tsdeep.features.base import Feature
from tsdeep.features.registry import register_feature
from tsdeep.features.rolling import rolling_moments, rolling_sum
from tsdeep.features.row_variance import (
    close_variance,
    gap_return,
    garman_klass_variance,
    log_ratio,
    parkinson_variance,
    rogers_satchell_variance,
    with_gap,
)

BARS = ("open", "high", "low", "close")


class _Volatility(Feature):
    """Root of the mean over the last rows of a variance that each row gives."""

    def _read(self, kind: str, rows: int, annual_rows: int, fields: tuple[str, ...], before: int) -> None:
        self.rows = rows
        self.annual_rows = annual_rows
        self.fields = self.positive_fields = fields
        self.warmup = rows - 1 + before
        self.names = (f"{kind}_{rows}" + ("" if annual_rows == 1 else f"_annualised_{annual_rows}"),)

    def row_variance(self, fields: dict[str, Any]) -> Any:
        """Variance that each row gives, `[batch, rows - before]`."""
        raise NotImplementedError

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup]`."""
        total = rolling_sum(self.row_variance(fields), self.rows)
        return keras.ops.sqrt(total * (self.annual_rows / self.rows))


@register_feature("realised_volatility")
class RealisedVolatility(_Volatility):
    """Close-to-close volatility: root of the mean squared log return over the last rows.

    The mean return is taken as zero, as in realised variance: sqrt(1/n Σ ln(C_i / C_{i-1})²).

    Parameters
    ----------
    rows : int
        Returns in the window, 1 or more; rows + 1 closes are read.
    annual_rows : int
        Rows a year, 252 for daily bars, to annualise; 1 leaves volatility per row.
    **kwargs : object
        See `Feature`.

    References
    ----------
    Andersen and Bollerslev (1998), "Answering the skeptics: yes, standard volatility models do provide accurate
    forecasts", International Economic Review 39(4).
    """

    def __init__(self, rows: Rows, annual_rows: Rows = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._read("realised_volatility", rows, annual_rows, ("close",), before=1)

    def row_variance(self, fields: dict[str, Any]) -> Any:
        """Squared log return of each row, `[batch, rows - 1]`."""
        return close_variance(fields)


@register_feature("parkinson")
class Parkinson(_Volatility):
    """Range volatility of Parkinson: sqrt(1/(4 n ln 2) Σ ln(H_i / L_i)²).

    It sees what happens within a row alone: the gap from the previous close is not in it.

    Parameters
    ----------
    rows : int
        Rows of the window, the current one included, 1 or more.
    annual_rows : int
        Rows a year, 252 for daily bars, to annualise; 1 leaves volatility per row.
    **kwargs : object
        See `Feature`.

    References
    ----------
    Parkinson (1980), "The extreme value method for estimating the variance of the rate of return", Journal of
    Business 53(1).
    """

    def __init__(self, rows: Rows, annual_rows: Rows = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._read("parkinson", rows, annual_rows, ("high", "low"), before=0)

    def row_variance(self, fields: dict[str, Any]) -> Any:
        """Variance from the range of each row, `[batch, rows]`."""
        return parkinson_variance(fields)


@register_feature("garman_klass")
class GarmanKlass(_Volatility):
    """Range volatility of Garman and Klass, with the overnight gap as an option.

    sqrt(1/n Σ [½ ln(H_i / L_i)² - (2 ln 2 - 1) ln(C_i / O_i)²]): the practical form, without the small cross
    terms. With `overnight`, ln(O_i / C_{i-1})² is added to each row. Open and close must lie within low and high;
    a row outside them can give NaN.

    Parameters
    ----------
    rows : int
        Rows of the window, the current one included, 1 or more.
    overnight : bool
        Add the squared log return from the previous close to the open; one more row is read.
    annual_rows : int
        Rows a year, 252 for daily bars, to annualise; 1 leaves volatility per row.
    **kwargs : object
        See `Feature`.

    References
    ----------
    Garman and Klass (1980), "On the estimation of security price volatilities from historical data", Journal of
    Business 53(1). With `overnight`: Yang and Zhang (2000), Journal of Business 73(3).
    """

    def __init__(self, rows: Rows, overnight: bool = True, annual_rows: Rows = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.overnight = overnight
        kind = "garman_klass" + ("_overnight" if overnight else "")
        self._read(kind, rows, annual_rows, BARS, before=int(overnight))

    def row_variance(self, fields: dict[str, Any]) -> Any:
        """Variance from each row, `[batch, rows]`, one row less with `overnight`."""
        variance = garman_klass_variance(fields)
        return with_gap(variance, fields) if self.overnight else variance


@register_feature("rogers_satchell")
class RogersSatchell(_Volatility):
    """Range volatility of Rogers and Satchell, whatever the drift within a row.

    sqrt(1/n Σ [ln(H_i / C_i) ln(H_i / O_i) + ln(L_i / C_i) ln(L_i / O_i)]). The gap from the previous close is not
    in it. A row that opens at one end of its range and closes at the other gives 0, as that
    is what a drift without volatility looks like. Open and close must lie within low and high; a row outside them
    can give NaN.

    Parameters
    ----------
    rows : int
        Rows of the window, the current one included, 1 or more.
    annual_rows : int
        Rows a year, 252 for daily bars, to annualise; 1 leaves volatility per row.
    **kwargs : object
        See `Feature`.

    References
    ----------
    Rogers and Satchell (1991), "Estimating variance from high, low and closing prices", Annals of Applied
    Probability 1(4).
    """

    def __init__(self, rows: Rows, annual_rows: Rows = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._read("rogers_satchell", rows, annual_rows, BARS, before=0)

    def row_variance(self, fields: dict[str, Any]) -> Any:
        """Variance from the range of each row, `[batch, rows]`."""
        return rogers_satchell_variance(fields)


@register_feature("yang_zhang")
class YangZhang(_Volatility):
    """Volatility of Yang and Zhang, overnight gap included, whatever the drift.

    sqrt(V_o + k V_c + (1 - k) V_rs) over the last n rows, with V_o and V_c the sample variances (n - 1 degrees of
    freedom) of overnight returns ln(O_i / C_{i-1}) and of returns from open to close ln(C_i / O_i), V_rs the mean
    of Rogers and Satchell's estimates, and k = 0.34 / (1.34 + (n + 1) / (n - 1)), which makes the variance of the
    estimate least.

    Means are those of the window, so a drift costs nothing, and a move that is the same in all rows is drift, not
    volatility.

    Parameters
    ----------
    rows : int
        Rows of the window, the current one included, 2 or more; one more row is read.
    annual_rows : int
        Rows a year, 252 for daily bars, to annualise; 1 leaves volatility per row.
    **kwargs : object
        See `Feature`.

    References
    ----------
    Yang and Zhang (2000), "Drift-independent volatility estimation based on high, low, open, and close prices",
    Journal of Business 73(3).
    """

    def __init__(
        self, rows: Annotated[int, Field(strict=True, ge=2)], annual_rows: Rows = 1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._read("yang_zhang", rows, annual_rows, BARS, before=1)

    def mean_variance(self, fields: dict[str, Any]) -> Any:
        """Variance a row over each window, `[batch, rows - warmup]`."""
        n = self.rows
        inside = {name: values[:, 1:] for name, values in fields.items()}
        sample = n / (n - 1)  # population variance to sample variance
        overnight = rolling_moments(gap_return(fields), n)[1] * sample
        body = rolling_moments(log_ratio(inside["close"], inside["open"]), n)[1] * sample
        ranges = rolling_sum(rogers_satchell_variance(inside), n) / n
        k = 0.34 / (1.34 + (n + 1) / (n - 1))
        return overnight + k * body + (1.0 - k) * ranges

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup]`."""
        return keras.ops.sqrt(self.mean_variance(fields) * self.annual_rows)
