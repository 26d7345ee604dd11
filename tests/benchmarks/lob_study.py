"""The study of order-book models on real days: data, splits, recipes and figures, shared by its benchmarks.

Everything here was chosen on rows before the test rows: on the validation rows, and on the last third of the
training rows with the rest to train on. `VARIANTS` counts what was tried.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

import tsdeep
from tests.data_folder import data_folder
from tsdeep.evaluation import Evidence, evaluate
from tsdeep.evaluation.movement import MovementEvaluation
from tsdeep.sources import make_source
from tsdeep.validation import Fold

HORIZON = 100
BEFORE, AFTER = 200, 101
"""Origins run from 200 rows after the start of a split to 101 before its end."""
VARIANTS = 57
"""Settings of features, scaler, network and training that were tried, each on all three labels of GOOG."""
BLOCK_ROWS = 500
"""Rows of a block of the bootstrap."""

LABELS: dict[str, dict[str, Any]] = {
    "raw": {"labels": "raw", "threshold": 5.5, "threshold_in": "ticks"},
    "anchored": {"labels": "anchored", "threshold": 2.815, "threshold_in": "ticks"},
    "smoothed": {"labels": "smoothed", "threshold": 7.905e-5, "threshold_in": "return"},
}
METHODS = ("majority", "persistence", "rule", "logistic", "boosting")
SCALES = [10, 20, 50, 100, 200, 500]


def flow_features(levels: int, tick: float, events: bool) -> list[dict[str, Any]]:
    """Order flow, returns and deviations from means at many scales, and the book as it stands."""
    trades = [{"kind": "trade_flow", "rows": SCALES}] if events else []
    return [
        {"kind": "order_flow_imbalance", "levels": levels, "rows": SCALES},
        {"kind": "queue_imbalance", "levels": levels},
        {"kind": "mid_return", "tick": tick, "rows": SCALES},
        {"kind": "mid_deviation", "tick": tick, "rows": SCALES},
        {"kind": "mid_volatility", "tick": tick, "rows": SCALES[1:]},
        {"kind": "elapsed_time", "rows": [10, 50, 100, 200, 500]},
        *trades,
        {"kind": "spread", "tick": tick},
        {"kind": "depth", "levels": levels},
        {"kind": "microprice", "tick": tick},
        {"kind": "price_distance", "tick": tick, "levels": levels},
        {"kind": "log_size", "levels": levels},
    ]


def lobster(symbol: str, levels: int | None = None) -> tsdeep.Panel:
    """The sample day of one stock."""
    (path,) = (data_folder() / "lobster").glob(f"*_{symbol}_*.zip")
    source = {"kind": "lobster", "path": str(path)} | ({} if levels is None else {"levels": levels})
    names = ("ask_price", "ask_size", "bid_price", "bid_size")
    return make_source(source).panel((*names, "event_type", "event_size", "event_side"))


def shfe() -> tsdeep.Panel:
    """Three trading days of the rebar future, snapshots of half a second."""
    columns = {"time": "timestamp", "symbol": "instrumentID"}
    columns |= {"ask_price": "ask{level}", "ask_size": "askSize{level}"}
    columns |= {"bid_price": "bid{level}", "bid_size": "bidSize{level}"}
    path = str(data_folder() / "shfe")
    source = {"kind": "book_table", "path": path, "columns": columns, "tick": 1.0, "session": "file"}
    names = ("ask_price", "ask_size", "bid_price", "bid_size")
    return make_source(source | {"timezone": "Asia/Shanghai"}).panel(names)


def joined(*panels: tsdeep.Panel) -> tsdeep.Panel:
    """Instruments one after another in one panel."""
    stops = np.cumsum([0, *(panel.n_rows for panel in panels)])
    dates = [panel.session_date for panel in panels if panel.session_date is not None]
    return replace(
        panels[0],
        fields={name: np.concatenate([p.fields[name] for p in panels]) for name in panels[0].fields},
        time=np.concatenate([panel.time for panel in panels]),
        bounds=np.concatenate([p.bounds + start for p, start in zip(panels, stops[:-1], strict=True)]),
        symbols=tuple(symbol for panel in panels for symbol in panel.symbols),
        session_date=np.concatenate(dates) if len(dates) == len(panels) else None,
    )


@dataclass(frozen=True)
class ByEvent:
    """One fold, 60/20/20 by event of the first instrument; of others the rows before its training ends."""

    def split(self, samples: tsdeep.Samples) -> Iterator[Fold]:
        """Yield the fold."""
        n = int(np.flatnonzero(samples.panel.segment == 0)[-1]) + 1
        cuts = [0, int(0.6 * n), int(0.8 * n), n]
        can = np.zeros(samples.panel.n_rows, bool)
        can[samples.rows] = True
        blocks = []
        for start, stop in itertools.pairwise(cuts):
            rows = np.arange(start + BEFORE, stop - AFTER + 1)
            blocks.append(rows[can[rows]])
        train, valid, test = blocks
        end = samples.time[cuts[1]]
        others = samples.rows[samples.rows >= n]
        others = others[samples.time[samples.label_end[others]] < end]
        train = np.concatenate([train, others])
        none = train[:0]
        yield Fold(
            number=0,
            train=train,
            valid=valid,
            test=test,
            refit=train,
            purged_train=none,
            purged_valid=none,
            train_cutoff=pd.Timestamp(samples.time[samples.label_end[train]].max()),
            cutoff=pd.Timestamp(samples.time[samples.label_end[valid]].max()),
        )


@dataclass(frozen=True)
class ByDay:
    """One fold of three days: the first to train on, the second to validate, the third to test."""

    def split(self, samples: tsdeep.Samples) -> Iterator[Fold]:
        """Yield the fold."""
        days = samples.panel.session_date
        assert days is not None
        train, valid, test = (samples.rows[days[samples.rows] == day] for day in np.unique(days))
        none = train[:0]
        yield Fold(
            number=0,
            train=train,
            valid=valid,
            test=test,
            refit=train,
            purged_train=none,
            purged_valid=none,
            train_cutoff=pd.Timestamp(samples.time[samples.label_end[train]].max()),
            cutoff=pd.Timestamp(samples.time[samples.label_end[valid]].max()),
        )


def pooled_task(panel: tsdeep.Panel, task: Mapping[str, Any]) -> dict[str, Any]:
    """Give other instruments the threshold at which as many of their training rows are stationary as of the first.

    Rows of an instrument are those of `ByEvent`; thresholds are in ticks, or a return for `smoothed`.
    """
    first, *others = panel.symbols
    reach = {**task, "threshold": 1e9}
    anything = tsdeep.Samples(
        panel, tsdeep.FeatureBank([{"kind": "spread", "tick": panel.tick}]), movement(reach), 1
    )
    (fold,) = ByEvent().split(anything)
    share = float(np.mean(moves_of(panel, task, fold.train, first) <= task["threshold"]))
    thresholds = {first: task["threshold"]}
    for symbol in others:
        thresholds[symbol] = float(np.quantile(moves_of(panel, task, fold.train, symbol), share))
    return {**task, "threshold": thresholds}


def moves_of(panel: tsdeep.Panel, task: Mapping[str, Any], rows: np.ndarray, symbol: str) -> np.ndarray:
    """Sizes of the moves of one instrument's rows, in the unit of the threshold."""
    own = rows[panel.symbol[rows] == symbol]
    (start, stop), *_ = (b for b, s in zip(panel.bounds.tolist(), panel.symbols, strict=True) if s == symbol)
    mid = (panel.fields["ask_price"][start:stop, 0] + panel.fields["bid_price"][start:stop, 0]) / 2
    total = np.concatenate([[0.0], np.cumsum(mid - mid[0])])
    t = own - start
    ahead = (total[t + HORIZON + 1] - total[t + 1]) / HORIZON
    behind = (total[t + 1] - total[t + 1 - HORIZON]) / HORIZON
    here = mid[t] - mid[0]
    if task["labels"] == "raw":
        return np.abs(mid[t + HORIZON] - mid[t]) / panel.tick
    if task["labels"] == "anchored":
        return np.abs(ahead - here) / panel.tick
    return np.abs(ahead - behind) / (behind + mid[0])


