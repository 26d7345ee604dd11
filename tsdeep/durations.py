"""Lengths of time in settings: a number with its unit, as pandas reads it."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd
from pydantic import BeforeValidator


def _duration(value: Any) -> str:
    try:
        unitless = not isinstance(value, str) or value.strip().replace(".", "").isdigit()
        length = None if unitless else pd.Timedelta(value)
    except ValueError:
        length = None
    if length is None or pd.isna(length) or length < pd.Timedelta(0):
        raise ValueError(f"found {value!r}, expected a time with its unit, such as '10min' or '30s'")
    return value


Duration = Annotated[str, BeforeValidator(_duration)]
"""Annotation of a length of time with its unit, such as `10min`, `16h15min` or `45D`; zero or more."""
