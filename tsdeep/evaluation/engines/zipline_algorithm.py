"""The algorithm that Zipline runs, copied into its folder: it reads no tsdeep, and imports Zipline when it is run.

It reads targets.csv and settings.json from the current folder and writes values.csv and fills.csv there.
"""

import json
from typing import Any

import pandas as pd

SAME_SHARES = 1e-9  # a change of fewer shares than this, relative to those held, is rounding and not ordered


def initialize(context: Any) -> None:
    """Read targets and settings; set commission and slippage."""
    from zipline.api import set_commission, set_slippage, symbol
    from zipline.finance.commission import EquityCommissionModel
    from zipline.finance.slippage import EquitySlippageModel

    with open("settings.json") as file:
        settings = json.load(file)
    context.settings = settings
    context.targets = pd.read_csv("targets.csv", index_col=0, parse_dates=True)
    context.asset_of = {name: symbol(name) for name in context.targets.columns}
    context.last_target = dict.fromkeys(context.targets.columns, 0.0)
    context.rows, context.waiting, context.fills = [], {}, []

    class Fees(EquityCommissionModel):
        """Basis points of the value and money a share, at least a minimum."""

        def calculate(self, order: Any, transaction: Any) -> float:  # noqa: ARG002
            size = abs(transaction.amount)
            per_share = settings["fee_per_share"][transaction.asset.symbol]
            fee = size * (transaction.price * settings["cost_bps"] / 1e4 + per_share)
            return max(fee, settings["min_fee"])

    class Slippage(EquitySlippageModel):
        """All of an order at the close of its bar, worse by basis points."""

        @staticmethod
        def process_order(data: Any, order: Any) -> tuple[float, int]:
            side = 1 if order.amount > 0 else -1
            price = data.current(order.asset, "close") * (1 + side * settings["slippage_bps"] / 1e4)
            return price, order.amount

    set_commission(us_equities=Fees())
    set_slippage(us_equities=Slippage())


def handle_data(context: Any, data: Any) -> None:
    """Record the session after its fills, and order what the target of its close asks for."""
    from zipline.api import get_order, order

    session = pd.Timestamp(data.current_session).tz_localize(None)
    for number in [each for each in context.waiting if get_order(each).filled == get_order(each).amount]:
        name, ordered = context.waiting.pop(number)
        context.fills.append((number, name, ordered, session, get_order(number).commission))
    value = context.portfolio.portfolio_value
    held = {name: context.portfolio.positions[asset].amount for name, asset in context.asset_of.items()}
    context.rows.append((session, value, *held.values()))
    targets = context.targets.loc[session]
    for name, asset in context.asset_of.items():
        target = targets[name]
        unchanged = context.settings["rebalance"] == "on_change" and target == context.last_target[name]
        if pd.isna(target) or unchanged:
            continue
        context.last_target[name] = target
        shares = round(target * value / len(context.asset_of) / data.current(asset, "close"))
        if abs(shares - held[name]) > SAME_SHARES * abs(held[name]):
            context.waiting[order(asset, shares - held[name])] = (name, session)


def analyze(context: Any, perf: pd.DataFrame) -> None:
    """Write what the account was worth and what was filled."""
    columns = ["session", "value", *context.asset_of]
    pd.DataFrame(context.rows, columns=columns).to_csv("values.csv", index=False)
    done = {each["order_id"]: each for day in perf["transactions"] for each in day}
    rows = [
        (ordered, time, name, done[number]["price"], done[number]["amount"], fee)
        for number, name, ordered, time, fee in context.fills
    ]
    columns = ["ordered", "time", "symbol", "price", "shares", "fee"]
    pd.DataFrame(rows, columns=columns).to_csv("fills.csv", index=False)
