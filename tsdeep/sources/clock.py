"""Clock readings of an exchange's zone, as UTC."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tsdeep.errors import DataError


def known_zone(name: str) -> str:
    """Return the name of a time zone; ValueError if there is none of the name."""
    try:
        pd.Timestamp("2000-01-01").tz_localize(name)
    except (
        KeyError,
        ValueError,
        OSError,
        TypeError,
    ):  # by what is wrong, and by the library that reads zones
        raise ValueError(f"found {name!r}, expected a time zone such as 'America/New_York'") from None
    return name


def local_to_utc(local: np.ndarray, zone: str, where: str) -> np.ndarray:
    """Turn clock readings of a zone, datetime64[ns] `[rows]`, into UTC; DataError names one that is not clear."""
    try:
        utc = pd.DatetimeIndex(local).tz_localize(zone).tz_convert("UTC").tz_localize(None)
    except ValueError as error:  # also what pytz and zoneinfo raise for a reading that is skipped or repeated
        raise DataError(f"{where}: a time is not clear in {zone}: {error}") from None
    return utc.to_numpy("datetime64[ns]")


def local_dates(utc: np.ndarray, zone: str) -> np.ndarray:
    """Return the dates that a zone has at times of UTC, datetime64[ns] `[rows]`, as datetime64[D] `[rows]`."""
    local = pd.DatetimeIndex(utc).tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return local.to_numpy().astype("datetime64[D]")
