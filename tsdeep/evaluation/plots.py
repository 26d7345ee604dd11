"""Figures that every task has: each function returns a matplotlib `Figure` and touches no global state."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tsdeep.errors import DataError
from tsdeep.evaluation.drawing import MODEL, QUIET, new_figure


def plot_learning_curves(history: pd.DataFrame, *, unit: str = "nats") -> Figure:
    """Draw training and validation loss by epoch: a thin line a fold and member, and their mean.

    Parameters
    ----------
    history : pandas.DataFrame
        Columns fold, member, stage, epoch, loss, val_loss. Rows of stage `"fit"` are drawn. The mean is over
        the fits that reach an epoch, and ends where fewer than half of them do.
    unit : str
        Of the loss; "" where it has none.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels on one scale: training rows left, those that stop the fit right.
    """
    fits = history[history["stage"] == "fit"]
    if fits.empty:
        raise DataError("learning curves: history has no rows of stage 'fit'")
    figure, axes = new_figure(1, 2, height=4.0, sharey=True)
    for axis, column, title in zip(
        axes, ("loss", "val_loss"), ("Training rows", "Rows held out"), strict=True
    ):
        curves = fits.pivot_table(index="epoch", columns=["fold", "member"], values=column)
        if curves.empty:
            axis.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axis.transAxes)
            continue
        lines = axis.plot(curves.index, curves.to_numpy(), color=QUIET, lw=0.8, alpha=0.7)
        lines[0].set_label(f"one fit ({curves.shape[1]})")
        mean = curves.mean(axis=1)[curves.notna().sum(axis=1) >= curves.shape[1] / 2]
        axis.plot(mean.index, mean, color=MODEL, lw=2.5, label="mean", marker="o", ms=3)
        axis.set(title=title, xlabel="epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_ylabel(f"loss ({unit})" if unit else "loss")
    low, high = np.nanquantile(fits[["loss", "val_loss"]].to_numpy(dtype=float), [0.0, 0.99])
    if high > low:
        axes[0].set_ylim(low - 0.08 * (high - low), high + 0.12 * (high - low))
    if axes[1].get_legend_handles_labels()[0]:
        axes[1].legend(loc="best")
    figure.suptitle("Learning curves, by fold")
    return figure
