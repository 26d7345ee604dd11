"""What a reader should know before believing an evaluation of movement."""

from __future__ import annotations

import pandas as pd

from tsdeep.evaluation.common_caveats import fitting_caveats, simulated_caveat
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.movement.bootstrap import LEAST_BLOCKS
from tsdeep.evaluation.movement.scores import calls_of

_FEW_SESSIONS = 20


def movement_caveats(
    evidence: Evidence, predictions: pd.DataFrame, effective: pd.DataFrame
) -> tuple[str, ...]:
    """List what qualifies an evaluation: how it was made, what was assumed, what looks odd.

    Parameters
    ----------
    evidence : Evidence
        What was evaluated.
    predictions : pandas.DataFrame
        The model's, checked and sorted.
    effective : pandas.DataFrame
        Index horizon: rows, non_overlapping_rows, block_rows, blocks, ...

    Returns
    -------
    tuple of str
        A sentence or two each.
    """
    said = simulated_caveat(evidence)
    for horizon, facts in effective.iterrows():
        said.append(
            f"Labels look {horizon} rows ahead and overlap: {facts['rows']:,.0f} rows hold about "
            f"{facts['non_overlapping_rows']:,.0f} labels that do not. Intervals are by blocks of "
            f"{facts['block_rows']:.0f} rows; scores of folds, classes of spread and times of day have none, and "
            "differ by chance."
        )
        if facts["blocks"] < LEAST_BLOCKS:
            said.append(
                f"At horizon {horizon} there are {facts['blocks']:.0f} blocks of rows, fewer than {LEAST_BLOCKS}: "
                "no error can be given."
            )
    sessions = predictions["session"].nunique()
    if sessions < _FEW_SESSIONS:
        days = f"{sessions} session{'' if sessions == 1 else 's'}"
        said.append(
            f"The test rows come from {days}: the intervals know how scores vary within "
            f"{'it' if sessions == 1 else 'them'}, not how days differ."
        )
    if predictions["symbol"].nunique() > 1:
        said.append(
            "Symbols move together, but blocks are drawn from each by itself: where they do, the intervals are "
            "too narrow."
        )
    said.append(
        "The label is a movement of the mid-price: no one trades at the mid, and a movement within the spread pays "
        "for no trade. A right call is no profit; "
        + (
            "no strategy was tested."
            if evidence.touch is None
            else "what the calls earn at the touch is under “Calls as trades”, for one contract that finds its "
            "counterpart and moves nothing."
        )
    )
    said += fitting_caveats(evidence, predictions, shown="errors")
    for horizon, rows in predictions.groupby("horizon"):
        called = calls_of(rows)
        if called.min() == called.max():
            word = ("down", "stationary", "up")[int(called[0])]
            said.append(
                f"At horizon {horizon} the model calls {word} on every row: its calls are a constant."
            )
    said.append(
        "Log-loss is the verdict's first measure because it sees the probabilities. Argmax calls depend on how "
        "rare a class is: prior-corrected calls divide by the class shares of the training rows."
    )
    return tuple(said)
