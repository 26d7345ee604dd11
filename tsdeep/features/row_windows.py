"""Windows of rows: how a feature takes one or several, and how it sets them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import keras
from pydantic import Field

from tsdeep.arguments import Rows
from tsdeep.errors import SpecError

Windows = Rows | Annotated[tuple[Rows, ...], Field(min_length=1)]
"""Annotation of an argument that gives one window, or several, by their numbers of rows."""


def kept(rows: int | Sequence[int]) -> int | tuple[int, ...]:
    """Give windows as a feature keeps them: an integer, or a tuple of integers."""
    return rows if isinstance(rows, int) else tuple(rows)


def windows_of(rows: int | Sequence[int], kind: str) -> tuple[int, ...]:
    """Give windows as a tuple.

    Parameters
    ----------
    rows : int or sequence of int
        As given to a feature.
    kind : str
        The feature, for the message.

    Returns
    -------
    tuple of int
        One or more.

    Raises
    ------
    SpecError
        If a window is given twice.
    """
    windows = (rows,) if isinstance(rows, int) else tuple(rows)
    if len(set(windows)) < len(windows):
        raise SpecError(f"feature '{kind}': a number of rows is given more than once in {list(windows)}")
    return windows


def channels(parts: Sequence[Any]) -> Any:
    """Set windows side by side as channels: `[batch, rows]` each is a channel, `[batch, rows, n]` n channels."""
    parts = [part if len(part.shape) == 3 else keras.ops.expand_dims(part, -1) for part in parts]
    return parts[0] if len(parts) == 1 else keras.ops.concatenate(parts, axis=-1)
