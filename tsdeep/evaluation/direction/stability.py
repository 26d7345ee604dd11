"""Is it there in every fold, and with every seed? Losses and Sharpe ratios, fold by fold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tsdeep.evaluation.backtest import Backtest
from tsdeep.evaluation.direction.metrics import log_losses
from tsdeep.evaluation.prediction_tables import seed_numbers
from tsdeep.evaluation.significance import diebold_mariano, sharpe_ratio


def fold_stability(
    predictions: pd.DataFrame, base: pd.DataFrame | None, traded: Backtest, *, horizon_rows: int = 1
) -> pd.DataFrame:
    """Measure each fold by itself.

    Parameters
    ----------
    predictions : pandas.DataFrame
        The model's, as `check_predictions` returns them.
    base : pandas.DataFrame or None
        The base rate's, on the same rows; None: losses are not compared.
    traded : Backtest
        The model's strategy.
    horizon_rows : int
        Rows ahead that labels look.

    Returns
    -------
    pandas.DataFrame
        Index fold; first, last (times), rows; loss_difference (mean log-loss minus the base rate's, nats: negative
        where the model is better), low, high (95%, HAC; NaN where not defined), loss_difference_seed<k> where there
        are several seeds; sharpe (a year, after costs) and buy_and_hold of the rows that positions decided
        in the fold earn.
    """
    seeds = seed_numbers(predictions, "up")
    decided = predictions.drop_duplicates("time").set_index("time")["fold"]
    begins = pd.DatetimeIndex([predictions["time"].min(), *traded.days.index[:-1]])
    fold_of_day = decided.reindex(begins).ffill().to_numpy()
    records = {}
    for fold, rows in predictions.groupby("fold", sort=True):
        record = {"first": rows["time"].min(), "last": rows["time"].max(), "rows": len(rows)}
        if base is not None:
            reference = _losses(rows["time"], base.loc[rows.index, "y"], base.loc[rows.index, "up"])
            own = _losses(rows["time"], rows["y"], rows["up"])
            found = diebold_mariano(own, reference, horizon_rows=horizon_rows)
            record |= {"loss_difference": found.estimate, "low": found.low, "high": found.high}
            for seed in seeds if len(seeds) > 1 else ():
                losses = _losses(rows["time"], rows["y"], rows[f"up_seed{seed}"])
                record[f"loss_difference_seed{seed}"] = float((losses - reference).mean())
        days = traded.days[fold_of_day == fold]
        for name, column in (("sharpe", "net"), ("buy_and_hold", "benchmark")):
            few = len(days) < 2
            record[name] = (
                np.nan if few else float(sharpe_ratio(days[column].to_numpy(), traded.periods_per_year))
            )
        records[fold] = record
    table = pd.DataFrame.from_dict(records, orient="index")
    table.index.name = "fold"
    return table


def _losses(time: pd.Series, y: pd.Series, up: pd.Series) -> np.ndarray:
    """Return log-losses averaged over the symbols of each time."""
    return pd.Series(log_losses(y.to_numpy(), up.to_numpy())).groupby(time.to_numpy()).mean().to_numpy()
