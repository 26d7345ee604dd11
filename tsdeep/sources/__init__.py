"""The world outside, as canonical tables of bars: time, symbol and fields."""

from tsdeep.sources.base import Source, register_source, source_class, source_names
from tsdeep.sources.bundled import Bundled
from tsdeep.sources.csv import Csv

__all__ = ["Bundled", "Csv", "Source", "register_source", "source_class", "source_names"]