def movement(task: Mapping[str, Any], horizon: int = HORIZON) -> Any:
    """The task."""
    return tsdeep.get_task("movement", horizon_rows=horizon, **task)


@dataclass(frozen=True)
class Study:
    """A model with what it reads and how it is trained."""

    model: str
    features: str = "flow"
    scaler: Mapping[str, Any] = field(default_factory=lambda: {"kind": "rank_gaussian"})
    lookback: int = 1
    hparams: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 4
    patience: int = 2
    batch_size: int = 256
    stride: int = 1
    mirror: bool = True
    learning_rate: float = 1e-3
    weight_decay: float | None = 0.01

    def samples(self, panel: tsdeep.Panel, task: Mapping[str, Any], horizon: int = HORIZON) -> tsdeep.Samples:
        """The rows with what the model reads."""
        levels = panel.fields["ask_price"].shape[1]
        assert panel.tick is not None
        features = (
            flow_features(levels, panel.tick, "event_type" in panel.fields)
            if self.features == "flow"
            else [{"kind": "book_levels", "levels": levels}]
        )
        scaler = {**self.scaler, "by_symbol": True}
        return tsdeep.Samples(
            panel, tsdeep.FeatureBank(features), movement(task, horizon), self.lookback, scaler
        )

    def run(
        self,
        panel: tsdeep.Panel,
        task: Mapping[str, Any],
        cv: Any,
        seeds: int = 5,
        horizon: int = HORIZON,
    ) -> tsdeep.Result:
        """Fit and predict; epochs are chosen on the validation rows, and nothing is fitted on them."""
        return tsdeep.walk_forward(
            self.model,
            self.samples(panel, task, horizon),
            cv,
            epochs=self.epochs,
            patience=self.patience,
            batch_size=self.batch_size,
            stride=self.stride,
            mirror=self.mirror,
            seeds=seeds,
            refit=False,
            progress=False,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            **self.hparams,
        )


