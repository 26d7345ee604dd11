"""Where a stock and a day begin in the files of FI-2010, which have no column that says it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tsdeep.errors import DataError
from tsdeep.sources.fi2010_files import LABEL_ROWS, Name, Place, read_rows

STOCKS = 5
DAYS = 10

PUBLISHED = (39_512, 38_397, 28_535, 37_023, 34_785, 39_152, 37_346, 55_478, 52_172, 31_937)
"""Columns of each day without auctions: of the training file of fold 1, and of the test files of folds 1 to 9."""

_ASK, _BID = 0, 2
_ISOLATED = 5.0


def day_file(day: int, auction: bool, normalisation: str) -> Name:
    """Name the file that holds one day, 1 to 10, and nothing else."""
    if day == 1:
        return Name("Train", auction, normalisation, 1)
    return Name("Test", auction, normalisation, day - 1)


class Blocks:
    """The rows of each stock in each day, found in the files that hold one day alone.

    Such a file has five stocks one after another, of quite different prices: four steps of the best ask and
    bid, at the same columns, stand out, each at least five times every other step of the file. They are
    looked for in the decimal-precision files where these are there, as their prices are neither shifted nor
    scaled, else in those of the normalisation that is read. A training file of several days has the first
    stock's days in order, then the second stock's; its lengths must add up to those of the day files and
    its labels, all five, be theirs, block by block.

    Parameters
    ----------
    files : mapping of Name to Place
        All files.
    auction : bool
        Whether those with auction periods are read.
    normalisation : str
        The normalisation that is read.

    Raises
    ------
    DataError
        By the methods, if a file that tells a boundary is missing, or does not tell it beyond doubt.
    """

    def __init__(self, files: Mapping[Name, Place], auction: bool, normalisation: str) -> None:
        self._files, self._auction, self._normalisation = files, auction, normalisation
        self._days: dict[int, tuple[list[int], np.ndarray]] = {}

    def of_day(self, day: int) -> list[int]:
        """Return the rows of each stock in a day, in the order of the file."""
        return self._day(day)[0]

    def of_training(self, fold: int, labels: np.ndarray) -> list[list[int]]:
        """Return the rows of each day, 1 to `fold`, of each stock in a training file.

        Parameters
        ----------
        fold : int
            Of the training file.
        labels : ndarray of float64, [5, columns]
            Its labels.

        Returns
        -------
        list of list of int
            For each stock the rows of each day.
        """
        days = range(1, fold + 1)
        lengths = [[self.of_day(day)[stock] for day in days] for stock in range(STOCKS)]
        name = Name("Train", self._auction, self._normalisation, fold)
        total = sum(map(sum, lengths))
        if total != labels.shape[1]:
            raise DataError(
                f"{name} has {labels.shape[1]} columns and its {fold} days, by themselves, {total}: expected the same"
            )
        start = 0
        for stock in range(STOCKS):
            for day in days:
                stop = start + lengths[stock][day - 1]
                first = sum(self.of_day(day)[:stock])
                if not np.array_equal(
                    labels[:, start:stop], self._day(day)[1][:, first : first + stop - start]
                ):
                    raise DataError(
                        f"{name}: columns {start + 1} to {stop} should be stock {stock + 1} on day {day}, and their "
                        f"labels are not those of {self._place(day)}; where stocks and days begin is not known"
                    )
                start = stop
        return lengths

    def _place(self, day: int) -> Place:
        names = [day_file(day, self._auction, kind) for kind in ("DecPre", self._normalisation)]
        for name in names:
            if name in self._files:
                return self._files[name]
        raise DataError(
            f"{names[-1]} is not there: where the stocks begin on day {day} is told by that file alone, or by "
            f"{names[0]}. Put it beside the others; fidelity: paper needs no boundaries"
        )

    def _day(self, day: int) -> tuple[list[int], np.ndarray]:
        if day not in self._days:
            place = self._place(day)
            values = read_rows(place, (_ASK, _BID, *LABEL_ROWS))
            self._days[day] = stock_lengths(values[0], values[1], str(place)), values[2:]
        return self._days[day]


def stock_lengths(ask: np.ndarray, bid: np.ndarray, where: str) -> list[int]:
    """Cut one day into its five stocks by the steps of the best prices.

    Parameters
    ----------
    ask, bid : ndarray of float64, [columns]
        Best prices, shifted and scaled in whatever way.
    where : str
        The file, for the message.

    Returns
    -------
    list of int
        Columns of each stock.

    Raises
    ------
    DataError
        If no four steps stand out, or not the same in ask and bid.

    Examples
    --------
    >>> prices = np.repeat([27.0, 13.0, 17.0, 12.0, 35.0], [3, 2, 4, 3, 5])
    >>> stock_lengths(prices, prices - 0.01, "a file")
    [3, 2, 4, 3, 5]
    """
    cuts = []
    for name, price in (("ask", ask), ("bid", bid)):
        steps = np.abs(np.diff(price))
        order = np.argsort(-steps, kind="stable")
        if len(steps) < STOCKS or steps[order[STOCKS - 2]] < _ISOLATED * steps[order[STOCKS - 1]]:
            largest = ", ".join(f"{step:.6g}" for step in steps[order[:STOCKS]])
            raise DataError(
                f"{where}: found no four steps of the best {name} that stand out (the largest are {largest}), so "
                "where a stock begins is not known. The DecPre files beside these tell it; fidelity: paper needs "
                "no boundaries"
            )
        cuts.append(np.sort(order[: STOCKS - 1] + 1))
    if not np.array_equal(cuts[0], cuts[1]):
        raise DataError(
            f"{where}: the best ask steps at columns {(cuts[0] + 1).tolist()}, the best bid at "
            f"{(cuts[1] + 1).tolist()}; expected the same, so where a stock begins is not known"
        )
    return np.diff([0, *cuts[0].tolist(), len(ask)]).tolist()
