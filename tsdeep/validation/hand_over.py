"""A result's predictions as positions: traded here, by Backtrader, by Zipline, or as a series of returns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pandas as pd

from tsdeep.errors import SpecError
from tsdeep.evaluation import Backtest, backtest
from tsdeep.evaluation.engines import run_backtrader, run_zipline

if TYPE_CHECKING:
    from tsdeep.samples import Samples


class HandOver:
    """What a result of `direction` can be traded with; the spec's `backtest` settings are the defaults."""

    model: str
    samples: Samples
    predictions: pd.DataFrame

    def backtest(self, **settings: Any) -> Backtest:
        """Trade the predictions: see `tsdeep.evaluation.backtest`.

        Parameters
        ----------
        **settings
            Of `tsdeep.evaluation.Strategy`, in place of the spec's.

        Returns
        -------
        Backtest
            Positions, fills and daily returns.

        Raises
        ------
        SpecError
            If the task is not `direction`, the data has no closes, or a setting cannot be used.
        """
        return backtest(self.predictions, self._prices(), **self._strategy(settings))

    def returns(self, **settings: Any) -> pd.Series:
        """Return the strategy's net simple returns by day, as quantstats and pyfolio take them.

        Parameters
        ----------
        **settings
            Of `tsdeep.evaluation.Strategy`, in place of the spec's.

        Returns
        -------
        pandas.Series
            float64, named as the model, index a DatetimeIndex without a time zone.
        """
        return self.backtest(**settings).returns(self.model)

    def to_backtrader(self, *, slippage_bps: float = 0.0, **settings: Any) -> Backtest:
        """Trade the predictions with Backtrader: see `tsdeep.evaluation.engines.run_backtrader`.

        Parameters
        ----------
        slippage_bps : float
            Basis points by which a fill is worse than its price.
        **settings
            Of `tsdeep.evaluation.Strategy`, in place of the spec's; `rebalance` is `"on_change"` where that is
            `"free"`.

        Returns
        -------
        Backtest
            As Backtrader had it; compare it with `backtest(rebalance="on_change", ...)`.

        Raises
        ------
        DataError
            If Backtrader is not installed or refuses an order.
        SpecError
            If the task is not `direction`, or Backtrader cannot do what a setting asks for.
        """
        chosen = self._strategy(settings, engine=True)
        return run_backtrader(self.predictions, self._prices(), slippage_bps=slippage_bps, **chosen)

    def to_zipline(
        self,
        folder: str | os.PathLike[str],
        *,
        python: str | os.PathLike[str],
        calendar: str = "XNYS",
        slippage_bps: float = 0.0,
        **settings: Any,
    ) -> Backtest:
        """Trade the predictions with Zipline, as a process: see `tsdeep.evaluation.engines.run_zipline`.

        Parameters
        ----------
        folder : path
            Where the bundle, its registration, the algorithm and what comes of them are written.
        python : path
            Of an environment with Zipline, as `python -m tsdeep.evaluation.engines.zipline_environment DIR` makes it.
        calendar : str
            The exchange's, by its name in `exchange_calendars`.
        slippage_bps : float
            Basis points by which a fill is worse than the close.
        **settings
            Of `tsdeep.evaluation.Strategy`, in place of the spec's; execution is `"next_close"`, and `rebalance`
            `"on_change"` where the spec's is `"free"`.

        Returns
        -------
        Backtest
            As Zipline had it; compare it with `backtest(execution="next_close", rebalance="on_change", ...)`.

        Raises
        ------
        DataError
            If the Python or its Zipline is missing, it fails, or rows are not the calendar's sessions.
        SpecError
            If the task is not `direction`, or Zipline cannot do what a setting asks for.
        """
        chosen = self._strategy({"execution": "next_close", **settings}, engine=True)
        return run_zipline(
            self.predictions,
            self._prices(),
            python=python,
            folder=folder,
            calendar=calendar,
            slippage_bps=slippage_bps,
            **chosen,
        )

    def _prices(self) -> pd.DataFrame:
        """Return the bars, of a task and data that can be traded so."""
        kind = self.samples.task.kind
        if kind != "direction":
            raise SpecError(f"task is {kind!r}, expected 'direction', whose probabilities become positions")
        prices = self.samples.prices()
        if prices is None:
            raise SpecError("the data has no field 'close', expected one to trade at")
        return prices

    def _strategy(self, settings: dict[str, Any], *, engine: bool = False) -> dict[str, Any]:
        """Return the spec's settings with others in place of them, that an engine can carry out if asked."""
        spec = self.samples.spec
        chosen = {} if spec is None else spec.backtest.model_dump()
        if engine and chosen.get("rebalance", "free") == "free":
            chosen["rebalance"] = "on_change"
        return chosen | settings
