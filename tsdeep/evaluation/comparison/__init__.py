"""Several runs of one study side by side: scores, tests of the differences, the set that holds the best."""

from tsdeep.evaluation.comparison.compare import Comparison, compare_evidence
from tsdeep.evaluation.comparison.material import Curves, MethodLosses
from tsdeep.evaluation.comparison.plots import plot_curves, plot_pairs
from tsdeep.evaluation.comparison.report import render_comparison, write_comparison

__all__ = [
    "Comparison",
    "Curves",
    "MethodLosses",
    "compare_evidence",
    "plot_curves",
    "plot_pairs",
    "render_comparison",
    "write_comparison",
]
