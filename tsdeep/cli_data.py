"""The commands `tsdeep data ...`: what is fetched, kept and removed, and what is prepared to be streamed."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tsdeep
from tsdeep.cli_sources import add_source, with_source
from tsdeep.errors import DataError, RunError

if TYPE_CHECKING:
    from tsdeep.sources import Fetched
    from tsdeep.spec import DataSpec


def add_data(commands: Any) -> None:
    """Add `data` and the commands in it to the command line.

    Parameters
    ----------
    commands : argparse's group of commands
        What `add_subparsers` returned.
    """
    data = commands.add_parser(
        "data", help="fetch, list and remove cached data; prepare data sets to stream from disk"
    )
    parts = data.add_subparsers(required=True, metavar="COMMAND")
    _add_fetch(parts)
    _add_list(parts)
    _add_remove(parts)
    _add_prepare(parts)
    _add_verify(parts)


def _add_fetch(parts: Any) -> None:
    fetch = parts.add_parser(
        "fetch", help="ask the providers of a spec's online sources anew, and say what has changed"
    )
    fetch.add_argument("spec", help="name of a spec, or path of a YAML file")
    fetch.add_argument(
        "--anew",
        action="store_true",
        help="of a source that is fetched a day at a time, ask for days that are in the cache too",
    )
    add_source(fetch)
    fetch.set_defaults(command=_fetch)


def _add_list(parts: Any) -> None:
    listing = parts.add_parser("ls", help="list what is in the cache")
    listing.set_defaults(command=_list)


def _add_remove(parts: Any) -> None:
    remove = parts.add_parser("rm", help="remove from the cache")
    remove.add_argument(
        "what", nargs="?", metavar="KEY|SPEC", help="a key of `tsdeep data ls` or its beginning, or a spec"
    )
    remove.add_argument("--all", action="store_true", help="everything")
    remove.set_defaults(command=_remove)


def _add_prepare(parts: Any) -> None:
    prepare = parts.add_parser(
        "prepare",
        help="write a spec's features and labels as a TensorFlow Datasets data set, to stream from disk",
    )
    prepare.add_argument("spec", help="name of a spec, or path of a YAML file")
    prepare.add_argument(
        "--out", type=Path, default=Path("data"), metavar="DIR", help="where data sets stand (default data)"
    )
    prepare.add_argument("--chunk-rows", type=int, metavar="N", help="rows of a record (default 1024)")
    prepare.add_argument("--beam", metavar="RUNNER", help="write with Apache Beam, such as DirectRunner")
    add_source(prepare)
    prepare.set_defaults(command=_prepare)


def _add_verify(parts: Any) -> None:
    verify = parts.add_parser("verify", help="compare every shard of a prepared data set with its checksum")
    verify.add_argument("path", type=Path, help="its folder")
    verify.set_defaults(command=_verify)


def _prepare(options: argparse.Namespace) -> None:
    spec = with_source(tsdeep.load_spec(options.spec), options)
    size = {} if options.chunk_rows is None else {"chunk_rows": options.chunk_rows}
    prepared = tsdeep.prepare(spec, options.out, beam_runner=options.beam, **size)
    print(prepared.describe())


def _verify(options: argparse.Namespace) -> None:
    prepared = tsdeep.load_prepared(options.path)
    prepared.verify()
    print(f"{prepared.path}: {len(prepared.shards):,} shards, all as written")


def _fetch(options: argparse.Namespace) -> None:
    from tsdeep.cli_fetch import fetch

    spec = with_source(tsdeep.load_spec(options.spec), options)
    fetch(_online(spec), anew=options.anew)


def _online(spec: DataSpec) -> dict[str, Fetched]:
    """Find the online sources of a spec by where they stand in it; SpecError if there is none."""
    from tsdeep.errors import SpecError
    from tsdeep.sources import Fetched

    sources = {"source": spec.source, **{f"join.{name}": each.source for name, each in spec.join.items()}}
    if spec.assets is not None and spec.assets.train_only is not None:
        sources["assets.train_only"] = spec.assets.train_only
    online = {name: source for name, source in sources.items() if isinstance(source, Fetched)}
    if not online:
        kinds = ", ".join(f"{name}: {source.kind}" for name, source in sources.items())
        raise SpecError(
            f"{spec.name}: none of its sources is fetched over the network ({kinds}); --source names another"
        )
    return online


def _list(_options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    from tsdeep.sources import cache

    files = cache.files()
    console = Console()
    if not console.is_terminal:  # a pipe has no width
        console = Console(width=140)
    console.print(
        f"{cache.folder()}: {len(files) or 'no'} file{'s' * (len(files) != 1)}",
        highlight=False,
        soft_wrap=True,
    )
    if not files:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("kind", "symbols", "period", "rows", "fetched (UTC)", "size", "key"):
        right = name in ("rows", "size")
        table.add_column(
            name, justify="right" if right else "left", no_wrap=name != "symbols", overflow="fold"
        )
    for path in files:
        key, size = cache.key_of(path), f"{path.stat().st_size / 1e3:,.0f} kB"
        try:
            entry = cache.about(path)
        except DataError:
            table.add_row(path.stem.rpartition("-")[0], "damaged", "", "", "", size, key)
            continue
        symbols = ", ".join(map(str, entry.request.get("symbols", ())))
        period = f"{_day(entry.first)} to {_day(entry.last)}"
        fetched = f"{entry.fetched:%Y-%m-%d %H:%M}" + (" (older)" if entry.older else "")
        table.add_row(str(entry.request["kind"]), symbols, period, f"{entry.n_rows:,}", fetched, size, key)
    console.print(table, highlight=False)


def _remove(options: argparse.Namespace) -> None:
    from tsdeep.sources import cache

    if (not options.what) != options.all:
        raise RunError("name a key or a spec to remove from the cache, or pass --all; not both")
    paths = cache.files() if options.all else _named(options.what)
    for path in paths:
        with cache.locked(path):
            path.unlink(missing_ok=True)
    print(f"removed {len(paths)} file{'s' * (len(paths) != 1)} of {cache.folder()}")


def _named(what: str) -> list[Path]:
    """Find the files of a key or its beginning, or of a spec's online sources, older copies included."""
    from tsdeep.sources import cache

    files = cache.files()
    if what in tsdeep.spec_names() or what.endswith((".yaml", ".yml")) or os.sep in what:
        online = _online(tsdeep.load_spec(what)).values()
        keys = {cache.request_key(part.request) for source in online for part in source.parts()}
        found = [path for path in files if cache.key_of(path).partition("@")[0] in keys]
        if not found:
            raise DataError(f"nothing of {what} is in the cache, {cache.folder()}")
        return found
    found = [path for path in files if cache.key_of(path).startswith(what)]
    requests = sorted({cache.key_of(path).partition("@")[0] for path in found})
    if not found:
        raise DataError(
            f"nothing with the key '{what}' is in the cache, {cache.folder()}; `tsdeep data ls` lists the keys, and a "
            "spec is given by its name or as a path that ends in .yaml"
        )
    if len(requests) > 1:
        raise DataError(
            f"'{what}' begins {len(requests)} keys ({', '.join(requests[:3])}), expected one; write more of it"
        )
    return found


def _day(moment: Any) -> str:
    return str(moment.date())
