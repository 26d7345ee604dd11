"""`tsdeep list`, `tsdeep help` and `tsdeep devices`: what there is, what it is, and what it will run on."""

from __future__ import annotations

import argparse
from typing import Any

import tsdeep


def add_manual(commands: Any) -> None:
    """Add the commands to the parser's."""
    listing = commands.add_parser("list", help="list specs, models, features, tasks and sources")
    listing.add_argument("-v", "--verbose", action="store_true", help="with one line on each")
    listing.set_defaults(command=_list)

    page = commands.add_parser("help", help="show what is known of a name")
    page.add_argument(
        "name", help="a model, feature, task and so on of `tsdeep list`, or a function or class"
    )
    page.set_defaults(command=_help)

    devices = commands.add_parser(
        "devices", help="say what TensorFlow runs on, and whether mixed precision pays"
    )
    devices.add_argument("--list-only", action="store_true", help="time no training steps")
    devices.set_defaults(command=_devices)


def _list(options: argparse.Namespace) -> None:
    from tsdeep.manual import names, overview

    if not options.verbose:
        for kind, known in names().items():
            print(f"{kind + ':':<12}{', '.join(known)}")
        return

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if not console.is_terminal:  # a pipe has no width
        console = Console(width=140)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for kind, lines in overview().items():
        table.add_row(f"[bold]{kind}[/]")
        for name, line in lines.items():
            table.add_row(f"  {escape(name)}", escape(line))
    console.print(table, highlight=False)


def _help(options: argparse.Namespace) -> None:
    print(tsdeep.help(options.name))


def _devices(options: argparse.Namespace) -> None:
    print(tsdeep.device_report(measure=not options.list_only))
