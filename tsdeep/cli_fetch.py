"""What `tsdeep data fetch` does: ask for every part of online sources, show how far it is, and say what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tsdeep.errors import DataError

if TYPE_CHECKING:
    from tsdeep.sources import Answer, Fetched
    from tsdeep.sources.cache import Entry


def fetch(online: Mapping[str, Fetched], *, anew: bool) -> None:
    """Ask for sources, and print a line on each and what has changed.

    Parameters
    ----------
    online : mapping of str to Fetched
        By where they stand in a spec.
    anew : bool
        Of sources in several parts, ask for those in the cache too. A source in one part is always asked anew.

    Raises
    ------
    DataError
        If a part cannot be had; those before are in the cache.
    """
    parts = {name: source.parts() for name, source in online.items()}
    with _progress(sum(map(len, parts.values()))) as advance:
        for name, source in online.items():
            if len(parts[name]) == 1:
                _say_whole(name, source, parts[name][0].answer(refresh=True))
                advance()
            else:
                _fetch_parts(name, source, parts[name], anew, advance)


def _fetch_parts(
    name: str, source: Fetched, parts: list[Fetched], anew: bool, advance: Callable[[], None]
) -> None:
    from tsdeep.sources import cache

    there = 0
    said: list[str] = []
    for part in parts:
        if part.cached and not anew:
            there += 1
        else:
            try:
                answer = part.answer(refresh=True)
            except DataError as error:
                kept = sum(each.cached for each in parts)
                raise DataError(
                    f"{error}. {kept} of {len(parts)} parts are in the cache now; the same command goes on from there"
                ) from error
            said += [f"{', '.join(part.symbols)}, {part.start}: {text}" for text in _changes(answer)]
        advance()
    entries = [cache.about(cache.place(part.request)) for part in parts]
    already = f"; {there} were in the cache already (--anew asks for them too)" if there else ""
    print(f"{name}: {source.describe()}: {len(parts)} parts, {_rows(entries)}{already}")
    for text in said:
        print(f"  {text}")


def _say_whole(name: str, source: Fetched, answer: Answer) -> None:
    print(f"{name}: {source.describe()}: {_rows([answer.entry])} ({answer.entry.key})")
    nothing = () if answer.changes is None or answer.changes.sentences else ("Nothing has changed.",)
    for text in (*answer.entry.notes, *_changes(answer), *nothing):
        print(f"  {text}")


def _changes(answer: Answer) -> list[str]:
    if answer.changes is None:
        return []
    kept = ["History has changed: the copy from before is kept, see `tsdeep data ls`."]
    return [*answer.changes.sentences, *(kept if answer.changes.history else [])]


def _rows(entries: list[Entry]) -> str:
    first, last = min(entry.first for entry in entries), max(entry.last for entry in entries)
    return f"{sum(entry.n_rows for entry in entries):,} rows, {first.date()} to {last.date()}"


@contextmanager
def _progress(n_parts: int) -> Iterator[Callable[[], None]]:
    """Show on a terminal how many parts are there, and each request as it is made; gives what counts a part."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tsdeep.sources.fetching import telling

    console = Console(stderr=True)
    columns = (
        MofNCompleteColumn(),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task("", total=n_parts)
        requests = 0

        def tell(what: str) -> None:
            nonlocal requests
            requests += 1
            shown.update(task, description=f"{what} (request {requests:,})")

        with telling(tell):
            yield lambda: shown.advance(task)
