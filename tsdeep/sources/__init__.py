"""The world outside, as canonical tables of bars and books."""

from tsdeep.sources.base import (
    BookSource,
    OneOrMore,
    Source,
    make_source,
    register_source,
    source_class,
    source_names,
    source_schema,
)
from tsdeep.sources.bundled import Bundled
from tsdeep.sources.csv import Csv

__all__ = [
    "BookSource",
    "Bundled",
    "Csv",
    "OneOrMore",
    "Source",
    "make_source",
    "register_source",
    "source_class",
    "source_names",
    "source_schema",
]
