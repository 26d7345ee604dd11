"""Dates in settings: whole days, as YAML or Python give them."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def _date(value: Any) -> str | None:
    """Take a whole date, as YAML or Python give it; never a number or a time of day."""
    if isinstance(value, datetime.datetime) and value.time() == datetime.time() and value.tzinfo is None:
        value = value.date()
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    try:
        return None if value is None else datetime.date.fromisoformat(value).isoformat()
    except (ValueError, TypeError):
        raise ValueError(f"found {str(value)!r}, expected a date such as 1999-01-04") from None


Date = Annotated[str | None, BeforeValidator(_date), Field(json_schema_extra={"format": "date"})]
"""Annotation of a date as text, 1999-01-04, or None."""
