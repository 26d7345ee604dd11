"""Volatility over the last rows, from closes and from the rows' ranges.

Values are standard deviations of the log return of one row: 0.01 is about 1% a row. `annual_rows=252` gives
annualised volatility of daily rows, by the square root of time.
"""

from __future__ import annotations

import math
from typing import Any

import keras

from tsdeep.arguments import Rows
from tsdeep.features.base import Feature
from tsdeep.features.prices import log_change
from tsdeep.features.registry import register_feature
from tsdeep.features.rolling import rolling_sum


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

    The mean return is taken as zero, as in realised variance (Andersen and Bollerslev 1998, International
    Economic Review 39(4)): sqrt(1/n Σ ln(C_i / C_{i-1})²).

    Parameters
    ----------
    rows : int
        Returns in the window, 1 or more; rows + 1 closes are read.
    annual_rows : int
        Rows a year, 252 for daily bars, to annualise; 1 leaves volatility per row.
    **kwargs : object
        See `Feature`.
    """

    def __init__(self, rows: Rows, annual_rows: Rows = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._read("realised_volatility", rows, annual_rows, ("close",), before=1)

    def row_variance(self, fields: dict[str, Any]) -> Any:
        """Squared log return of each row, `[batch, rows - 1]`."""
        return keras.ops.square(log_change(fields["close"], 1))


@register_feature("parkinson")
class Parkinson(_Volatility):
    """Range volatility of Parkinson: sqrt(1/(4 n ln 2) Σ ln(H_i / L_i)²).

    Parkinson (1980), "The extreme value method for estimating the variance of the rate of return", Journal of
    Business 53(1). It sees what happens within a row alone: the gap from the previous close is not in it.

    Parameters
    ----------
    rows : int
        Rows of the window, the current one included, 1 or more.
    annual_rows : int
        Rows a year, 252 for daily bars, to annualise; 1 leaves volatility per row.
    **kwargs : object
        See `Feature`.
    """

    def __init__(self, rows: Rows, annual_rows: Rows = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._read("parkinson", rows, annual_rows, ("high", "low"), before=0)

    def row_variance(self, fields: dict[str, Any]) -> Any:
        """Variance from the range of each row, `[batch, rows]`."""
        return keras.ops.square(_log_ratio(fields["high"], fields["low"])) / (4.0 * math.log(2.0))


@register_feature("garman_klass")
class GarmanKlass(_Volatility):
    """Range volatility of Garman and Klass, with the overnight gap as an option.

    sqrt(1/n Σ [½ ln(H_i / L_i)² - (2 ln 2 - 1) ln(C_i / O_i)²]): the practical form, without the small cross
    terms, of Garman and Klass (1980), "On the estimation of security price volatilities from historical
    data", Journal of Business 53(1). With `overnight`, ln(O_i / C_{i-1})² is added to each row, the extension
    of Yang and Zhang (2000), Journal of Business 73(3). Open and close must lie within low and high; a row
    outside them can give NaN.

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
    """

    def __init__(self, rows: Rows, overnight: bool = True, annual_rows: Rows = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.overnight = overnight
        kind = "garman_klass" + ("_overnight" if overnight else "")
        self._read(kind, rows, annual_rows, ("open", "high", "low", "close"), before=int(overnight))

    def row_variance(self, fields: dict[str, Any]) -> Any:
        """Variance from each row, `[batch, rows]`, one row less with `overnight`."""
        day_range = keras.ops.square(_log_ratio(fields["high"], fields["low"]))
        body = keras.ops.square(_log_ratio(fields["close"], fields["open"]))
        variance = 0.5 * day_range - (2.0 * math.log(2.0) - 1.0) * body
        if self.overnight:
            gap = keras.ops.square(_log_ratio(fields["open"][:, 1:], fields["close"][:, :-1]))
            variance = variance[:, 1:] + gap  # [batch, rows - 1]
        return variance


def _log_ratio(numerator: Any, denominator: Any) -> Any:
    """Log of a ratio of prices, precise where they are close."""
    return keras.ops.log1p((numerator - denominator) / denominator)
