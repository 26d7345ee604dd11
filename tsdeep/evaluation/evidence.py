"""What an evaluation starts from: predictions, the references beside them, prices, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsdeep.errors import SpecError
from tsdeep.evaluation.evaluator import get_evaluator
from tsdeep.evaluation.replay import ReplayGrid


@dataclass(frozen=True)
class Evidence:
    """All that a report is made of; `tsdeep.evaluation` reads nothing else.

    Parameters
    ----------
    name : str
        Name of the scenario, such as `"sp500_direction"`.
    model : str
        Name of the model, as it stands in tables and legends.
    predictions : pandas.DataFrame
        The test rows: fold (int), cutoff, time (datetime64), symbol (str), and what the task adds.
        Of `direction`: y (0 or 1), up (P(up)), and `up_seed<k>` for each seed where there are several (`up`
        is then their mean). Of `movement`: see `tsdeep.evaluation.check_movement`, of `volatility`:
        `tsdeep.evaluation.check_volatility`.
    prices : pandas.DataFrame, optional
        Columns time, symbol, close and, where known, open: every row from the first
        prediction to one after the last. `direction` needs them; `movement` does not read them. `volatility` makes
        the basket and the portfolio of them, from 50 rows before the first prediction to the end of the last label.
    references : pandas.DataFrame, optional
        The same columns and `method`, on the same rows.
    history : pandas.DataFrame, optional
        Training: fold, member, stage ("fit" or "refit"), epoch, loss, val_loss, accuracy, val_accuracy.
    folds : pandas.DataFrame, optional
        How the folds were cut, a fold a row (`WalkForward.table`).
    folds_figure : matplotlib.figure.Figure, optional
        The same, drawn (`WalkForward.plot`).
    question : str
        What was asked, in one or two sentences for a reader who knows nothing of the code.
    settings : mapping of str to any
        Model and training settings, shown as a table.
    provenance : mapping of str to any
        Where the data comes from: source, symbols, period, rows, ...
    horizon_rows : int
        Rows ahead that the label looks; of `movement` the predictions say it, row by row.
    sizing, threshold, short, execution, cost_bps
        The strategy on predictions of `direction`, see `tsdeep.evaluation.backtest`; `cost_bps` is also that of
        the portfolio of `volatility`.
    strategy : mapping of str to any
        Further settings of that strategy, by their name in `tsdeep.evaluation.Strategy`.
    variants : int, optional
        How many settings were tried before this one; None: not recorded. The report says so.
    trials : pandas.DataFrame, optional
        Other settings of the study that are registered, a row each: sharpe, rows, first, last, see
        `tsdeep.trials.read_trials`; no rows: nothing else was run. None: there is no registry.
    draws : int
        Bootstrap draws.
    seed : int
        Of the bootstrap.
    task : str
        Kind of task, of `tsdeep.evaluation.evaluator_names()`.
    row : str
        What a row is: `"one bar"`, `"one book event"`, ...
    notes : tuple of str
        Sentences on the data that the report shows: what was trimmed or collapsed, that it is simulated, ...
    block_rows : int, optional
        Of `movement`: rows of a block of the bootstrap; by default five horizons. Of `volatility`: of the model
        confidence set; by default three.
    touch : pandas.DataFrame, optional
        Of `movement`: best prices of every row of the book, from the first prediction to the end of its segment, in
        order: row (of the panel), time, symbol, segment, ask, bid, see `tsdeep.evaluation.replay.Touch`. With them the
        calls are traded.
    tick : float, optional
        The smallest step of these prices, in their own unit.
    replay : ReplayGrid
        The latencies and fees at which they are traded.

    Examples
    --------
    >>> time = pd.to_datetime(["2020-01-02", "2020-01-03", "2020-01-06"])
    >>> evidence = Evidence(
    ...     name="toy", model="tcn",
    ...     predictions=pd.DataFrame({"fold": 0, "cutoff": pd.Timestamp("2019-12-31"), "time": time[:2],
    ...                               "symbol": "SPX", "y": [1, 0], "up": [0.6, 0.4]}),
    ...     prices=pd.DataFrame({"time": time, "symbol": "SPX", "close": [10.0, 11.0, 10.5]}))
    >>> evidence.seeds
    0
    """

    name: str
    model: str
    predictions: pd.DataFrame
    prices: pd.DataFrame | None = None
    references: pd.DataFrame | None = None
    history: pd.DataFrame | None = None
    folds: pd.DataFrame | None = None
    folds_figure: Figure | None = None
    question: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    horizon_rows: int = 1
    sizing: str = "sign"
    threshold: float | None = None
    short: bool = True
    execution: str = "close"
    cost_bps: float = 5.0
    strategy: Mapping[str, Any] = field(default_factory=dict)
    variants: int | None = None
    draws: int = 1000
    seed: int = 0
    task: str = "direction"
    row: str = "one bar"
    notes: tuple[str, ...] = ()
    block_rows: int | None = None
    touch: pd.DataFrame | None = None
    tick: float | None = None
    trials: pd.DataFrame | None = None
    replay: ReplayGrid = field(default_factory=ReplayGrid)

    def __post_init__(self) -> None:
        for key, least in (("horizon_rows", 1), ("draws", 100)):
            value = getattr(self, key)
            if not isinstance(value, int | np.integer) or value < least:
                raise SpecError(f"evidence: {key} is {value!r}, expected an integer of at least {least}")
        if self.block_rows is not None and self.block_rows < 1:
            raise SpecError(f"evidence: block_rows is {self.block_rows!r}, expected at least 1, or None")
        cost = self.cost_bps
        if not (isinstance(cost, int | float | np.number) and np.isfinite(cost) and cost >= 0):
            raise SpecError(f"evidence: cost_bps is {cost!r}, expected a finite number of at least 0")
        if self.variants is not None and self.variants < 1:
            raise SpecError(
                f"evidence: variants is {self.variants!r}, expected at least 1, or None: not recorded"
            )
        if self.trials is not None and not {"sharpe", "rows", "first", "last"} <= set(self.trials.columns):
            found = ", ".join(map(str, self.trials.columns))
            raise SpecError(f"evidence: trials has the columns {found}, expected sharpe, rows, first, last")
        if self.references is not None and self.model in set(self.references.get("method", ())):
            raise SpecError(
                f"evidence: model is called {self.model!r}, as one of the references; give it another name"
            )
        get_evaluator(self.task).check(self)

    @property
    def seeds(self) -> int:
        """How many seeds' own predictions are in `predictions` (0: only their mean, or a single one)."""
        return len(get_evaluator(self.task).seeds(self.predictions))
