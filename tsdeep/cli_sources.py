"""Options of the command line that say where data comes from, in place of what a spec says."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from tsdeep.errors import SpecError

if TYPE_CHECKING:
    from tsdeep.sources import Source
    from tsdeep.spec import DataSpec


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the options to a command."""
    parser.add_argument("--source", help="kind of source to read instead of the spec's, such as csv")
    parser.add_argument("--path", help="file or folder of that source")
    parser.add_argument("--symbols", nargs="+", metavar="SYMBOL", help="symbols of that source")
    parser.add_argument(
        "--join",
        nargs="+",
        metavar="NAME=PATH",
        default=[],
        help="CSV files of series that the spec joins, vix=VIX.csv",
    )
    parser.add_argument(
        "--train-only", metavar="PATH", help="folder of CSV files of more assets to learn from"
    )


def with_source(spec: DataSpec, options: argparse.Namespace) -> DataSpec:
    """Return a spec with the sources that the command line names.

    Where the spec leaves its source open, any kind may fill the place, for the spec's own symbols, and nothing else
    of the spec changes. Where it names one, another makes it another study: its description says so, and what was
    chosen on the spec's own data, its period and the number of settings tried, is not kept.
    """
    spec = _with_series(spec, options)
    source = source_of(spec.resolved()["source"], options)
    if source == spec.source:
        return spec
    if not spec.source.given and options.symbols in (None, getattr(spec.source, "symbols", None)):
        return spec.replace(source=source)
    changes: dict[str, Any] = {"source": source, "variants": None}
    changes["description"] = f"{spec.description} (Source changed from {spec.source.describe()}.)".strip()
    if options.path is not None or options.source is not None:
        changes["period"] = {"start": None, "end": None}
        if spec.period != spec.replace(period=changes["period"]).period:
            print("tsdeep: another source: the spec's period is not applied", file=sys.stderr)
    return spec.replace(**changes)


def _with_series(spec: DataSpec, options: argparse.Namespace) -> DataSpec:
    """Give the series that a spec joins, and its assets to train on only, the files that were named."""
    changes: dict[str, Any] = {}
    if options.join:
        series = spec.resolved()["join"]
        for text in options.join:
            name, separator, path = text.partition("=")
            if not separator or name not in series:
                known = ", ".join(series) or "none"
                raise SpecError(
                    f"--join: found '{text}', expected NAME=PATH with a series of {spec.name}: {known}"
                )
            series[name]["source"] = {"kind": "csv", "path": path}
        changes["join"] = series
    if options.train_only is not None:
        if spec.assets is None:
            raise SpecError(f"--train-only: {spec.name} has no 'assets', expected a spec of several assets")
        changes["assets"] = {"train_only": {"kind": "csv", "path": options.train_only}}
    return spec.replace(**changes) if changes else spec


def source_of(content: dict[str, Any], options: argparse.Namespace) -> Source:
    """Make the source that a spec describes, with what the command line says otherwise."""
    from tsdeep.sources import make_source, source_class

    given = {key: getattr(options, key) for key in ("path", "symbols") if getattr(options, key) is not None}
    if options.source is not None and options.source != content["kind"]:
        takes_symbols = "symbols" in source_class(options.source).model_fields
        keep = takes_symbols and content.get("symbols") and not make_source(content).given
        content = {"kind": options.source, **({"symbols": content["symbols"]} if keep else {})}
    return make_source({**content, **given})
