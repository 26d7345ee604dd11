"""Causal feature layers: raw rows in, channels out, with a declared warm-up."""

from tsdeep.arguments import FieldName, Rows, argument_model
from tsdeep.features.asset_rows import AssetFeatures
from tsdeep.features.bank import FeatureBank
from tsdeep.features.base import Feature
from tsdeep.features.book import Levels, Tick, Windows
from tsdeep.features.book_levels import BookLevels, LogSize, PriceDistance, Spread
from tsdeep.features.book_pressure import Depth, Microprice, QueueImbalance
from tsdeep.features.book_returns import ElapsedTime, MidDeviation, MidReturn, MidVolatility
from tsdeep.features.by_symbol import ScalerBySymbol
from tsdeep.features.calendar import Calendar
from tsdeep.features.order_flow import EventCount, OrderFlowImbalance, TradeFlow
from tsdeep.features.previous_sessions import PreviousSessionsScaler
from tsdeep.features.prices import FieldValue, Lag, LogReturn, LogVolumeChange, RollingMean, RollingZScore
from tsdeep.features.rank_gaussian import RankGaussianScaler
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
from tsdeep.features.scaler_registry import make_scaler, register_scaler, scaler_names, scaler_schema
from tsdeep.features.scaling import Clip, Scaler
from tsdeep.features.signed_log import SignedLogScaler
from tsdeep.features.standard_scaler import StandardScaler
from tsdeep.features.volatility import GarmanKlass, Parkinson, RealisedVolatility

__all__ = [
    "AssetFeatures",
    "BookLevels",
    "Calendar",
    "Clip",
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
    "PreviousSessionsScaler",
    "PriceDistance",
    "QueueImbalance",
    "RankGaussianScaler",
    "RealisedVolatility",
    "RollingMean",
    "RollingZScore",
    "Rows",
    "Scaler",
    "ScalerBySymbol",
    "SignedLogScaler",
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
    "make_scaler",
    "register_feature",
    "register_scaler",
    "rolling_moments",
    "rolling_reduce",
    "rolling_reduce_each",
    "rolling_sum",
    "rolling_sums",
    "rolling_z_score",
    "scaler_names",
    "scaler_schema",
]
