"""What a reader should know before believing an evaluation of movement."""

from __future__ import annotations

import pandas as pd

from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.movement.bootstrap import LEAST_BLOCKS
from tsdeep.evaluation.movement.scores import calls_of
from tsdeep.evaluation.prediction_tables import distinct_rows

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
    said = []
    if any("simulat" in note.lower() for note in evidence.notes):
        said.append("The data is simulated: what is shown here says nothing about a real market.")
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
        "for no trade. A right call is no profit; no strategy was tested."
    )
    if evidence.variants is None:
        said.append(
            "How many settings were tried before this one was not recorded. Every variant tried and dropped "
            "makes a good result likelier by luck."
        )
    elif evidence.variants > 1:
        said.append(
            f"{evidence.variants} settings were tried. The errors are those of the one that is shown: "
            "the best of several looks good by luck more often than they say."
        )
    if evidence.seeds > 1:
        said.append(f"Predictions are the mean of {evidence.seeds} seeds; the seeds' own scores are listed.")
    else:
        said.append("One seed: another one would give other numbers. Several show by how much.")
    distinct = distinct_rows(predictions)
    early = int((~(distinct["cutoff"] < distinct["time"])).sum())
    if early:
        said.append(
            f"{early:,} of {len(distinct):,} rows lie at or before the cutoff of the model that predicts them: "
            "this is cross-validation, not walk-forward, and no one could have used it."
        )
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
