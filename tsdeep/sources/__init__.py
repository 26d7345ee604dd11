"""The world outside, as canonical tables of bars and books."""

from tsdeep.sources.alpaca import Alpaca
from tsdeep.sources.alpaca_quotes import AlpacaQuotes
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
from tsdeep.sources.book_table import BookTable
from tsdeep.sources.bundled import Bundled
from tsdeep.sources.csv import Csv
from tsdeep.sources.datareader import DataReader
from tsdeep.sources.fi2010 import Fi2010
from tsdeep.sources.lobster import Lobster
from tsdeep.sources.nasdaq import Nasdaq
from tsdeep.sources.online import Answer, Fetched, OnlineSource
from tsdeep.sources.parquet import Parquet
from tsdeep.sources.pieces import Piece
from tsdeep.sources.simulated_book import SimulatedBook
from tsdeep.sources.yfinance import YFinance

__all__ = [
    "Alpaca",
    "AlpacaQuotes",
    "Answer",
    "BookSource",
    "BookTable",
    "Bundled",
    "Csv",
    "DataReader",
    "Fetched",
    "Fi2010",
    "Lobster",
    "Nasdaq",
    "OneOrMore",
    "OnlineSource",
    "Parquet",
    "Piece",
    "SimulatedBook",
    "Source",
    "YFinance",
    "make_source",
    "register_source",
    "source_class",
    "source_names",
    "source_schema",
]
