"""Names of a provider's columns, as fields."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tsdeep.errors import DataError


def field_names(columns: Iterable[Any], where: str) -> list[str]:
    """Name columns as fields: in lower case, with an underscore where there is no letter or digit.

    Parameters
    ----------
    columns : iterable of str
        As the provider names them.
    where : str
        What the message calls the data.

    Returns
    -------
    list of str

    Raises
    ------
    DataError
        If a name has no letter or digit, or two become the same field.

    Examples
    --------
    >>> field_names(["Mkt-RF", "USD (PM)"], "here")
    ['mkt_rf', 'usd_pm']
    """
    columns = [str(column) for column in columns]
    fields = [re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_") for column in columns]
    for column, field in zip(columns, fields, strict=True):
        if not field:
            raise DataError(f"{where}: found a column {column!r}, expected a name with letters or digits")
        if fields.count(field) > 1:
            same = [name for name, as_field in zip(columns, fields, strict=True) if as_field == field]
            raise DataError(f"{where}: the columns {', '.join(map(repr, same))} are all the field '{field}'")
    return fields
