"""At which latencies and fees a report replays the calls."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tsdeep.errors import SpecError


@dataclass(frozen=True)
class ReplayGrid:
    """The latencies and fees at which a report trades calls at the touch: each latency with no fee and with every fee.

    Parameters
    ----------
    latencies_rows : tuple of int
        Rows by which orders are late, rising.
    fees_ticks : tuple of float
        Ticks a side, rising, above zero; the replays without a fee come besides. 0.3 is about what US exchanges ask of
        who takes, at a tick of a cent.

    Raises
    ------
    SpecError
        If there is no latency, or a value is out of range or not above the one before it.

    Examples
    --------
    >>> ReplayGrid(latencies_rows=(0, 5, 20)).shown_latency_rows
    5
    """

    latencies_rows: tuple[int, ...] = (0, 1, 10)
    fees_ticks: tuple[float, ...] = (0.3, 1.0)

    def __post_init__(self) -> None:
        late, fees = self.latencies_rows, self.fees_ticks
        for name, given in (("latencies_rows", late), ("fees_ticks", fees)):
            if not isinstance(given, tuple):
                raise SpecError(f"replay: {name} is {given!r}, expected a tuple of numbers")
        whole = all(isinstance(value, int | np.integer) and not isinstance(value, bool) for value in late)
        if not (late and whole and late[0] >= 0 and _rises(late)):
            raise SpecError(
                f"replay: latencies_rows is {late!r}, expected rising whole numbers of rows, the first at least 0"
            )
        numbers = all(
            isinstance(value, int | float | np.number) and not isinstance(value, bool) and np.isfinite(value)
            for value in fees
        )
        if not (numbers and all(value > 0 for value in fees) and _rises(fees)):
            raise SpecError(
                f"replay: fees_ticks is {fees!r}, expected rising numbers of ticks above 0; no fee is among them anyway"
            )

    @property
    def shown_latency_rows(self) -> int:
        """The latency at which all methods are shown side by side: the first of at least one row, or the only one."""
        return next((late for late in self.latencies_rows if late > 0), self.latencies_rows[-1])


def _rises(values: tuple[float, ...]) -> bool:
    return all(one < two for one, two in pairwise(values))
