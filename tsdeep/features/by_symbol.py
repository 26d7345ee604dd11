"""A scaler for each instrument, where prices and sizes of instruments are not alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Self

import numpy as np

from tsdeep.errors import DataError, unknown_name
from tsdeep.features.scaling import Scaler


class ScalerBySymbol:
    """One scaler an instrument, each fitted on the training rows of its own instrument alone.

    Parameters
    ----------
    scalers : mapping of str to Scaler
        Symbol to its fitted scaler.

    Examples
    --------
    >>> import numpy as np
    >>> from tsdeep.features import StandardScaler
    >>> x, symbol = np.array([[1.0], [3.0], [10.0], [30.0]]), np.array(["A", "A", "B", "B"])
    >>> scaler = ScalerBySymbol.fit(StandardScaler, x, symbol)
    >>> scaler.transform(x, symbol)[:, 0].tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """

    def __init__(self, scalers: Mapping[str, Scaler]) -> None:
        self.scalers = dict(scalers)
        self.fitted_on_mirror = False

    @classmethod
    def fit(
        cls,
        make: Callable[[], Scaler],
        x: np.ndarray,
        symbol: np.ndarray,
        *,
        names: tuple[str, ...] | None = None,
        session: np.ndarray | None = None,
    ) -> Self:
        """Fit a scaler for each instrument.

        Parameters
        ----------
        make : callable
            Gives a new scaler.
        x : ndarray, [rows, channels]
            Training rows.
        symbol : ndarray of str, [rows]
            The instrument of each.
        names : tuple of str, optional
            Channel names for messages.
        session : ndarray of int64, [rows], optional
            Session number of each row, for scalers that tell sessions apart.
        """
        found = {}
        for each in dict.fromkeys(symbol.tolist()):
            own = symbol == each
            try:
                found[each] = make().fit(
                    x[own], names=names, session=None if session is None else session[own]
                )
            except DataError as error:
                raise DataError(f"symbol '{each}': {error}") from None
        return cls(found)

    @property
    def fitted(self) -> bool:
        """Whether every scaler is fitted."""
        return all(scaler.fitted for scaler in self.scalers.values())

    def of(self, symbol: str) -> Scaler:
        """Return the scaler of an instrument; DataError names those that were fitted."""
        if symbol not in self.scalers:
            raise DataError(unknown_name("symbol with a scaler", symbol, self.scalers))
        return self.scalers[symbol]

    def transform(self, x: np.ndarray, symbol: np.ndarray, session: np.ndarray | None = None) -> np.ndarray:
        """Scale rows `[rows, channels]`, each by the scaler of its instrument `[rows]`; float32.

        Rows of an instrument that has no scaler are NaN.
        """
        scaled = np.full(x.shape, np.nan, np.float32)
        for each in self.scalers:
            rows = symbol == each
            scaled[rows] = self.of(each).transform(x[rows], None if session is None else session[rows])
        return scaled
