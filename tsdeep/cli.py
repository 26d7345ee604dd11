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
from tsdeep.cli_compare import add_compare
from tsdeep.cli_data import add_data
from tsdeep.cli_manual import add_manual
from tsdeep.cli_sources import add_source, source_of, with_source
from tsdeep.cli_trials import add_trials
from tsdeep.errors import RunError, TsdeepError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

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
    add_source(run)
    run.set_defaults(command=_run)

    add_manual(commands)

    show = commands.add_parser("show", help="show a spec with all its settings")
    show.add_argument("spec", nargs="?", help="name or path of a spec")
    show.add_argument("--schema", action="store_true", help="show the JSON schema of spec files instead")
    show.set_defaults(command=_show)

    export = commands.add_parser("export", help="export the last model of a finished run")
    export.add_argument("run", type=Path, help="run folder")
    export.add_argument("directory", type=Path, help="the model's folder; a new version is added")
    export.add_argument("--symbol", help="instrument to export for, where each has a scaler of its own")
    export.add_argument(
        "--formats",
        nargs="+",
        default=["savedmodel"],
        metavar="FORMAT",
        help="savedmodel (default), and onnx, litert",
    )
    export.add_argument(
        "--compiled", nargs="+", type=int, default=[], metavar="BATCH", help="batch sizes to compile with XLA"
    )
    export.add_argument(
        "--stream",
        choices=["auto", "exact", "window", "carry", "none"],
        default="auto",
        help="how stream_step computes; auto: exactly, and none where the model cannot (default)",
    )
    export.add_argument(
        "--serving",
        action="store_true",
        help="write compose.yaml and configurations of TensorFlow Serving beside DIRECTORY",
    )
    export.set_defaults(command=_export)

    predict = commands.add_parser("predict", help="predict the newest rows with an exported model")
    predict.add_argument("directory", type=Path, help="folder of an export, such as RUN/model")
    predict.add_argument(
        "--rows", type=int, default=1, metavar="N", help="how many of the newest rows (default 1)"
    )
    add_source(predict)
    predict.set_defaults(command=_predict)

    add_compare(commands)
    add_data(commands)
    add_trials(commands)
    return parser


def _run(options: argparse.Namespace) -> None:
    spec = with_source(tsdeep.load_spec(options.spec), options)
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


def _show(options: argparse.Namespace) -> None:
    import json

    if options.schema:
        print(json.dumps(tsdeep.json_schema(), indent=2))
    elif options.spec is None:
        raise RunError("name a spec to show, or pass --schema")
    else:
        print(tsdeep.load_spec(options.spec).to_yaml(), end="")


def _export(options: argparse.Namespace) -> None:
    from tsdeep.runs import export_each

    for version in export_each(
        tsdeep.load_run(options.run),
        options.directory,
        symbol=options.symbol,
        formats=options.formats,
        compiled=options.compiled,
        stream=None if options.stream == "none" else options.stream,
        serving=options.serving,
    ):
        print(version)


def _predict(options: argparse.Namespace) -> None:
    from tsdeep.serving.metadata import latest_version, read_metadata
    from tsdeep.sources import Fetched, source_class
    from tsdeep.spec import make_spec

    about = read_metadata(latest_version(options.directory))
    content = about["spec"]
    if content is None:
        raise RunError(f"{options.directory} was exported without a spec; use tsdeep.predict from Python")
    symbol = about.get("scaler_of") if options.symbols is None else None
    kind = options.source or content["source"]["kind"]
    # What was fetched is in the cache by all its symbols, so it is read whole.
    read_whole = kind == content["source"]["kind"] and issubclass(source_class(kind), Fetched)
    if symbol is not None and not read_whole:
        options.symbols = [symbol]
    if (
        "ask_price" in about["field_shapes"]
        and "levels" in source_class(content["source"]["kind"]).model_fields
    ):
        content["source"]["levels"] = about["field_shapes"]["ask_price"][0]
    if not content.get("assets") and not content.get("join"):
        fields = tuple(name for name in about["fields"] if name != "time")
        source = source_of(content["source"], options)
        newest = source.panel(fields)
    else:  # as they were learnt, whatever the period, and without those to train on only
        if content["assets"]:
            content["assets"]["train_only"] = None
        content["period"] = {"start": None, "end": None}
        spec = with_source(make_spec(content), options)
        source = spec.source
        newest, _ = spec.read()
    if isinstance(source, Fetched):
        from_when = source.notes(source.answer().entry)[0]
        print(f"tsdeep: {from_when} `tsdeep data fetch` asks for newer ones.", file=sys.stderr)
    if symbol is not None:
        newest = newest.take(newest.symbol == symbol)
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
