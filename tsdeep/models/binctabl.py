"""BiN-C(TABL): bilinear normalisation before C(TABL).

Choose it over `ctabl` where the level of prices and sizes moves between training and test: it standardises each
window by itself. In LOBCAST's comparison of fifteen models on newer data (Prata et al. 2024) it is among the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tsdeep.layers import BilinearNormalization
from tsdeep.models.ctabl import ctabl
from tsdeep.models.registry import register_model


@register_model("binctabl")
def binctabl(
    inputs: Any,
    *,
    units: Sequence[int] = (60, 120),
    rows: Sequence[int] = (10, 5),
    dropout: float = 0.1,
    max_norm: float | None = 10.0,
    unbiased: bool = False,
    scale_initializer: str = "ones",
    logits: int = 3,
) -> Any:
    """Build C(TABL) on bilinearly normalised windows (Tran, Kanniainen, Gabbouj & Iosifidis 2021).

    It has 11,446 parameters on 10 rows of 40 channels with three classes. LOBCAST's port replaces the weights of
    the two normalisations by new ones, unknown to the optimizer, when they fall below 0; here they are held
    at 0 by a constraint.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window; 10 rows in the paper.
    units : sequence of int, default (60, 120)
        Channels of each bilinear layer.
    rows : sequence of int, default (10, 5)
        Rows that each bilinear layer leaves.
    dropout : float, default 0.1
        Fraction dropped after each bilinear layer, in training.
    max_norm : float, optional, default 10.0
        Bound on the norm of each column of the matrices; public ports differ in bound and axis.
    logits : int, default 3
        Logits of the task; the builder sets it.
    unbiased : bool, default False
        Divide squares by the number of values less one, as the public ports do.
    scale_initializer : str, default "ones"
        Of the normalisation's scales; `"glorot_normal"` in the public ports.

    Returns
    -------
    KerasTensor, [batch, logits]
        The logits.

    References
    ----------
    Tran, Kanniainen, Gabbouj and Iosifidis (2021), "Data normalization for bilinear structures in high-frequency
    financial time-series", International Conference on Pattern Recognition 2020, arXiv:2003.00598.
    """
    hidden = BilinearNormalization(unbiased=unbiased, scale_initializer=scale_initializer, name="bin")(inputs)
    return ctabl(hidden, units=units, rows=rows, dropout=dropout, max_norm=max_norm, logits=logits)
