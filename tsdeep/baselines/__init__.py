"""The reference methods, fitted on the same folds as the model."""

from tsdeep.baselines.linear import LogisticRegression
from tsdeep.baselines.naive import AlwaysUp, BaseRate
from tsdeep.baselines.reference import OnFeatures, Reference
from tsdeep.baselines.registry import references_for

__all__ = ["AlwaysUp", "BaseRate", "LogisticRegression", "OnFeatures", "Reference", "references_for"]
