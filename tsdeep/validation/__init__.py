"""Validation over time: folds that do not leak, the loop that fits on them, and the audit that checks both."""

from tsdeep.validation.audit import audit
from tsdeep.validation.audit_data import audit_feature, audit_folds, audit_scaler
from tsdeep.validation.average import average
from tsdeep.validation.combinatorial import CombinatorialPurged
from tsdeep.validation.finding import Audit, LookAheadError
from tsdeep.validation.fold import Fold
from tsdeep.validation.result import Result
from tsdeep.validation.splits import WalkForward
from tsdeep.validation.walk_forward import walk_forward

__all__ = [
    "Audit",
    "CombinatorialPurged",
    "Fold",
    "LookAheadError",
    "Result",
    "WalkForward",
    "audit",
    "audit_feature",
    "audit_folds",
    "audit_scaler",
    "average",
    "walk_forward",
]
