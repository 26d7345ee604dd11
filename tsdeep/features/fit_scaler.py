"""From the settings of a spec and training rows to a fitted scaler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tsdeep.features.by_symbol import ScalerBySymbol
from tsdeep.features.scaler_registry import make_scaler


def fit_scaler(
    settings: Mapping[str, Any] | None,
    x: np.ndarray,
    symbol: np.ndarray,
    session: np.ndarray,
    names: tuple[str, ...],
    mirror: tuple[np.ndarray, np.ndarray] | None = None,
) -> Any:
    """Fit a scaler on training rows.

    Parameters
    ----------
    settings : mapping, optional
        `kind` and its settings, and `by_symbol: true` for one an instrument; by default the standard scaler over all.
    x : ndarray of float32, [rows, channels]
        Features of the training rows.
    symbol : ndarray of str, [rows]
        Instruments.
    session : ndarray of int64, [rows]
        Session numbers, ascending in time.
    names : tuple of str
        Channels.
    mirror : tuple of ndarray, optional
        As `FeatureBank.mirror`: fit on the rows and their mirror images.

    Returns
    -------
    Scaler or ScalerBySymbol
    """
    asked = {"kind": "standard", **(settings or {})}
    by_symbol = asked.pop("by_symbol", False)
    if mirror is not None:
        index, sign = mirror
        x = np.concatenate([x, x[:, index] * sign])
        symbol, session = np.concatenate([symbol, symbol]), np.concatenate([session, session])
    known: dict[str, Any] = {"names": names, "session": session}
    scaler = (
        ScalerBySymbol.fit(lambda: make_scaler(asked), x, symbol, **known)
        if by_symbol
        else make_scaler(asked).fit(x, **known)
    )
    scaler.fitted_on_mirror = mirror is not None
    return scaler
