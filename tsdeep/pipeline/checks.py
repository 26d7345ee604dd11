"""What both ways of cutting samples refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import DataError, SpecError

if TYPE_CHECKING:
    from tsdeep.samples import Samples


def check_size(name: str, size: Any, *, least: int = 1) -> int:
    """Return a size as int; SpecError unless it is a whole number of at least `least`."""
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < least:
        raise SpecError(f"{name}: found {size!r}, expected a whole number of at least {least}")
    return int(size)


def check_shard(shard: Any, first_epoch: int, shuffle: bool, seed: int | None) -> None:
    """Refuse a worker that is not among its number, and orders that others or a resumed epoch could not agree on."""
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in shard)
    if len(shard) != 2 or not whole or not 0 <= shard[0] < shard[1]:
        raise SpecError(f"shard: found {shard!r}, expected (number of the worker from 0, how many there are)")
    if shuffle and seed is None and (shard[1] > 1 or first_epoch > 0):
        raise SpecError(
            "seed: found None, expected one where several workers, or a later epoch, must have the same order"
        )


def check_labels(samples: Samples, rows: np.ndarray) -> None:
    """Raise DataError if one of the rows `[rows]` has no label."""
    bare = rows[samples.label_end[rows] < 0]
    if len(bare):
        raise DataError(
            f"{samples.panel.place(bare[0])}: the row has no label; pass labels=False to predict it"
        )
    unknown = rows[np.isnan(samples.y[rows].reshape(len(rows), -1)).any(axis=1)]
    if len(unknown):
        raise DataError(
            f"{samples.panel.place(unknown[0])}: no label, because the symbol has no training row from which its "
            "thresholds could come"
        )


def checked_weight(weight: Any, n_rows: int, labels: bool) -> np.ndarray:
    """Return weights as float32 `[rows]`; DataError unless there is a finite one for each row."""
    if not labels:
        raise SpecError("sample_weight needs labels=True: a second element would be taken for the label")
    weight = np.asarray(weight, np.float32)
    if weight.shape != (n_rows,):
        raise DataError(
            f"sample_weight: found shape {list(weight.shape)}, expected [{n_rows}], one for each row"
        )
    if not np.isfinite(weight).all():
        place = int(np.argmax(~np.isfinite(weight)))
        raise DataError(f"sample_weight[{place}] is {weight[place]}, expected a finite number")
    return weight
