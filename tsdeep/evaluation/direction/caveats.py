"""What a reader should know before believing an evaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tsdeep.evaluation.backtest import Backtest
from tsdeep.evaluation.common_caveats import fitting_caveats
from tsdeep.evaluation.direction.metrics import predicted_class
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.opens import open_warning


def caveats(evidence: Evidence, predictions: pd.DataFrame, traded: Backtest) -> tuple[str, ...]:
    """List what qualifies an evaluation: how it was made, what was assumed, what looks odd.

    Parameters
    ----------
    evidence : Evidence
        What was evaluated.
    predictions : pandas.DataFrame
        The model's, checked and sorted.
    traded : Backtest
        The model's strategy.

    Returns
    -------
    tuple of str
        A sentence or two each.
    """
    y, called = predictions["y"].to_numpy(), predicted_class(predictions["up"].to_numpy())
    said = fitting_caveats(evidence, predictions, use="traded it")
    if evidence.execution == "close":
        said.append(
            "Orders fill at the very close that decides them: a real order is sent before it, or fills "
            "later. The table of executions shows what later fills earn."
        )
    warning = open_warning(evidence.prices)
    if warning:
        said.append(warning)
    if called.min() == called.max():
        word = "up" if called[0] else "down"
        said.append(f"The model calls {word} on every row: as a classifier it is a constant.")
    if traded.ruined is not None:
        said.append(f"The strategy lost all of its equity by {traded.ruined:%Y-%m-%d}, and traded no more.")
    if traded.undecided:
        said.append(f"{traded.undecided} rows between the first and last prediction have none: flat there.")
    if evidence.horizon_rows > 1:
        said.append(
            f"Labels look {evidence.horizon_rows} rows ahead and overlap: rows are not independent. The "
            "Pesaran-Timmermann test and the interval of the accuracy are therefore not given, and the bands "
            "in the figures are too narrow. Positions are decided anew at every row."
        )
    if predictions["symbol"].nunique() > 1:
        said.append(
            "Symbols move together: their rows are not independent. The Pesaran-Timmermann test and the "
            "interval of the accuracy are therefore not given, and the bands in the figures are too narrow. "
            "Diebold-Mariano averages the symbols of each time first."
        )
    if np.mean(called == y) > 0.56 and len(y) >= 1000:
        said.append(
            f"An accuracy of {np.mean(called == y):.1%} over {len(y):,} rows is more than daily prices are "
            "known to give away: look for a leak before believing it (tsdeep.audit)."
        )
    free = "" if traded.strategy.borrow_bps else "borrow fees, "
    said.append(f"Past test rows only; no {free}dividends, taxes or market impact are counted.")
    return tuple(said)
