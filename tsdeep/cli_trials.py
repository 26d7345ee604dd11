"""The command `tsdeep trials`: what was tried in a study."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tsdeep.errors import RunError

if TYPE_CHECKING:
    import pandas as pd


def add_trials(commands: Any) -> None:
    """Add `trials` to the command line.

    Parameters
    ----------
    commands : argparse's group of commands
        What `add_subparsers` returned.
    """
    trials = commands.add_parser("trials", help="list what was tried in a study, by finished runs")
    trials.add_argument("study", nargs="?", help="name of a spec; without it, studies are counted")
    trials.set_defaults(command=_trials)


def _trials(options: argparse.Namespace) -> None:
    from rich.console import Console

    from tsdeep.trials import VARIABLE, read_trials, trials_folder

    folder = trials_folder()
    if folder is None:
        raise RunError(f"the registry of trials is turned off by the environment variable {VARIABLE}")
    trials = read_trials(options.study)
    console = Console()
    if not console.is_terminal:  # a pipe has no width
        console = Console(width=140)
    of = "" if options.study is None else f" of {options.study}"
    counted = f"{len(trials) or 'no'} trial{'s' * (len(trials) != 1)}{of}"
    console.print(f"{folder}: {counted}", highlight=False, soft_wrap=True)
    if not len(trials):
        return
    console.print(_studies(trials) if options.study is None else _listed(trials), highlight=False)
    if options.study is not None and trials["sharpe"].notna().sum() > 1:
        console.print(
            f"Sharpe ratios a row vary by {trials['sharpe'].std():.4f} (standard deviation), the highest is "
            f"{trials['sharpe'].max():.4f}.",
            highlight=False,
        )


def _studies(trials: pd.DataFrame) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("study", "trials", "last finished (UTC)"):
        table.add_column(name, justify="right" if name == "trials" else "left", no_wrap=True)
    for study, rows in trials.groupby("study"):
        table.add_row(str(study), f"{len(rows):,}", f"{rows['finished'].max():%Y-%m-%d %H:%M}")
    return table


def _listed(trials: pd.DataFrame) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("finished (UTC)", "model", "Sharpe a row", "rows", "test rows", "settings", "run"):
        right = name in ("Sharpe a row", "rows")
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "run", overflow="fold")
    for _, trial in trials.iterrows():
        sharpe = "—" if trial["sharpe"] != trial["sharpe"] else f"{trial['sharpe']:+.4f}"
        table.add_row(
            f"{trial['finished']:%Y-%m-%d %H:%M}",
            trial["model"],
            sharpe,
            f"{trial['rows']:,}",
            f"{trial['first']:%Y-%m-%d} to {trial['last']:%Y-%m-%d}",
            trial["settings_sha256"][:8],
            trial["run"],
        )
    return table