FLOW = Study("oflow", hparams={"dropout": 0.3, "input_dropout": 0.2})
"""The recipe: every row of the day, the features of the newest row, bids and asks mirrored in half the windows."""
POOLED = Study("oflow", hparams={"dropout": 0.3})
"""With a second stock there are twice the rows, and to drop features on top did not help on validation."""

SEQUENCES = {
    "oflow, no encoder": replace(FLOW, stride=4, epochs=10, patience=3),
    "oflow, tcn": replace(FLOW, hparams={**FLOW.hparams, "encoder": "tcn"}, lookback=50, stride=4, epochs=8),
    "oflow, lstm": replace(
        FLOW, hparams={**FLOW.hparams, "encoder": "lstm"}, lookback=50, stride=4, epochs=8
    ),
    "tcn": Study("tcn", hparams={"dropout": 0.3}, lookback=50, stride=4, epochs=6),
    "lstm": Study("lstm", lookback=50, stride=4, epochs=6),
    "transformer": Study(
        "transformer", hparams={"layers": 1, "dropout": 0.3}, lookback=50, stride=4, epochs=6
    ),
}
"""Networks over the last 50 rows of the same features, and the recipe on as few rows."""

_ON_LEVELS = Study(
    "", "book", {"kind": "standard"}, 100, epochs=2, batch_size=64, stride=16, mirror=False, weight_decay=None
)
PAPERS = {
    name: replace(_ON_LEVELS, model=name)
    for name in ("deeplob", "deeplob_attention", "tlob", "mlplob", "translob", "axiallob")
} | {name: replace(_ON_LEVELS, model=name, lookback=10, stride=8) for name in ("ctabl", "binctabl")}
"""Models of the literature on z-scored levels, as their papers feed them, for two epochs."""


def figures(result: tsdeep.Result, name: str) -> pd.DataFrame:
    """Log-loss and MCC of a model and of the references, their errors, and the model's lead over each.

    Errors are standard deviations over draws of blocks of `BLOCK_ROWS` rows, at least five horizons each.
    """
    (horizon,) = result.samples.task.horizons
    found = evaluate(
        Evidence(
            name=name,
            model=name,
            predictions=result.predictions,
            references=result.references,
            horizon_rows=horizon,
            task="movement",
            row=result.samples.panel.row,
            block_rows=max(BLOCK_ROWS, 5 * horizon),
        )
    )
    assert isinstance(found, MovementEvaluation)
    own = found.intervals.pivot_table(
        index="method", columns="metric", values=["estimate", "error"], sort=False
    )
    lead = found.differences.pivot_table(
        index="reference", columns="metric", values=["estimate", "error", "ratio"], sort=False
    )
    table = pd.DataFrame(
        {
            "log_loss": own["estimate", "log_loss"],
            "log_loss_error": own["error", "log_loss"],
            "mcc": own["estimate", "mcc"],
            "mcc_error": own["error", "mcc"],
            "lead": lead["estimate", "log_loss"],
            "lead_error": lead["error", "log_loss"],
            "lead_ratio": lead["ratio", "log_loss"],
            "mcc_lead": lead["estimate", "mcc"],
            "mcc_lead_error": lead["error", "mcc"],
        }
    )
    return table.loc[[name, *(method for method in own.index if method != name)]]


def comparison(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Lay out `figures` of several models on the same rows, a method a row: log-loss, MCC, lead over references.

    A lead is the difference of log-loss from the reference, below zero where the method is better, with its
    paired error; `mcc lead` is that over boosting.
    """
    first, *_ = tables
    references = [method for method in first.index if method in METHODS]
    rows = {}
    for table in tables:
        name = table.index[0]
        leads = {
            f"over {r}": _with_error(table.loc[r, "lead"], table.loc[r, "lead_error"]) for r in references
        }
        mcc = _with_error(table.loc["boosting", "mcc_lead"], table.loc["boosting", "mcc_lead_error"], 3)
        rows[name] = _scores(table.loc[name]) | leads | {"mcc lead": mcc}
    for reference in references:
        rows[reference] = _scores(first.loc[reference])
    return pd.DataFrame(rows).T.fillna("")


def _scores(row: pd.Series) -> dict[str, str]:
    return {
        "log-loss": _with_error(row["log_loss"], row["log_loss_error"]),
        "MCC": _with_error(row["mcc"], row["mcc_error"], 3),
    }


def _with_error(value: float, error: float, digits: int = 4) -> str:
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def validation_loss(result: tsdeep.Result) -> float:
    """Mean over seeds of the lowest validation log-loss."""
    return float(result.history.groupby("member")["val_loss"].min().mean())
