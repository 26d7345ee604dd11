"""The reference methods, fitted on the same folds as the model."""

from tsdeep.baselines.boosting import MovementBoosting
from tsdeep.baselines.linear import LogisticRegression
from tsdeep.baselines.movement import Majority, OneLineRule, Persistence
from tsdeep.baselines.movement_fitted import MovementClassifier
from tsdeep.baselines.movement_linear import MovementLogistic
from tsdeep.baselines.naive import AlwaysUp, BaseRate
from tsdeep.baselines.reference import OnFeatures, Reference
from tsdeep.baselines.registry import references_for

__all__ = [
    "AlwaysUp",
    "BaseRate",
    "LogisticRegression",
    "Majority",
    "MovementBoosting",
    "MovementClassifier",
    "MovementLogistic",
    "OnFeatures",
    "OneLineRule",
    "Persistence",
    "Reference",
    "references_for",
]
