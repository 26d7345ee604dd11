"""Predictions traded by Zipline, session by session, in an environment of its own."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import exchange_calendars
import numpy as np
import pandas as pd

from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation.account import FILL_COLUMNS, Account
from tsdeep.evaluation.backtest import Backtest
from tsdeep.evaluation.engines.common import account_settings, as_backtest, decided_alone
from tsdeep.evaluation.engines.zipline_environment import COMMAND, own_variables, zipline_version
from tsdeep.evaluation.positions import delayed
from tsdeep.evaluation.strategy import Strategy

BUNDLE = "tsdeep"
CAPITAL = 1e15  # in Zipline, so that its whole shares are fine enough
_HIGHEST_PRICE = 4e6  # a bundle holds prices as 32-bit integers of a thousandth
_VOLUME = 1_000_000  # fills do not depend on it, but none come where it is 0
_EXTENSION = '''"""Register the bundle of this folder with Zipline. In this folder, with ZIPLINE_ROOT set:

{commands}
"""

from zipline.data.bundles import register
from zipline.data.bundles.csvdir import csvdir_equities

register("{bundle}", csvdir_equities(["daily"], "."), calendar_name="{calendar}")
'''


def write_zipline(
    folder: str | os.PathLike[str],
    predictions: pd.DataFrame,
    prices: pd.DataFrame,
    *,
    calendar: str = "XNYS",
    slippage_bps: float = 0.0,
    **settings: Any,
) -> list[list[str]]:
    """Write what Zipline needs to trade predictions: a csvdir bundle, its registration, an algorithm and targets.

    The folder holds `daily/` (bars), `extension.py`, `algorithm.py`, `targets.csv` (the position decided at each
    close by `tsdeep.evaluation.backtest`, a fraction of a symbol's equal share) and `settings.json`. The symbols
    are called S0, S1, ... there; `settings.json` says which is which. A bundle holds prices to a thousandth, and
    Zipline trades whole shares: prices are multiplied by a power of ten and the capital is 1e15, so that neither
    rounding shows; fees are converted, and `run_zipline` converts back.

    Parameters
    ----------
    folder : path
        Made if it is not there; files of the same names are written anew.
    predictions, prices : pandas.DataFrame
        As `tsdeep.evaluation.backtest` takes them; daily, a row each session of the calendar.
    calendar : str
        The exchange's, by its name in `exchange_calendars`.
    slippage_bps : float
        Basis points by which a fill is worse than the close.
    **settings
        Of `tsdeep.evaluation.Strategy`; execution is `"next_close"`, the fill that Zipline's daily mode has, and
        `rebalance` is `"on_change"` unless given, and may not be `"free"`.

    Returns
    -------
    list of list of str
        The commands that ingest the bundle and run the algorithm, without the Python that they begin with.

    Raises
    ------
    DataError
        If rows are not the calendar's sessions, symbols have different rows, or as `backtest` does.
    SpecError
        If Zipline cannot do what a setting asks for.
    """
    return _write(Path(folder), predictions, prices, calendar, slippage_bps, settings)[0]


def run_zipline(
    predictions: pd.DataFrame,
    prices: pd.DataFrame,
    *,
    python: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    calendar: str = "XNYS",
    slippage_bps: float = 0.0,
    **settings: Any,
) -> Backtest:
    """Trade predictions with Zipline, as a process of another Python.

    Parameters
    ----------
    predictions, prices, folder, calendar, slippage_bps, **settings
        See `write_zipline`. What Zipline writes is under the folder too (`ZIPLINE_ROOT` is `zipline/` there).
    python : path
        The Python of an environment with zipline-reloaded and pandas below 3, as
        `python -m tsdeep.evaluation.engines.zipline_environment DIR` makes it.

    Returns
    -------
    Backtest
        Positions, days and fills as Zipline had them; equal to
        `tsdeep.evaluation.backtest(..., execution="next_close", rebalance="on_change")` where `slippage_bps` is 0.

    Raises
    ------
    DataError
        If the Python or its Zipline is missing, Zipline fails, or as `write_zipline` does.
    SpecError
        If Zipline cannot do what a setting asks for.
    """
    if zipline_version(python) is None:
        raise DataError(
            f"python: {os.fspath(python)!r} has no zipline-reloaded; expected the Python of an environment that has "
            f"it, as {COMMAND} makes it"
        )
    folder = Path(folder).absolute()
    commands, written, vectorised, bars = _write(
        folder, predictions, prices, calendar, slippage_bps, settings
    )
    for name in ("values.csv", "fills.csv"):
        (folder / name).unlink(missing_ok=True)
    root = folder / "zipline"
    shutil.rmtree(root, ignore_errors=True)
    for command in commands:
        done = subprocess.run(
            [os.path.abspath(python), *command],
            cwd=folder,
            env=own_variables() | {"ZIPLINE_ROOT": str(root)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
            raise DataError(
                f"zipline: `{' '.join(command)}` in {folder} ended with {done.returncode}:\n{said}"
            )
    return as_backtest(_read(folder, written, bars), vectorised, bars)


def _write(
    folder: Path,
    predictions: pd.DataFrame,
    prices: pd.DataFrame,
    calendar: str,
    slippage_bps: float,
    settings: dict[str, Any],
) -> tuple[list[list[str]], dict[str, Any], Backtest, dict[str, pd.DataFrame]]:
    """Write the folder; return commands, what settings.json holds, the vectorised backtest, and bars by symbol."""
    settings = account_settings({"execution": "next_close", **settings}, "Zipline")
    strategy = Strategy.of(settings)
    _check_can(strategy, slippage_bps)
    vectorised, bars = decided_alone(predictions, prices, settings)
    times = next(iter(bars.values())).index
    sessions = _check_sessions(times, calendar)
    daily = folder / "daily"
    shutil.rmtree(daily, ignore_errors=True)
    daily.mkdir(parents=True)
    names, scale = {}, {}
    for column, (symbol, own) in enumerate(bars.items()):
        name = f"S{column}"
        frame = _csv(own, sessions)
        names[name] = symbol
        scale[name] = 10.0 ** math.floor(math.log10(_HIGHEST_PRICE / frame["high"].max()))
        frame[["open", "high", "low", "close"]] *= scale[name]
        frame.to_csv(daily / f"{name}.csv")
    ordered = np.vstack(
        [delayed(vectorised.targets.to_numpy(), strategy.delay_rows), np.full((1, len(names)), np.nan)]
    )
    pd.DataFrame(ordered, sessions, list(names)).to_csv(folder / "targets.csv")
    money = CAPITAL / strategy.starting_capital
    written = {
        "symbols": names,
        "price_scale": scale,
        "money_scale": money,
        "rebalance": strategy.rebalance,
        "cost_bps": strategy.cost_bps,
        "fee_per_share": {name: strategy.fee_per_share * scale[name] for name in names},
        "min_fee": strategy.min_fee * money,
        "slippage_bps": slippage_bps,
    }
    (folder / "settings.json").write_text(json.dumps(written, indent=2) + "\n")
    shutil.copyfile(Path(__file__).with_name("zipline_algorithm.py"), folder / "algorithm.py")
    zipline = ["-m", "zipline", "-e", "extension.py"]
    first, last = (f"{session:%Y-%m-%d}" for session in (sessions[0], sessions[-1]))
    commands = [
        [*zipline, "ingest", "-b", BUNDLE, "--no-show-progress"],
        [*zipline, "run", "-f", "algorithm.py", "-b", BUNDLE, "--start", first, "--end", last,
         "--capital-base", repr(CAPITAL), "--trading-calendar", calendar, "--no-benchmark", "-o", os.devnull],
    ]  # fmt: skip
    shown = "\n".join(f"    python {' '.join(command)}" for command in commands)
    (folder / "extension.py").write_text(_EXTENSION.format(commands=shown, bundle=BUNDLE, calendar=calendar))
    return commands, written, vectorised, bars


def _csv(own: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Return a symbol's bars as csvdir reads them; what is not known of open, high and low is between the others."""
    frame = pd.DataFrame({"open": own["open"] if "open" in own.columns else own["close"]})
    frame["open"] = frame["open"].fillna(own["close"])
    pair = frame.assign(close=own["close"])
    frame["high"], frame["low"], frame["close"] = pair.max(axis=1), pair.min(axis=1), own["close"]
    frame["volume"], frame["dividend"], frame["split"] = _VOLUME, 0.0, 1.0
    return frame.set_axis(sessions).rename_axis("date")


def _read(folder: Path, written: dict[str, Any], bars: dict[str, pd.DataFrame]) -> Account:
    """Return what Zipline wrote as an account, in the caller's money and shares."""
    times = next(iter(bars.values())).index
    names, money = list(written["symbols"]), written["money_scale"]
    scale = pd.Series(written["price_scale"])
    values = pd.read_csv(folder / "values.csv")
    if len(values) != len(times):
        raise DataError(f"zipline: values.csv has {len(values)} sessions, expected {len(times)}")
    fills = pd.read_csv(folder / "fills.csv")
    by_session = pd.Series(times, pd.DatetimeIndex(values["session"]))
    for name in ("ordered", "time"):
        fills[name] = by_session.reindex(pd.DatetimeIndex(fills[name])).array
    value = pd.Series(values["value"].to_numpy() / money, times, name="value")
    shares = (values[names] * scale[names] / money).set_axis(list(bars), axis=1).set_axis(times, axis=0)
    own_scale = scale.reindex(fills["symbol"]).to_numpy()
    fills["symbol"] = fills["symbol"].map(written["symbols"])
    fills["price"] = fills["price"] / own_scale
    fills["shares"] = fills["shares"] * own_scale / money
    fills["fee"] = fills["fee"] / money
    fills["side"] = np.sign(fills["shares"]).astype(int)
    signed = fills["shares"] * fills["price"]
    fills["fraction"] = signed / value.reindex(fills["ordered"]).to_numpy()
    sums = pd.DataFrame({"fees": fills["fee"], "traded": signed.abs()}).groupby(fills["time"]).sum()
    sums = sums.reindex(times[1:], fill_value=0.0)
    return Account(
        value,
        shares.iloc[1:],
        sums["fees"],
        pd.Series(0.0, times[1:]),
        sums["traded"],
        fills[list(FILL_COLUMNS)],
    )


def _check_can(strategy: Strategy, slippage_bps: float) -> None:
    if not (np.isfinite(slippage_bps) and slippage_bps >= 0):
        raise SpecError(f"slippage_bps is {slippage_bps!r}, expected a finite number of at least 0")
    if strategy.execution != "next_close":
        raise SpecError(
            f"execution is {strategy.execution!r}, but Zipline fills daily orders at the next close: expected "
            "'next_close'"
        )
    if strategy.borrow_bps:
        raise SpecError(
            f"borrow_bps is {strategy.borrow_bps!r}, but Zipline charges nothing for shorts: expected 0"
        )


def _check_sessions(times: pd.Index, calendar: str) -> pd.DatetimeIndex:
    """Return the dates of the rows, which must be all sessions of the calendar between the first and the last."""
    dates = pd.DatetimeIndex(times).tz_localize(None).normalize()
    known = exchange_calendars.get_calendar_names(include_aliases=True)
    if calendar not in known:
        raise SpecError(f"calendar is {calendar!r}, expected a name of exchange_calendars, such as 'XNYS'")
    month = pd.Timedelta("31D")
    opened = exchange_calendars.get_calendar(calendar, start=dates[0] - month, end=dates[-1] + month)
    sessions = opened.sessions_in_range(dates[0], dates[-1])
    if not dates.is_unique or not dates.equals(sessions):
        odd = dates[dates.duplicated()].append(dates.symmetric_difference(sessions))
        raise DataError(
            f"zipline: rows and sessions of {calendar} differ, first on {odd.min():%Y-%m-%d}; expected one row for "
            f"each session from {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}"
        )
    return dates
