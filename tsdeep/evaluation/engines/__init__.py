"""Predictions handed over to event-driven engines, which trade them bar by bar."""

from tsdeep.evaluation.engines.backtrader import make_cerebro, run_backtrader
from tsdeep.evaluation.engines.zipline import run_zipline, write_zipline

__all__ = ["make_cerebro", "run_backtrader", "run_zipline", "write_zipline"]
