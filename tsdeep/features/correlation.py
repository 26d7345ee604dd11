"""Rolling correlations of the assets of a basket: matrix, average, first eigenvalue, and a row's own with all."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import keras
import numpy as np
from pydantic import Field

from tsdeep.errors import DataError, SpecError
from tsdeep.features.asset_one_hot import AssetName, distinct_assets
from tsdeep.features.base import Feature
from tsdeep.features.prices import log_change
from tsdeep.features.registry import register_feature
from tsdeep.features.rolling import rolling_covariance

Output = Literal["matrix", "average", "first_eigenvalue", "own"]

_CONSTANT = 1e-12
_SQUARINGS = 24


@register_feature("correlation")
class Correlation(Feature):
    """Pearson correlations of log returns from close to close over the last rows, across the assets of a basket.

    The outputs, in the order in which they are asked for:

    - `matrix`: every pair of assets, upper triangle row by row: `correlation_50_SPY_QQQ`;
    - `average`: the mean over all pairs, `correlation_50_average`;
    - `first_eigenvalue`: the largest eigenvalue of the matrix over the number of assets, which is the share of the
      variance of standardised returns that one factor explains, between 1 / assets and 1;
    - `own`: the return of the row's own `close` with that of the basket in equal weights, rebalanced each row:
      ln(1 + mean of the simple returns). The one output that differs between assets of the same date.

    A series is constant in a window if the standard deviation of its returns is 1e-12 or less, which is what the
    rounding of prices leaves; its correlation with every other is 0. NaN in any close that an output needs, as
    before an asset begins, gives NaN.

    Parameters
    ----------
    assets : sequence of str
        Assets of the basket, 2 or more, in the order of `basket_close`; a spec takes them from the data.
    rows : int
        Returns in the window, 3 or more (two points always lie on a line); rows + 1 closes are read.
    outputs : str or sequence of str
        One or more of `matrix`, `average`, `first_eigenvalue`, `own`. The matrix is 45 channels for ten assets.
    **kwargs : object
        See `Feature`.

    Raises
    ------
    SpecError
        If an asset or an output is named twice.

    Examples
    --------
    >>> Correlation(["SPY", "TLT", "GLD"], rows=20, outputs=["average", "matrix"]).names
    ('correlation_20_average', 'correlation_20_SPY_TLT', 'correlation_20_SPY_GLD', 'correlation_20_TLT_GLD')
    """

    def __init__(
        self,
        assets: Annotated[tuple[AssetName, ...], Field(min_length=2)],
        rows: Annotated[int, Field(strict=True, ge=3)] = 50,
        outputs: Output | Annotated[tuple[Output, ...], Field(min_length=1)] = (
            "average",
            "first_eigenvalue",
        ),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.assets = distinct_assets(assets, "correlation")
        self.rows = rows
        self.outputs = outputs if isinstance(outputs, str) else tuple(outputs)
        self._outputs = (outputs,) if isinstance(outputs, str) else tuple(outputs)
        if len(set(self._outputs)) < len(self._outputs):
            raise SpecError(
                f"feature 'correlation': an output is given more than once in {list(self._outputs)}"
            )
        self.fields = ("basket_close", "close") if "own" in self._outputs else ("basket_close",)
        self.positive_fields = self.fields
        self.warmup = rows
        ways: dict[str, tuple[str, ...]] = {name: (name,) for name in ("average", "first_eigenvalue", "own")}
        pairs = zip(*np.triu_indices(len(self.assets), 1), strict=True)
        ways["matrix"] = tuple(f"{self.assets[i]}_{self.assets[j]}" for i, j in pairs)
        self.names = tuple(f"correlation_{rows}_{way}" for name in self._outputs for way in ways[name])

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, channels]`."""
        ops, closes, n = keras.ops, fields["basket_close"], len(self.assets)
        if len(closes.shape) != 3 or closes.shape[2] not in (None, n):
            raise DataError(
                f"feature 'correlation': field 'basket_close' has shape {tuple(closes.shape)}; expected [batch, rows, "
                f"{n}], one for each of {', '.join(self.assets)}"
            )
        made: dict[str, Any] = {}
        if set(self._outputs) - {"own"}:
            matrix = _correlations(log_change(closes, 1), self.rows)  # [batch, rows - warmup, n, n]
            pairs_twice = ops.sum(matrix, axis=(-2, -1)) - n  # without the diagonal
            made["average"] = ops.expand_dims(pairs_twice / (n * (n - 1)), -1)
        if "matrix" in self._outputs:
            shape = ops.shape(matrix)
            upper = [int(i * n + j) for i, j in zip(*np.triu_indices(n, 1), strict=True)]
            made["matrix"] = ops.take(ops.reshape(matrix, (shape[0], shape[1], n * n)), upper, axis=-1)
        if "first_eigenvalue" in self._outputs:
            made["first_eigenvalue"] = ops.expand_dims(first_eigenvalue(matrix) / n, -1)
        if "own" in self._outputs:
            simple = (closes[:, 1:] - closes[:, :-1]) / closes[:, :-1]
            both = [log_change(fields["close"], 1), ops.log1p(ops.mean(simple, axis=-1))]
            made["own"] = _correlations(ops.stack(both, axis=-1), self.rows)[:, :, 0, 1:]
        return ops.concatenate([made[name] for name in self._outputs], axis=-1)


