"""Whether the losses of two runs differ, and which runs may be the best."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from tsdeep.evaluation.comparison.material import MethodLosses
from tsdeep.evaluation.significance import diebold_mariano, model_confidence_set
from tsdeep.evaluation.superiority import best_of_many
from tsdeep.evaluation.verdict import holm

SET_SIZE = 0.1


def pair_table(losses: Sequence[MethodLosses], models: Sequence[str]) -> pd.DataFrame:
    """Test the difference of the mean losses of every two models (Diebold and Mariano 1995, HAC).

    Parameters
    ----------
    losses : sequence of MethodLosses
        One or several losses.
    models : sequence of str
        Which of their columns are compared.

    Returns
    -------
    pandas.DataFrame
        Columns loss, first, second, estimate (mean loss of first minus second: negative where the first is better),
        low, high (95%), statistic, p_value, p_holm (adjusted for all pairs of all losses), observations. Not tested,
        and NaN, with fewer observations than `least`.
    """
    records = []
    for loss in losses:
        for first, second in combinations([model for model in models if model in loss.values], 2):
            one, two = loss.values[first], loss.values[second]
            record = {"loss": loss.name, "first": first, "second": second, "observations": len(one)}
            if len(one) >= loss.least:
                found = diebold_mariano(one, two, lags=min(loss.lags, len(one) - 1), fixed_b=loss.fixed_b)
                record |= {
                    key: getattr(found, key) for key in ("estimate", "low", "high", "statistic", "p_value")
                }
            records.append(record)
    columns = [
        "loss",
        "first",
        "second",
        "estimate",
        "low",
        "high",
        "statistic",
        "p_value",
        "p_holm",
        "observations",
    ]
    table = pd.DataFrame(records).reindex(columns=columns)
    adjusted = holm({str(key): float(p) for key, p in table["p_value"].items()})
    table["p_holm"] = [adjusted.get(str(key), np.nan) for key in table.index]
    return table


def set_table(
    losses: Sequence[MethodLosses], references: Sequence[str], *, draws: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return the model confidence set of each loss, see `model_confidence_set`.

    Parameters
    ----------
    losses : sequence of MethodLosses
        One or several losses.
    references : sequence of str
        Which of their columns are references; they take part as the models do.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        Columns loss, method, reference (bool), mean (loss), p_value, included (p_value above 0.1: the 90% set),
        block_rows; by loss, those that stay longest first. NaN and not included with fewer observations than `least`,
        or where a loss is not finite.
    """
    parts = []
    for loss in losses:
        p_values = pd.Series(np.nan, index=loss.values.columns)
        if len(loss.values) >= loss.least and len(p_values):
            p_values = model_confidence_set(loss.values, block_rows=loss.block_rows, draws=draws, seed=seed)
        part = pd.DataFrame(
            {
                "loss": loss.name,
                "method": p_values.index,
                "reference": [method in references for method in p_values.index],
                "mean": loss.values.mean().to_numpy(),
                "p_value": p_values.to_numpy(),
                "included": p_values.to_numpy() > SET_SIZE,
                "block_rows": loss.block_rows,
            }
        )
        parts.append(part.sort_values(["p_value", "mean"], ascending=[False, True], kind="stable"))
    return pd.concat(parts, ignore_index=True)


def best_table(
    losses: Sequence[MethodLosses],
    models: Sequence[str],
    references: Sequence[str],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Test whether the best of the models is better than a reference, having been chosen as the best of so many.

    Parameters
    ----------
    losses : sequence of MethodLosses
        One or several losses.
    models, references : sequence of str
        Which of their columns are which.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        A row a loss and reference that has it: columns loss, reference, best (the model with the lowest mean loss),
        models (how many take part), difference (mean loss of best minus the reference's), reality_check (White's
        p-value), spa (Hansen's, consistent; both one-sided, see `superiority`), p_holm (of `spa`, adjusted for all
        references of all losses), observations. Not tested, and NaN, with fewer observations than `least`, or where a
        loss is not finite.
    """
    records: list[dict[str, object]] = []
    for loss in losses:
        tried = [model for model in models if model in loss.values]
        for reference in [name for name in references if name in loss.values] if tried else ():
            table = loss.values[[reference, *tried]]
            record: dict[str, object] = {
                "loss": loss.name, "reference": reference, "models": len(tried), "observations": len(table)
            }  # fmt: skip
            if len(table) >= max(loss.least, 3) and np.isfinite(table.to_numpy(dtype=float)).all():
                found = best_of_many(table, reference, block_rows=loss.block_rows, draws=draws, seed=seed)
                record |= {key: found[key] for key in ("best", "difference", "reality_check", "spa")}
            records.append(record)
    columns = ["loss", "reference", "best", "models", "difference", "reality_check", "spa", "p_holm"]
    made = pd.DataFrame(records).reindex(columns=[*columns, "observations"])
    adjusted = holm({str(key): float(p) for key, p in made["spa"].items()})
    made["p_holm"] = [adjusted.get(str(key), np.nan) for key in made.index]
    return made
