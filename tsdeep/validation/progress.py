"""Progress of a walk-forward run: folds and epochs, with the time left."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class FoldProgress:
    """Two bars, folds and the current fold's epochs, and a line for every fold that is done.

    On a terminal the bars are live; elsewhere only the lines are written.

    Parameters
    ----------
    n_folds : int
        Folds in all.
    show : bool, default True
        False writes nothing.
    """

    def __init__(self, n_folds: int, show: bool = True) -> None:
        self._n_folds = n_folds
        self._progress = Progress(
            TextColumn("{task.description:<34}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True, quiet=not show),
        )
        self._folds = self._progress.add_task("folds", total=n_folds)
        self._epochs = self._progress.add_task("epochs", total=None)

    def __enter__(self) -> FoldProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def start_fit(self, label: str, epochs: int) -> None:
        """Begin the epochs of one fit, such as `"fold 3/15, member 1, refit"`."""
        self._progress.reset(self._epochs, description=label, total=epochs)

    def epoch(self, epoch: int, _figures: dict[str, float]) -> None:
        """Show that an epoch is done."""
        self._progress.update(self._epochs, completed=epoch)

    def fold_done(self, line: str) -> None:
        """Show that a fold is done, with a line that stays."""
        self._progress.advance(self._folds)
        self._progress.console.print(line, highlight=False)