def _correlations(returns: Any, rows: int) -> Any:
    """Correlation matrix of every window, `[batch, length - rows + 1, channels, channels]`, 1 on the diagonal."""
    ops, n = keras.ops, returns.shape[-1]
    diagonal = np.eye(n, dtype=bool)
    covariance = rolling_covariance(returns, rows)
    variance = ops.sum(ops.where(diagonal, covariance, ops.zeros_like(covariance)), axis=-1)
    constant = variance <= _CONSTANT**2  # false for NaN, which stays
    inverse = 1.0 / ops.sqrt(ops.where(constant, ops.ones_like(variance), variance))
    inverse = ops.where(constant, ops.zeros_like(inverse), inverse)
    matrix = covariance * ops.expand_dims(inverse, -1) * ops.expand_dims(inverse, -2)
    return ops.where(diagonal, ops.ones_like(matrix), matrix)


def first_eigenvalue(matrix: Any) -> Any:
    """Largest eigenvalue of symmetric matrices without negative eigenvalues, by repeated squaring.

    The power method on a matrix instead of a vector: after k squarings, each divided by its trace, A^(2^k) is the
    projection on the eigenvectors of the largest eigenvalue, and the trace of its product with A is that
    eigenvalue. There is no start vector that could be orthogonal to it. Eigenvalues that nearly tie are averaged with
    weights (λ_i / λ_1)^(2^k), so that the error is at most λ_1 ln(channels) / 2^k whatever the spectrum; with 24
    squarings that is 1.4e-7 λ_1 for ten channels, and rounding alone is left where λ_1 and λ_2 differ by a part in a
    hundred thousand. Arithmetic alone, so it compiles with XLA and gives NaN for NaN, where TensorFlow's `eigh`
    stops the program.

    Parameters
    ----------
    matrix : tensor
        `[..., channels, channels]`, symmetric, positive semi-definite, not zero.

    Returns
    -------
    tensor
        `[...]`.
    """
    power = _by_trace(matrix)
    for _ in range(_SQUARINGS):
        power = _by_trace(keras.ops.matmul(power, power))
    return keras.ops.sum(power * matrix, axis=(-2, -1))  # trace of the product, both being symmetric


def _by_trace(matrix: Any) -> Any:
    """Divide matrices by their traces; the shape of `matrix`."""
    trace = keras.ops.sum(matrix * np.eye(matrix.shape[-1]), axis=(-2, -1), keepdims=True)
    return matrix / trace
