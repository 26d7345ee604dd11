"""The reference methods, fitted on the same folds as the model."""

from tsdeep.baselines.boosting import MovementBoosting
from tsdeep.baselines.linear import LogisticRegression
from tsdeep.baselines.movement import Majority, OneLineRule, Persistence
from tsdeep.baselines.movement_fitted import MovementClassifier
from tsdeep.baselines.movement_linear import MovementLogistic
from tsdeep.baselines.naive import AlwaysUp, BaseRate
from tsdeep.baselines.reference import OnFeatures, Reference
from tsdeep.baselines.registry import references_for
from tsdeep.baselines.volatility import VolatilityReference
from tsdeep.baselines.volatility_combination import VolatilityCombination
from tsdeep.baselines.volatility_fifty_days import FiftyDays
from tsdeep.baselines.volatility_garch import Garch
from tsdeep.baselines.volatility_har import HarRv, HarVol, LogHar, LogHarRange, LogHarRangeVix
from tsdeep.baselines.volatility_naive import Ewma, RandomWalkVolatility
from tsdeep.baselines.volatility_pooled import PooledLogHar
from tsdeep.baselines.volatility_references import volatility_references
from tsdeep.baselines.volatility_ridge import RidgeVolatility

__all__ = [
    "AlwaysUp",
    "BaseRate",
    "Ewma",
    "FiftyDays",
    "Garch",
    "HarRv",
    "HarVol",
    "LogHar",
    "LogHarRange",
    "LogHarRangeVix",
    "LogisticRegression",
    "Majority",
    "MovementBoosting",
    "MovementClassifier",
    "MovementLogistic",
    "OnFeatures",
    "OneLineRule",
    "Persistence",
    "PooledLogHar",
    "RandomWalkVolatility",
    "Reference",
    "RidgeVolatility",
    "VolatilityCombination",
    "VolatilityReference",
    "references_for",
    "volatility_references",
]
