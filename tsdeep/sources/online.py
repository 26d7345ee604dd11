"""The base of sources that are fetched over the network: a request, its answer in the cache, and what is checked."""

from __future__ import annotations

from abc import abstractmethod

import pandas as pd

from tsdeep.dates import Date
from tsdeep.sources.base import OneOrMore, Source


class OnlineSource(Source):
    """Bars or series that a provider serves. A subclass asks for them in `fetch`.

    The settings are the request: what was fetched for equal settings is read from the cache from then on, so that a
    study runs again offline on the same bytes. `tsdeep data fetch` asks anew.

    Parameters
    ----------
    symbols : list of str
        Which, in this order.
    start, end : str, optional
        First and last date to ask for, both included; by default all that the provider has.
    calendar : str, optional
        Exchange whose sessions daily bars must have, such as `XNYS`: a session without a bar is a hole, and refused.
    """

    symbols: OneOrMore[str]
    start: Date = None
    end: Date = None
    calendar: str | None = None

    @abstractmethod
    def fetch(self) -> pd.DataFrame:
        """Ask the provider, without the cache.

        Returns
        -------
        DataFrame
            Canonical, as of `Source`: `time`, `symbol`, fields; symbols in the order asked for.

        Raises
        ------
        DataError
            If it cannot be had; the message says what to do.
        """

    @property
    @abstractmethod
    def statement(self) -> str:
        """Say in a sentence what the values are: how prices are adjusted, in which unit a series is."""
