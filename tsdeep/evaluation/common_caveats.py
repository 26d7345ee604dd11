"""Sentences that every evaluation owes its reader: simulated data, settings tried, members, rows before the cutoff."""

from __future__ import annotations

import pandas as pd

from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.prediction_tables import distinct_rows
from tsdeep.evaluation.sharpe_odds import trial_number


def simulated_caveat(evidence: Evidence) -> list[str]:
    """Say so where a note on the data says that it is simulated."""
    if any("simulat" in note.lower() for note in evidence.notes):
        return ["The data is simulated: what is shown here says nothing about a real market."]
    return []


def fitting_caveats(
    evidence: Evidence,
    predictions: pd.DataFrame,
    *,
    shown: str = "p-values",
    use: str = "used it",
    members: str = "seeds",
) -> list[str]:
    """Say how many settings were tried and seeds averaged, and how many rows no one could have predicted so.

    Parameters
    ----------
    evidence : Evidence
        What was evaluated.
    predictions : pandas.DataFrame
        The model's, checked.
    shown : str
        What the report gives of the setting that is shown: "p-values", "errors".
    use : str
        What no one could have done with predictions of rows before the cutoff.
    members : str
        What predictions are the mean of: "seeds", or "members" where more than the seed differs.
    """
    said = []
    number = trial_number(evidence.variants, evidence.trials) or 1
    if evidence.variants is None and number == 1:
        said.append(
            "How many settings were tried before this one was not recorded. Every variant tried and dropped "
            "makes a good result likelier by luck."
        )
    elif number > 1:
        said.append(
            f"{number} settings were tried. The {shown} are those of the one that is shown: "
            "the best of several looks good by luck more often than they say."
        )
    if evidence.seeds > 1:
        said.append(f"Predictions are the mean of {evidence.seeds} {members}; their own scores are listed.")
    else:
        said.append("One seed: another one would give other numbers. Several show by how much.")
    rows = distinct_rows(predictions)
    early = int((~(rows["cutoff"] < rows["time"])).sum())
    if early:
        said.append(
            f"{early:,} of {len(rows):,} rows lie at or before the cutoff of the model that predicts them: "
            f"this is cross-validation, not walk-forward, and no one could have {use}."
        )
    return said
