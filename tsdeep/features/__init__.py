"""Causal feature layers: raw rows in, channels out, with a declared warm-up."""

from tsdeep.arguments import FieldName, Rows, argument_model
from tsdeep.features.bank import FeatureBank
from tsdeep.features.base import Feature
from tsdeep.features.book import Levels, Tick, Windows
from tsdeep.features.book_levels import BookLevels, LogSize, PriceDistance, Spread
from tsdeep.features.book_pressure import Depth, Microprice, QueueImbalance
from tsdeep.features.book_returns import ElapsedTime, MidDeviation, MidReturn, MidVolatility
from tsdeep.features.calendar import Calendar
from tsdeep.features.order_flow import EventCount, OrderFlowImbalance, TradeFlow
from tsdeep.features.prices import FieldValue, Lag, LogReturn, LogVolumeChange, RollingMean, RollingZScore
from tsdeep.features.registry import (
    feature_names,
    feature_schema,
    get_feature,
    make_feature,
    register_feature,
)
from tsdeep.features.rolling import (
    rolling_moments,
    rolling_reduce,
    rolling_reduce_each,
    rolling_sum,
    rolling_sums,
    rolling_z_score,
)
from tsdeep.features.scaling import StandardScaler
from tsdeep.features.volatility import GarmanKlass, Parkinson, RealisedVolatility

__all__ = [
    "BookLevels",
    "Calendar",
    "Depth",
    "ElapsedTime",
    "EventCount",
    "Feature",
    "FeatureBank",
    "FieldName",
    "FieldValue",
    "GarmanKlass",
    "Lag",
    "Levels",
    "LogReturn",
    "LogSize",
    "LogVolumeChange",
    "Microprice",
    "MidDeviation",
    "MidReturn",
    "MidVolatility",
    "OrderFlowImbalance",
    "Parkinson",
    "PriceDistance",
    "QueueImbalance",
    "RealisedVolatility",
    "RollingMean",
    "RollingZScore",
    "Rows",
    "Spread",
    "StandardScaler",
    "Tick",
    "TradeFlow",
    "Windows",
    "argument_model",
    "feature_names",
    "feature_schema",
    "get_feature",
    "make_feature",
    "register_feature",
    "rolling_moments",
    "rolling_reduce",
    "rolling_reduce_each",
    "rolling_sum",
    "rolling_sums",
    "rolling_z_score",
]
