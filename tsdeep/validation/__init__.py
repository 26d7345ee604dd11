"""Validation over time: folds that do not leak, and the loop that fits on them."""

from tsdeep.validation.combinatorial import CombinatorialPurged
from tsdeep.validation.fold import Fold
from tsdeep.validation.splits import WalkForward

__all__ = ["CombinatorialPurged", "Fold", "WalkForward"]
