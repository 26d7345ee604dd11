"""The command line: thin, over the public API."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tsdeep
from tsdeep.errors import RunError, SpecError, TsdeepError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from tsdeep.sources import Source
    from tsdeep.spec import DataSpec


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        0; 2 where the input was refused or a file cannot be read or written, with the reason on standard
        error; 130 where the user interrupted.
    """
    options = _parser().parse_args(arguments)
    _import_quietly()
    try:
        options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (TsdeepError, OSError) as error:
        print(f"tsdeep: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tsdeep: interrupted; `tsdeep run` keeps finished folds: go on with --resume", file=sys.stderr)
        return 130
    return 0


def _import_quietly() -> None:
    """Import TensorFlow without its start-up messages, unless the user has asked for them."""
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") < "2":
        return
    with tempfile.TemporaryFile() as messages:
        kept = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tsdeep", description="Deep learning on market data, without look-ahead."
    )
    parser.add_argument("--version", action="version", version=f"tsdeep {tsdeep.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="walk a model through a spec's folds and write a report")
    run.add_argument("spec", help="name of a spec (see `tsdeep list`), or path of a YAML file")
    run.add_argument("--model", help="model to use instead of the spec's")
    run.add_argument("--lookback", type=int, metavar="ROWS", help="rows that the model sees")
    run.add_argument("--epochs", type=int, help="at most this many epochs a fit")
    run.add_argument("--folds", type=int, metavar="N", help="the last N folds only")
    run.add_argument("--seed", type=int, help="of everything random")
    run.add_argument("--out", type=Path, metavar="DIR", help="run folder; by default runs/SPEC/MODEL-TIME")
    run.add_argument(
        "--resume", action="store_true", help="continue the run in --out, or the newest unfinished one"
    )
    _add_source(run)
    run.set_defaults(command=_run)

    listing = commands.add_parser("list", help="list specs, models, features, tasks and sources")
    listing.set_defaults(command=_list)

    show = commands.add_parser("show", help="show a spec with all its settings")
    show.add_argument("spec", nargs="?", help="name or path of a spec")
    show.add_argument("--schema", action="store_true", help="show the JSON schema of spec files instead")
    show.set_defaults(command=_show)

    export = commands.add_parser("export", help="export the last model of a finished run")
    export.add_argument("run", type=Path, help="run folder")
    export.add_argument("directory", type=Path, help="the model's folder; a new version is added")
    export.add_argument("--symbol", help="instrument to export for, where each has a scaler of its own")
    export.set_defaults(command=_export)

    predict = commands.add_parser("predict", help="predict the newest rows with an exported model")
    predict.add_argument("directory", type=Path, help="folder of an export, such as RUN/model")
    predict.add_argument(
        "--rows", type=int, default=1, metavar="N", help="how many of the newest rows (default 1)"
    )
    _add_source(predict)
    predict.set_defaults(command=_predict)
    return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
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


def _run(options: argparse.Namespace) -> None:
    spec = _with_source(tsdeep.load_spec(options.spec), options)
    training = {key: getattr(options, key) for key in ("epochs", "seed") if getattr(options, key) is not None}
    changes: dict[str, Any] = {"training": training} if training else {}
    if options.model is not None:
        changes["model"] = options.model
    if options.lookback is not None:
        changes["lookback"] = options.lookback
    if options.folds is not None:
        changes["split"] = {"max_folds": options.folds}
    spec = spec.replace(**changes)
    out = options.out or _default_folder(spec, options.resume)
    result = tsdeep.run(spec, out, resume=options.resume)
    _print_summary(result)
    print(f"\n{out / 'report.html'}")


def _default_folder(spec: DataSpec, resume: bool) -> Path:
    from tsdeep.validation.run_folder import read_run_json

    runs = Path("runs") / spec.name
    if not resume:
        return runs / f"{spec.model}-{datetime.now():%Y%m%d-%H%M%S}"
    unfinished = []
    for file in sorted(runs.glob(f"{spec.model}-*/run.json")):
        try:
            if not read_run_json(file.parent)["complete"]:
                unfinished.append(file.parent)
        except RunError as error:
            print(f"tsdeep: passed over: {error}", file=sys.stderr)
    if not unfinished:
        raise RunError(f"no unfinished run of {spec.model} in {runs}; name the folder with --out")
    return unfinished[-1]


def _with_source(spec: DataSpec, options: argparse.Namespace) -> DataSpec:
    spec = _with_series(spec, options)
    source = _source(spec.resolved()["source"], options)
    if source == spec.source:
        return spec
    if not spec.source.given and source.kind == spec.source.kind and options.symbols is None:
        return spec.replace(source=source)  # the place that the spec left open
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


def _source(content: dict[str, Any], options: argparse.Namespace) -> Source:
    """Make the source that a spec describes, with what the command line says otherwise."""
    from tsdeep.sources import make_source

    given = {key: getattr(options, key) for key in ("path", "symbols") if getattr(options, key) is not None}
    if options.source is not None and options.source != content["kind"]:
        content = {"kind": options.source}
    return make_source({**content, **given})


def _list(_options: argparse.Namespace) -> None:
    for title, names in (
        ("specs", tsdeep.spec_names()),
        ("models", tsdeep.model_names()),
        ("features", tsdeep.feature_names()),
        ("tasks", tsdeep.task_names()),
        ("sources", tsdeep.source_names()),
        ("scalers", tsdeep.scaler_names()),
    ):
        print(f"{title + ':':<10}{', '.join(names)}")


def _show(options: argparse.Namespace) -> None:
    import json

    if options.schema:
        print(json.dumps(tsdeep.json_schema(), indent=2))
    elif options.spec is None:
        raise RunError("name a spec to show, or pass --schema")
    else:
        print(tsdeep.load_spec(options.spec).to_yaml(), end="")


def _export(options: argparse.Namespace) -> None:
    print(tsdeep.export(tsdeep.load_run(options.run), options.directory, symbol=options.symbol))


def _predict(options: argparse.Namespace) -> None:
    from tsdeep.serving.predict import latest_version, read_metadata
    from tsdeep.sources import source_class
    from tsdeep.spec import make_spec

    about = read_metadata(latest_version(options.directory))
    content = about["spec"]
    if content is None:
        raise RunError(f"{options.directory} was exported without a spec; use tsdeep.predict from Python")
    if about.get("scaler_of") is not None and options.symbols is None:
        options.symbols = [about["scaler_of"]]
    if (
        "ask_price" in about["field_shapes"]
        and "levels" in source_class(content["source"]["kind"]).model_fields
    ):
        content["source"]["levels"] = about["field_shapes"]["ask_price"][0]
    if not content.get("assets") and not content.get("join"):
        fields = tuple(name for name in about["fields"] if name != "time")
        newest = _source(content["source"], options).panel(fields)
    else:  # as they were learnt, whatever the period, and without those to train on only
        if content["assets"]:
            content["assets"]["train_only"] = None
        content["period"] = {"start": None, "end": None}
        newest, _ = _with_source(make_spec(content), options).read()
    print(tsdeep.predict(options.directory, newest, rows=options.rows).to_string(index=False))


def _print_summary(result: Any) -> None:
    """Print folds, then pooled: the model and the reference methods side by side; then the verdict."""
    from rich.console import Console

    from tsdeep.evaluation import summary_table

    console = Console()
    if not console.is_terminal:  # a pipe has no width
        console = Console(width=140)
    summary = summary_table(result.metrics, result.samples.task.kind)
    whole = _table(summary, title=f"{result.model}, out of sample")
    if Console(width=1000).measure(whole).maximum <= console.width:
        console.print(whole)
    else:  # squeezed, no figure could be read: a table for each metric
        for metric in dict.fromkeys(metric for metric, _ in summary.columns if metric):
            part = summary[[column for column in summary.columns if column[0] in ("", metric)]]
            console.print(_table(part, title=f"{result.model}, out of sample: {metric}"))
    verdict = result.evaluation.verdict
    console.print(verdict.headline, highlight=False, style="bold")
    for sentence in verdict.sentences.values():
        console.print(f"- {sentence}", highlight=False)


def _table(summary: pd.DataFrame, title: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in summary.index.names:
        table.add_column(str(name), no_wrap=True)
    for metric, method in summary.columns:
        table.add_column(f"{metric}\n{method}" if metric else method, justify="right", no_wrap=True)
    folds = summary.index.get_level_values(0)
    for number, (key, row) in enumerate(summary.iterrows()):
        cells = [f"{v:.0f}" if metric == "" else f"{v:.4f}" for (metric, _), v in row.items()]
        before_pooled = number + 1 < len(folds) and folds[number] != folds[number + 1] == folds[-1]
        table.add_row(*map(str, key), *cells, end_section=before_pooled)
    return table
