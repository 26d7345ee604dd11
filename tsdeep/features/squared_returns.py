"""Squared returns over days, weeks and months: all, those of one sign, overnight; and returns with their sign.

The squares come in three forms. Their log is the default, because it is what a scaler by mean and standard deviation
copes with: of the ten liquid ETFs that the tests read, the largest of some 4,600 daily squared returns is 30 standard
deviations from the mean (median over the ETFs), its root 13, its log 3.3; for means over 22 rows 9.5, 6.6 and 3.8. The
log is also what `log_variance` and the target of a volatility model are in. The floor keeps rows of no return, or of
the other sign, at a finite distance: a semivariance over one row has two clusters, rows of its sign and rows not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import keras

from tsdeep.arguments import Rows
from tsdeep.features.base import Feature
from tsdeep.features.prices import log_change
from tsdeep.features.registry import register_feature
from tsdeep.features.row_variance import FLOOR, Floor, close_variance, gap_variance
from tsdeep.features.row_windows import Windows, channels, kept, windows_of
from tsdeep.features.variance_over_rows import Form, OwnOrMarket, Prefix, VarianceOverRows, prefixed


class _Squares(VarianceOverRows):
    """Mean of squared log returns over the last rows, in one of three forms."""

    def _take(
        self,
        label: str,
        rows: Windows,
        fields: tuple[str, ...],
        form: str,
        annual_rows: int,
        prefix: str,
        floor: float,
    ) -> None:
        """Keep the arguments; the form stands in front of the label."""
        self.form = form
        label = label if form == "variance" else f"{form}_{label}"
        self._read(label, rows, fields, 1, annual_rows=annual_rows, prefix=prefix, floor=floor)


@register_feature("squared_return")
class SquaredReturn(_Squares):
    """Mean squared log return from close to close over the last rows: realised variance from daily closes.

    As `log` it is `log_variance` of the estimator `close`, as `root` `realised_volatility`, both but for the floor.

    Parameters
    ----------
    rows : int or sequence of int
        Returns in the mean, 1 or more; several give a channel each. One more row is read.
    form : {"log", "root", "variance"}
        Natural log of the mean, its square root (a volatility), or the mean itself, which is for models that need
        no scale: its tails are too heavy for a `StandardScaler`.
    annual_rows : int
        Rows a year, 252 for daily bars, to annualise; 1 leaves the variance of one row.
    prefix : {"", "market", "basket"}
        Read the row's own closes, those of the market on the same row, or the basket's: the mean over its assets.
    floor : float
        Least square of one row, not annualised: rows below it are raised to it, in every form. The default is
        1e-8, a return of one basis point; 0 leaves squares as they are, and then a mean of 0 has the log -inf.
    **kwargs : object
        See `Feature`.
    """

    def __init__(
        self,
        rows: Windows = (1, 5, 22),
        form: Form = "log",
        annual_rows: Rows = 252,
        prefix: Prefix = "",
        floor: Floor = FLOOR,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._take("squared_return", rows, ("close",), form, annual_rows, prefix, floor)

    def row_variance(self, fields: Mapping[str, Any]) -> Any:
        """Squared log return of each row, `[batch, rows - 1]`."""
        return close_variance(fields)


@register_feature("semivariance")
class Semivariance(_Squares):
    """Mean over the last rows of the squared log returns of one sign, the others counted as zero.

    1/n Σ r_i² 1[r_i < 0] for `down`, r_i > 0 for `up`; without a floor both add up to the mean squared return.
    From daily returns here.

    Parameters
    ----------
    sign : {"down", "up"}
        Returns below zero, or above.
    rows : int or sequence of int
        Returns in the mean, 1 or more; several give a channel each. One more row is read.
    form : {"log", "root", "variance"}
        Natural log of the mean, its square root (a volatility), or the mean itself.
    annual_rows : int
        Rows a year, 252 for daily bars, to annualise; 1 leaves the variance of one row.
    prefix : {"", "market", "basket"}
        Read the row's own closes, those of the market on the same row, or the basket's: the mean over its assets.
    floor : float
        Least square of one row, not annualised: rows below it are raised to it, those of the other sign too.
    **kwargs : object
        See `Feature`.

    References
    ----------
    Barndorff-Nielsen, Kinnebrock and Shephard (2010), "Measuring downside risk: realised semivariance", in
    Volatility and Time Series Econometrics. In regressions of volatility: Patton and Sheppard (2015), "Good
    volatility, bad volatility", Review of Economics and Statistics 97(3).
    """

    def __init__(
        self,
        sign: Literal["down", "up"],
        rows: Windows = (1, 5, 22),
        form: Form = "log",
        annual_rows: Rows = 252,
        prefix: Prefix = "",
        floor: Floor = FLOOR,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sign = sign
        self._take(f"semivariance_{sign}", rows, ("close",), form, annual_rows, prefix, floor)

    def row_variance(self, fields: Mapping[str, Any]) -> Any:
        """Squared log return of each row of the sign, `[batch, rows - 1]`."""
        change = log_change(fields["close"], 1)
        other = change >= 0 if self.sign == "down" else change <= 0  # false for NaN, which stays
        return keras.ops.where(other, keras.ops.zeros_like(change), keras.ops.square(change))


@register_feature("overnight_variance")
class OvernightVariance(_Squares):
    """Mean over the last rows of the squared log return from the previous close to the open.

    What estimates from the range do not see, as a channel of its own: of the ten liquid ETFs that the tests read
    its mean is 17% (VNQ) to 54% (EFA) of that of squared returns from close to close.

    Parameters
    ----------
    rows : int or sequence of int
        Nights in the mean, 1 or more; several give a channel each. One more row is read.
    form : {"log", "root", "variance"}
        Natural log of the mean, its square root (a volatility), or the mean itself.
    annual_rows : int
        Rows a year, 252 for daily bars, to annualise; 1 leaves the variance of one night.
    prefix : {"", "market", "basket"}
        Read the row's own bars, those of the market on the same row, or the basket's: the mean over its assets.
    floor : float
        Least square of one row, not annualised: rows below it are raised to it.
    **kwargs : object
        See `Feature`.
    """

    def __init__(
        self,
        rows: Windows = (1, 5, 22),
        form: Form = "log",
        annual_rows: Rows = 252,
        prefix: Prefix = "",
        floor: Floor = FLOOR,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._take("overnight_variance", rows, ("open", "close"), form, annual_rows, prefix, floor)

    def row_variance(self, fields: Mapping[str, Any]) -> Any:
        """Squared overnight log return of each row, `[batch, rows - 1]`."""
        return gap_variance(fields)


@register_feature("signed_return")
class SignedReturn(Feature):
    """Mean log return over the last rows, per row, divided by no volatility: ln(C_t / C_{t-n}) / n.

    Its sign is what squares lose: volatility rises more after falls than after rises (the leverage effect).

    Parameters
    ----------
    rows : int or sequence of int
        Returns in the mean, 1 or more; several give a channel each. One more row is read.
    prefix : {"", "market"}
        Read the row's own closes, or those of the market on the same row.
    **kwargs : object
        See `Feature`.
    """

    def __init__(self, rows: Windows = (1, 5, 22), prefix: OwnOrMarket = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows = kept(rows)
        self.prefix = prefix
        self._windows = windows_of(rows, "signed_return")
        self.warmup = max(self._windows)
        self.fields = self.positive_fields = (prefixed("close", prefix),)
        self.names = tuple(f"{prefixed('signed_return', prefix)}_{window}" for window in self._windows)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, windows]`."""
        close = fields[self.fields[0]]
        # All windows end at the same row: shorter ones leave out the rows before.
        return channels([log_change(close[:, self.warmup - n :], n) / n for n in self._windows])
