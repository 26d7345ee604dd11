"""The references that a volatility model is shown against."""

from __future__ import annotations

from collections.abc import Collection

from tsdeep.baselines.volatility import VolatilityReference
from tsdeep.baselines.volatility_combination import VolatilityCombination
from tsdeep.baselines.volatility_fifty_days import FiftyDays
from tsdeep.baselines.volatility_garch import Garch
from tsdeep.baselines.volatility_har import HarRv, HarVol, LogHar, LogHarRange, LogHarRangeVix
from tsdeep.baselines.volatility_naive import Ewma, RandomWalkVolatility
from tsdeep.baselines.volatility_pooled import PooledLogHar
from tsdeep.baselines.volatility_ridge import RidgeVolatility


def volatility_references(
    fields: Collection[str], *, vix_lag_rows: int = 0
) -> tuple[VolatilityReference, ...]:
    """Return fresh, unfitted references of volatility, in the order of the tables.

    Parameters
    ----------
    fields : collection of str
        Names of the fields of the panel. A reference that reads one which is not there is left out; the pooled
        log-HAR takes VIX and the market where they are there.
    vix_lag_rows : int, default 0
        Rows before the row predicted of which VIX's close is read.

    Returns
    -------
    tuple of VolatilityReference
        The combination is of GJR-GARCH, of log-HAR on ranges (on squared returns where there are none), with VIX and
        pooled where there; no other combination was tried.

    Examples
    --------
    >>> [reference.name for reference in volatility_references(["close"])]
    ['random_walk', 'ewma', 'har_rv', 'har_vol', 'log_har', 'garch', 'gjr_garch', 'combination', 'ridge']
    """

    def log_hars() -> list[VolatilityReference]:
        return there([LogHarRange(), LogHarRangeVix(vix_lag_rows), PooledLogHar(vix_lag_rows=vix_lag_rows)])

    def there(references: list[VolatilityReference]) -> list[VolatilityReference]:
        return [reference for reference in references if set(reference.needs) <= set(fields)]

    return tuple(
        there(
            [
                RandomWalkVolatility(),
                Ewma(),
                HarRv(),
                HarVol(),
                LogHar(),
                LogHarRange(),
                LogHarRange("garman_klass"),
                LogHarRangeVix(vix_lag_rows),
                PooledLogHar(vix_lag_rows=vix_lag_rows),
                Garch(),
                Garch(asymmetric=True),
                VolatilityCombination([Garch(asymmetric=True), *(log_hars() or [LogHar()])]),
                RidgeVolatility(),
                FiftyDays(),
            ]
        )
    )
