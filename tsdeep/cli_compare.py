"""`tsdeep compare`: several finished runs of one study on one page, and in the terminal."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tsdeep

if TYPE_CHECKING:
    from tsdeep.evaluation.comparison import Comparison


def add_compare(commands: Any) -> None:
    """Add the command to the parser's."""
    compare = commands.add_parser("compare", help="put finished runs of one study side by side")
    compare.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a finished run")
    compare.add_argument(
        "--out", type=Path, metavar="FILE", default=Path("compare.html"), help="page to write (compare.html)"
    )
    compare.set_defaults(command=_compare)


def _compare(options: argparse.Namespace) -> None:
    comparison = tsdeep.compare(options.runs)
    print_comparison(comparison)
    print(f"\n{comparison.report(options.out)}")


def print_comparison(comparison: Comparison) -> None:
    """Print scores, tests of the pairs, the model confidence set and the sentences."""
    from rich.console import Console

    from tsdeep.evaluation.comparison.report import (
        best_rows,
        curve_table,
        member_rows,
        pair_rows,
        score_tables,
    )

    console = Console()
    if not console.is_terminal:  # a pipe has no width
        console = Console(width=140)
    for heading, table in score_tables(comparison):
        console.print(_table(table, f"scores on all test rows{f', {heading}' if heading else ''}"))
    for loss in comparison.losses:
        pairs = comparison.pairs[comparison.pairs["loss"] == loss.name]
        members = comparison.confidence_set[comparison.confidence_set["loss"] == loss.name]
        unit = f" ({loss.unit})" if loss.unit else ""
        if len(pairs):
            console.print(_table(pair_rows(pairs), f"{loss.name}{unit}: differences of every two runs"))
        console.print(_table(member_rows(members), f"{loss.name}{unit}: model confidence set"))
        best = comparison.best[comparison.best["loss"] == loss.name]
        if len(best):
            console.print(_table(best_rows(best), f"{loss.name}{unit}: the best run against each reference"))
    for curves in comparison.curves:
        console.print(_table(curve_table(curves, comparison.models), curves.title))
    for said in comparison.sentences.values():
        for number, sentence in enumerate(said):
            console.print(
                sentence if number == 0 else f"- {sentence}",
                highlight=False,
                style="bold" if number == 0 else None,
            )


def _table(content: dict[str, Any], title: str) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left")
    for number, name in enumerate(content["header"]):
        table.add_column(escape(name), justify="right" if number else "left", no_wrap=number == 0)
    for _, cells in content["rows"]:
        table.add_row(*map(escape, cells))
    return table
