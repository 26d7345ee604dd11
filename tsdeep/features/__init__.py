"""Causal feature layers: raw rows in, channels out, with a declared warm-up."""

from tsdeep.arguments import FieldName, Rows, argument_model
from tsdeep.features.asset_one_hot import AssetOneHot
from tsdeep.features.asset_rows import AssetFeatures
from tsdeep.features.bank import FeatureBank
from tsdeep.features.base import Feature
from tsdeep.features.book import Levels, Tick
from tsdeep.features.book_levels import BookLevels, LogSize, PriceDistance, Spread
from tsdeep.features.book_pressure import Depth, Microprice, QueueImbalance
from tsdeep.features.book_returns import ElapsedTime, MidDeviation, MidReturn, MidVolatility
from tsdeep.features.by_symbol import ScalerBySymbol
from tsdeep.features.calendar import Calendar
from tsdeep.features.correlation import Correlation
from tsdeep.features.fit_scaler import fit_scaler
from tsdeep.features.log_level import LogLevel
from tsdeep.features.log_variance import LogVariance
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
    rolling_covariance,
    rolling_moments,
    rolling_reduce,
    rolling_reduce_each,
    rolling_sum,
    rolling_sums,
    rolling_z_score,
)
from tsdeep.features.row_windows import Windows
from tsdeep.features.scaler_registry import (
    get_scaler,
    make_scaler,
    register_scaler,
    scaler_names,
    scaler_schema,
)
from tsdeep.features.scaling import Clip, Scaler
from tsdeep.features.signed_log import SignedLogScaler
from tsdeep.features.squared_returns import OvernightVariance, Semivariance, SignedReturn, SquaredReturn
from tsdeep.features.standard_scaler import StandardScaler
from tsdeep.features.volatility import GarmanKlass, Parkinson, RealisedVolatility, RogersSatchell, YangZhang

__all__ = [
    "AssetFeatures",
    "AssetOneHot",
    "BookLevels",
    "Calendar",
    "Clip",
    "Correlation",
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
    "LogLevel",
    "LogReturn",
    "LogSize",
    "LogVariance",
    "LogVolumeChange",
    "Microprice",
    "MidDeviation",
    "MidReturn",
    "MidVolatility",
    "OrderFlowImbalance",
    "OvernightVariance",
    "Parkinson",
    "PreviousSessionsScaler",
    "PriceDistance",
    "QueueImbalance",
    "RankGaussianScaler",
    "RealisedVolatility",
    "RogersSatchell",
    "RollingMean",
    "RollingZScore",
    "Rows",
    "Scaler",
    "ScalerBySymbol",
    "Semivariance",
    "SignedLogScaler",
    "SignedReturn",
    "Spread",
    "SquaredReturn",
    "StandardScaler",
    "Tick",
    "TradeFlow",
    "Windows",
    "YangZhang",
    "argument_model",
    "feature_names",
    "feature_schema",
    "fit_scaler",
    "get_feature",
    "get_scaler",
    "make_feature",
    "make_scaler",
    "register_feature",
    "register_scaler",
    "rolling_covariance",
    "rolling_moments",
    "rolling_reduce",
    "rolling_reduce_each",
    "rolling_sum",
    "rolling_sums",
    "rolling_z_score",
    "scaler_names",
    "scaler_schema",
]
