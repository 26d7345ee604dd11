"""Order flow over the last rows: order-flow imbalance by level, signed trades, counts of events."""

from __future__ import annotations

from typing import Annotated, Any

import keras
from pydantic import Field

from tsdeep.errors import SpecError
from tsdeep.features.base import Feature
from tsdeep.features.book import Levels, top
from tsdeep.features.registry import register_feature
from tsdeep.features.rolling import rolling_sums
from tsdeep.features.row_windows import Windows, channels, kept, windows_of

_VISIBLE_EXECUTION, _HIDDEN_EXECUTION = 4.0, 5.0

EventType = Annotated[int, Field(strict=True, ge=1, le=7, description="Event type as in LOBSTER, 1 to 7.")]


@register_feature("order_flow_imbalance")
class OrderFlowImbalance(Feature):
    """Multi-level order-flow imbalance: net size that joined the bids less that which joined the asks.

    The contribution of row n at a level with bid price P, bid size q, ask price P', ask size q' is

        e_n = q_n [P_n >= P_{n-1}] - q_{n-1} [P_n <= P_{n-1}] - q'_n [P'_n <= P'_{n-1}] + q'_{n-1} [P'_n >= P'_{n-1}]

    summed over the last rows. An unoccupied level counts as a price beyond all others with size 0: what leaves
    it empty takes its size off, what fills it adds its size. In the size unit of the data.

    Parameters
    ----------
    levels : int
        Levels, best first.
    rows : int or sequence of int
        Rows of the sum, the current one included; 1 is the contribution of the current row.
    **kwargs : object
        See `Feature`.

    References
    ----------
    Level 1 is Cont, Kukanov and Stoikov (2014), "The price impact of order book events", Journal of Financial
    Econometrics 12(1), eq. 4; by level it is Xu, Gould and Howison (2018), "Multi-level order-flow imbalance in
    a limit order book", Market Microstructure and Liquidity 4(3-4).
    """

    mirror_sign = -1
    fields = ("ask_price", "ask_size", "bid_price", "bid_size")

    def __init__(self, levels: Levels, rows: Windows = (10, 20, 50, 100, 200, 500), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels = levels
        self.rows = kept(rows)
        self._windows = windows_of(rows, "order_flow_imbalance")
        self.warmup = max(self._windows)
        self.names = tuple(
            f"order_flow_imbalance_{level}_over_{window}"
            for window in self._windows
            for level in range(1, levels + 1)
        )

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, windows x levels]`: all levels of the first window first."""
        flow = self._joined(fields, "bid", -1.0) - self._joined(fields, "ask", 1.0)
        return channels(rolling_sums(flow, self._windows))

    def _joined(self, fields: dict[str, Any], side: str, away: float) -> Any:
        """Size that joined one side at each row, `[batch, rows - 1, levels]`; `away` is the way from the mid."""
        size = top(fields, f"{side}_size", self.levels)
        # As a distance from the mid, whose sign alone is used, so that nearer is less on either side.
        distance = top(fields, f"{side}_price", self.levels) * away
        distance = keras.ops.where(size > 0, distance, keras.ops.full_like(distance, float("inf")))
        none = keras.ops.zeros_like(size[:, 1:])
        before, now = distance[:, :-1], distance[:, 1:]
        came = keras.ops.where(now <= before, size[:, 1:], none)
        went = keras.ops.where(now >= before, size[:, :-1], none)
        return came - went


@register_feature("trade_flow")
class TradeFlow(Feature):
    """Size bought less size sold by those who take liquidity, summed over the last rows.

    An execution (event types 4, visible, and 5, hidden) against a resting sell order is a purchase. In the size
    unit of the data.

    Parameters
    ----------
    rows : int or sequence of int
        Rows of the sum, the current one included.
    hidden : bool
        Count executions against hidden orders too.
    **kwargs : object
        See `Feature`.
    """

    mirror_sign = -1
    fields = ("event_type", "event_size", "event_side")

    def __init__(
        self, rows: Windows = (10, 20, 50, 100, 200, 500), hidden: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rows = kept(rows)
        self.hidden = hidden
        self._windows = windows_of(rows, "trade_flow")
        self.warmup = max(self._windows) - 1
        kind = "trade_flow" if hidden else "visible_trade_flow"
        self.names = tuple(f"{kind}_over_{window}" for window in self._windows)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, windows]`."""
        event = fields["event_type"]
        traded = event == _VISIBLE_EXECUTION
        if self.hidden:
            traded = keras.ops.logical_or(traded, event == _HIDDEN_EXECUTION)
        bought = -fields["event_size"] * fields["event_side"]  # the side is that of the resting order
        return channels(
            rolling_sums(keras.ops.where(traded, bought, keras.ops.zeros_like(bought)), self._windows)
        )


@register_feature("event_count")
class EventCount(Feature):
    """How many of the last rows each type of event made.

    Parameters
    ----------
    rows : int or sequence of int
        Rows that are counted, the current one included.
    types : sequence of int
        Event types as in LOBSTER: 1 submission, 2 partial cancellation, 3 deletion, 4 visible execution,
        5 hidden execution, 6 cross trade, 7 halt.
    **kwargs : object
        See `Feature`.
    """

    mirror_sign = 1
    fields = ("event_type",)

    def __init__(
        self,
        rows: Windows = (10, 20, 50, 100, 200, 500),
        types: Annotated[tuple[EventType, ...], Field(min_length=1)] = (1, 2, 3, 4, 5),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rows = kept(rows)
        self.types = tuple(types)
        if len(set(self.types)) < len(self.types):
            raise SpecError(f"feature 'event_count': a type is given more than once in {list(self.types)}")
        self._windows = windows_of(rows, "event_count")
        self.warmup = max(self._windows) - 1
        self.names = tuple(
            f"event_count_{kind}_over_{window}" for window in self._windows for kind in self.types
        )

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, windows x types]`: all types of the first window first."""
        is_type = [keras.ops.cast(fields["event_type"] == float(kind), "float64") for kind in self.types]
        return channels(rolling_sums(keras.ops.stack(is_type, axis=-1), self._windows))
