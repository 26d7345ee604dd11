"""Causal feature layers: raw rows in, channels out, with a declared warm-up."""

from tsdeep.arguments import FieldName, Rows, argument_model
from tsdeep.features.bank import FeatureBank
from tsdeep.features.base import Feature
from tsdeep.features.calendar import Calendar
from tsdeep.features.prices import FieldValue, Lag, LogReturn, LogVolumeChange, RollingMean, RollingZScore
from tsdeep.features.registry import (
    feature_names,
    feature_schema,
    get_feature,
    make_feature,
    register_feature,
)
from tsdeep.features.rolling import rolling_moments, rolling_reduce, rolling_sum, rolling_z_score
from tsdeep.features.scaling import StandardScaler
from tsdeep.features.volatility import GarmanKlass, Parkinson, RealisedVolatility

__all__ = [
    "Calendar",
    "Feature",
    "FeatureBank",
    "FieldName",
    "FieldValue",
    "GarmanKlass",
    "Lag",
    "LogReturn",
    "LogVolumeChange",
    "Parkinson",
    "RealisedVolatility",
    "RollingMean",
    "RollingZScore",
    "Rows",
    "StandardScaler",
    "argument_model",
    "feature_names",
    "feature_schema",
    "get_feature",
    "make_feature",
    "register_feature",
    "rolling_moments",
    "rolling_reduce",
    "rolling_sum",
    "rolling_z_score",
]
