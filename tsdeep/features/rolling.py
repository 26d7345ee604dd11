"""Rolling reductions by doubling: exact in place, precise, and O(log rows) operations.

A window of n rows is put together from blocks of 1, 2, 4, ... rows by the binary digits of n. The value at
row t is the same sequence of operations on rows t - n + 1 to t wherever the segment starts, so it is
bit-identical in a whole segment and in a short cut of it, which a running sum is not; and nothing
accumulates over a long segment. All functions reduce axis 1 in "valid" mode: output row i covers input rows
i to i + n - 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

State = tuple[Any, ...]
Merge = Callable[[State, State, int, int], State]


def rolling_reduce(state: State, rows: int, merge: Merge) -> State:
    """Reduce every window of `rows` rows with an associative merge.

    Parameters
    ----------
    state : tuple of tensor
        The state of single rows, each `[batch, length, ...]`.
    rows : int
        Rows of a window, 1 or more.
    merge : callable
        `merge(older, newer, older_rows, newer_rows) -> state`: joins the states of two adjacent blocks,
        elementwise; the row counts are plain integers.

    Returns
    -------
    tuple of tensor
        The state of every window, each `[batch, length - rows + 1, ...]`; empty along axis 1 where length is
        below `rows`.
    """
    return _reduce_each(state, (rows,), merge)[0]


def rolling_reduce_each(state: State, rows: Sequence[int], merge: Merge) -> list[State]:
    """Reduce the windows of several lengths that end at the same rows, from the same blocks.

    Parameters
    ----------
    state : tuple of tensor
        The state of single rows, each `[batch, length, ...]`.
    rows : sequence of int
        Rows of a window, 1 or more, one or more lengths.
    merge : callable
        See `rolling_reduce`.

    Returns
    -------
    list of tuple of tensor
        For each length what `rolling_reduce` gives, bit for bit, at the rows where the longest window is whole:
        each `[batch, length - max(rows) + 1, ...]`.
    """
    longest = max(rows)
    states = _reduce_each(state, rows, merge)
    return [tuple(v[:, longest - n :] for v in values) for n, values in zip(rows, states, strict=True)]


def _reduce_each(state: State, rows: Sequence[int], merge: Merge) -> list[State]:
    """Reduce the windows of each length, `[batch, length - rows + 1, ...]`."""
    block, block_rows = state, 1  # entry i covers rows i to i + block_rows - 1
    results: list[State | None] = [None] * len(rows)  # entry i covers rows i to i + result_rows - 1
    while True:
        for place, window in enumerate(rows):
            if not window & block_rows:
                continue
            result, result_rows = results[place], window % block_rows
            if result is None:
                results[place] = block
            else:
                older = tuple(values[:, :-result_rows] for values in block)
                newer = tuple(values[:, block_rows:] for values in result)
                results[place] = merge(older, newer, block_rows, result_rows)
        if 2 * block_rows > max(rows):
            return [result for result in results if result is not None]
        older = tuple(values[:, :-block_rows] for values in block)
        newer = tuple(values[:, block_rows:] for values in block)
        block = merge(older, newer, block_rows, block_rows)
        block_rows *= 2


def rolling_sum(values: Any, rows: int) -> Any:
    """Sum every window of `rows` rows, pairwise.

    Parameters
    ----------
    values : tensor
        `[batch, length, ...]`.
    rows : int
        Rows of a window, 1 or more.

    Returns
    -------
    tensor
        `[batch, length - rows + 1, ...]`, in the dtype of `values`.
    """
    return rolling_reduce((values,), rows, _add)[0]


def rolling_sums(values: Any, rows: Sequence[int]) -> list[Any]:
    """Sum the windows of several lengths that end at the same rows, pairwise.

    Parameters
    ----------
    values : tensor
        `[batch, length, ...]`.
    rows : sequence of int
        Rows of a window, 1 or more, one or more lengths.

    Returns
    -------
    list of tensor
        One for each length, `[batch, length - max(rows) + 1, ...]`, in the dtype of `values`.
    """
    return [state[0] for state in rolling_reduce_each((values,), rows, _add)]


def _add(older: State, newer: State, *_: int) -> State:
    """Join the sums of two adjacent blocks."""
    return (older[0] + newer[0],)


def rolling_moments(values: Any, rows: int) -> tuple[Any, Any]:
    """Mean and population variance of every window of `rows` rows.

    Blocks are joined by the pairwise update of Chan, Golub and LeVeque (1983), "Algorithms for computing the
    sample variance", The American Statistician 37(3), with the mean kept as a distance from the block's first
    value, so that a high level of `values` costs the variance no precision. A constant window has variance 0
    exactly.

    Parameters
    ----------
    values : tensor
        `[batch, length, ...]`.
    rows : int
        Rows of a window, 1 or more.

    Returns
    -------
    mean : tensor
        `[batch, length - rows + 1, ...]`, in the dtype of `values`.
    variance : tensor
        The same shape; the mean squared distance from the mean (no degree of freedom taken off).
    """
    first, offset, squares = _block_moments(values, rows)
    return first + offset, squares / rows


def rolling_covariance(values: Any, rows: int) -> Any:
    """Give the population covariance of all channels with each other in every window of `rows` rows.

    By the same joining of blocks as `rolling_moments`, on products of distances from the means: no sums of raw
    products, whose difference would lose the precision. Symmetric bit for bit.

    Parameters
    ----------
    values : tensor
        `[batch, length, channels]`.
    rows : int
        Rows of a window, 1 or more.

    Returns
    -------
    tensor
        `[batch, length - rows + 1, channels, channels]`, in the dtype of `values`; variances on the diagonal, and
        0 exactly with a channel that is constant in the window.
    """
    return _block_moments(values, rows, product=_outer)[2] / rows


def rolling_z_score(values: Any, rows: int) -> Any:
    """Distance of each row from the mean of its window, in the window's standard deviations.

    Parameters
    ----------
    values : tensor
        `[batch, length, ...]`.
    rows : int
        Rows of a window, the current row included, 1 or more.

    Returns
    -------
    tensor
        `[batch, length - rows + 1, ...]`: (last value - mean) / population standard deviation; 0 where the
        window is constant, because there the value equals its mean exactly.
    """
    first, offset, squares = _block_moments(values, rows)
    distance = (values[:, rows - 1 :] - first) - offset
    varies = squares > 0
    deviation = keras.ops.sqrt(keras.ops.where(varies, squares, keras.ops.ones_like(squares)) / rows)
    return keras.ops.where(varies, distance / deviation, keras.ops.zeros_like(distance))


def _square(distance: Any) -> Any:
    """Product of each channel with itself, the shape of `distance`."""
    return distance * distance


def _outer(distance: Any) -> Any:
    """Products of all channels with each other, `[batch, length, channels, channels]`."""
    return keras.ops.expand_dims(distance, -1) * keras.ops.expand_dims(distance, -2)


def _block_moments(values: Any, rows: int, product: Callable[[Any], Any] = _square) -> State:
    """First value of every window, mean less first value, and summed products of distances from the mean."""

    def merge(older: State, newer: State, older_rows: int, newer_rows: int) -> State:
        first, older_offset, older_products = older
        newer_first, newer_offset, newer_products = newer
        total = older_rows + newer_rows
        delta = (newer_first - first) + (newer_offset - older_offset)  # newer mean less older mean
        offset = older_offset + delta * (newer_rows / total)
        joined = older_products + newer_products + product(delta) * (older_rows * newer_rows / total)
        return first, offset, joined

    zeros = keras.ops.zeros_like(values)
    return rolling_reduce((values, zeros, product(zeros)), rows, merge)
