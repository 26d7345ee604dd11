"""Calls traded over the rows of order books: fills at the touch, latency, fees; and round trips of calls."""

from tsdeep.evaluation.replay.book import FILLS, Replay, fill, in_time, replay_book
from tsdeep.evaluation.replay.decisions import CLOSED_BY, Decisions, decide
from tsdeep.evaluation.replay.grid import ReplayGrid
from tsdeep.evaluation.replay.intervals import mean_interval
from tsdeep.evaluation.replay.round_trips import RoundTrips, round_trips
from tsdeep.evaluation.replay.signals import SIGNAL_COLUMNS, SignalledBook
from tsdeep.evaluation.replay.touch import TOUCH_COLUMNS, Touch

__all__ = [
    "CLOSED_BY",
    "FILLS",
    "SIGNAL_COLUMNS",
    "TOUCH_COLUMNS",
    "Decisions",
    "Replay",
    "ReplayGrid",
    "RoundTrips",
    "SignalledBook",
    "Touch",
    "decide",
    "fill",
    "in_time",
    "mean_interval",
    "replay_book",
    "round_trips",
]
