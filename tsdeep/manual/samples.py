"""How a thing is named in a spec, with a value for each setting that must be given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SAMPLES: dict[str, Any] = {
    "assets": ["SPY", "TLT"],
    "columns": {
        "time": "time",
        "ask_price": "ask{level}",
        "ask_size": "ask_size{level}",
        "bid_price": "bid{level}",
        "bid_size": "bid_size{level}",
    },
    "field": "close",
    "lag": 1,
    "levels": 5,
    "of": {"kind": "log_return"},
    "path": "FOLDER",
    "reader": "fred",
    "rows": 20,
    "sign": "down",
    "symbols": ["SPY", "TLT"],
    "tick": 0.01,
}
"""A value for each argument without a default that tsdeep's own features and sources have."""

_OF_KIND: dict[str, dict[str, Any]] = {
    "bundled": {"symbols": ["sp500"]},
    "csv": {"path": "FOLDER"},
    "datareader": {"symbols": ["VIXCLS"]},
    "nasdaq": {"symbols": ["LBMA/GOLD"]},
    "parquet": {"path": "FOLDER"},
}


def sample_settings(kind: str, required: Iterable[str]) -> dict[str, Any] | None:
    """Return the mapping of a spec for a kind, with the settings that it must be given.

    Parameters
    ----------
    kind : str
        A registered name.
    required : iterable of str
        The arguments without a default.

    Returns
    -------
    dict or None
        None where no value is known for one of them, as may be for a kind of the user's own.

    Examples
    --------
    >>> sample_settings("lag", ["rows", "of"])
    {'kind': 'lag', 'rows': 20, 'of': {'kind': 'log_return'}}
    """
    own = _OF_KIND.get(kind, {})
    values = SAMPLES | own
    names = [*required, *own]
    if not set(names) <= set(values):
        return None
    return {"kind": kind, **{name: values[name] for name in names}}


def flow(value: Any) -> str:
    """Write a value as YAML in one line.

    Examples
    --------
    >>> flow({"kind": "lag", "rows": 1, "of": {"kind": "log_return"}})
    '{kind: lag, rows: 1, of: {kind: log_return}}'
    """
    import yaml

    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6).strip()
