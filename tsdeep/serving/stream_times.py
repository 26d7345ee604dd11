"""Times that a stream is given: timestamps without a zone, or seconds since 1970."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tsdeep.errors import DataError

#: The last second that datetime64[ns] holds.
LAST_SECOND = np.iinfo(np.int64).max // 1_000_000_000


def nanoseconds(given: Any) -> np.ndarray:
    """Return times as nanoseconds since 1970, int64.

    Parameters
    ----------
    given : object
        A time or an array of times: datetimes, text of dates, or numbers, which are seconds since 1970 as in the raw
        field `time`.

    Raises
    ------
    DataError
        If they are none, have a zone, or are numbers beyond the years that nanoseconds hold, as milliseconds are.
    """
    try:
        found = np.asarray(given)
        if found.dtype.kind in "fiu":
            whole = np.floor(_plausible(found, given))
            return whole.astype(np.int64) * 1_000_000_000 + np.rint((found - whole) * 1e9).astype(np.int64)
        if found.dtype.kind == "b":
            raise TypeError
        # Timestamp is much the quicker of the two.
        times: Any = pd.Timestamp(given) if found.ndim == 0 else pd.DatetimeIndex(np.ravel(given))
        if np.any(pd.isna(times)):
            raise ValueError
        times = times.as_unit("ns")
    except DataError:
        raise
    except (TypeError, ValueError):
        raise DataError(f"field 'time': found {given!r}, expected a time") from None
    if times.tz is not None:
        raise DataError(
            f"field 'time': found the zone {times.tz}, expected session dates or UTC without a zone "
            "(tz_localize(None) drops it)"
        )
    return np.asarray(times.to_numpy()).astype(np.int64).reshape(found.shape)


def seconds(given: Any) -> np.ndarray:
    """Return times as seconds since 1970, float64, as `Panel.seconds` gives them; DataError as of `nanoseconds`."""
    found = np.asarray(given)
    if found.dtype.kind in "fiu":
        return _plausible(found, given).astype(np.float64)
    whole, part = np.divmod(nanoseconds(given), 1_000_000_000)
    return np.asarray(whole.astype(np.float64) + part / 1e9)


def _plausible(found: np.ndarray, given: Any) -> np.ndarray:
    if not (np.abs(found.astype(np.float64)) < LAST_SECOND).all():  # NaN is not either
        raise DataError(
            f"field 'time': found {given!r}, expected timestamps, or seconds since 1970 (of the years 1678 to 2261)"
        )
    return found
