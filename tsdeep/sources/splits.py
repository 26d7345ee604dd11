"""Splits in prices that are not adjusted for them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tsdeep.errors import DataError
from tsdeep.tables import stamp

RATIOS = (1.5, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)
"""New shares for an old one, as they are usual; and old ones for a new one."""
NEAR = 0.02
"""How near a price ratio must be to a usual one below four, as a fraction: news moves prices as far at times."""
NEAR_FROM_FOUR = 0.1
"""The same from four on, where no other move is as large, and a day's own adds to the split."""


def refuse_splits(table: pd.DataFrame, setting: str) -> None:
    """Refuse unadjusted prices that a split goes through: a return across it is none.

    Parameters
    ----------
    table : DataFrame
        Canonical bars: `time`, `symbol`, `close`, and `open` where there is one. Each bar's first price is
        compared with the close before it.
    setting : str
        What the user can set to have adjusted prices: `adjustment: all`.

    Raises
    ------
    DataError
        With symbol, time and ratio of the first, and how many there are.
    """
    same = table["symbol"].to_numpy()[1:] == table["symbol"].to_numpy()[:-1]
    close = table["close"].to_numpy(np.float64)
    first = table["open" if "open" in table else "close"].to_numpy(np.float64)
    ratio = close[:-1] / first[1:]
    distance = np.abs(np.maximum(ratio, 1 / ratio)[:, None] / np.array(RATIOS) - 1)  # [rows - 1, ratios]
    near = distance <= np.where(np.array(RATIOS) < 4, NEAR, NEAR_FROM_FOUR)
    split = near.any(axis=1) & same
    if not split.any():
        return
    row = int(np.argmax(split))
    usual = RATIOS[int(np.argmin(np.where(near[row], distance[row], np.inf)))]
    shares = "3:2" if usual == 1.5 else f"{usual:g}:1"
    kind = (
        f"a {shares} split" if ratio[row] > 1 else f"a reverse split of {':'.join(shares.split(':')[::-1])}"
    )
    more = f" ({int(split.sum())} such rows)" if split.sum() > 1 else ""
    raise DataError(
        f"symbol '{table['symbol'].iloc[row + 1]}', {stamp(table['time'].iloc[row + 1])}: the price goes from "
        f"{close[row]:g} to {first[row + 1]:g}, a ratio of {ratio[row]:.3f}, as by {kind}{more}; these prices are not "
        f"adjusted for splits, set {setting}"
    )
