"""Direction: whether the close is higher a number of rows ahead."""

# No `from __future__ import annotations`: a task that inherits the settings needs their annotations as objects.

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from tsdeep.errors import SpecError
from tsdeep.tasks.base import Labels, Task, register_task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsdeep.panel import Panel


@register_task("direction")
@dataclass(frozen=True)
class Direction(Task):
    """Whether the close `horizon_rows` rows ahead is above the close of the current row.

    The label of row t is 1 if `close[t + horizon_rows] > close[t]` and 0 otherwise, an unchanged close
    included; it ends at row `t + horizon_rows`. A model has one logit and learns by binary cross-entropy.

    Parameters
    ----------
    horizon_rows : int, default 1
        Rows ahead that the label looks; on daily bars a row is a trading day.

    Raises
    ------
    SpecError
        If `horizon_rows` is not a positive whole number.

    Examples
    --------
    >>> Direction(horizon_rows=1).classes
    ('down', 'up')
    """

    horizon_rows: Annotated[int, Field(strict=True, ge=1, description="Rows ahead that the label looks.")] = 1

    classes: ClassVar[tuple[str, ...]] = ("down", "up")

    def __post_init__(self) -> None:
        if (
            isinstance(self.horizon_rows, bool)
            or not isinstance(self.horizon_rows, int)
            or self.horizon_rows < 1
        ):
            raise SpecError(
                f"horizon_rows: found {self.horizon_rows!r}, expected a whole number of at least 1"
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """Raw fields that the label reads: the close."""
        return ("close",)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of what a served model returns: the probabilities of both classes."""
        return self.classes

    def label(self, panel: "Panel") -> Labels:
        """Label every row of a panel; the last `horizon_rows` rows of a segment have no label.

        Parameters
        ----------
        panel : Panel
            With the field `close [rows]`.

        Returns
        -------
        Labels
            y 0.0 or 1.0, NaN where there is none, and the row at which each ends.
        """
        close = panel.raw("close")
        y = np.full(panel.n_rows, np.nan, np.float32)
        end = np.full(panel.n_rows, -1, np.int64)
        for start, stop in panel.bounds:
            last = stop - self.horizon_rows
            if last <= start:
                continue
            y[start:last] = close[start + self.horizon_rows : stop] > close[start:last]
            end[start:last] = np.arange(start + self.horizon_rows, stop)
        return Labels(y, end)

    def loss(self) -> Any:
        """Return binary cross-entropy on logits."""
        import keras

        return keras.losses.BinaryCrossentropy(from_logits=True)

    def metrics(self) -> list[Any]:
        """Return accuracy at a logit of zero."""
        import keras

        return [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)]

    def outputs(self, logits: Any) -> dict[str, Any]:
        """Turn logits `[batch, 1]` into the probabilities `down [batch]` and `up [batch]`."""
        from keras import ops

        up = ops.sigmoid(logits[:, 0])
        return {"down": 1.0 - up, "up": up}

    def table(self, base: pd.DataFrame, y: np.ndarray, outputs: "Mapping[str, np.ndarray]") -> pd.DataFrame:
        """Lay out predictions: the columns of `base`, y (int8) and `up`; with several seeds `up_seed<k>` too."""
        up = {name: values for name, values in outputs.items() if name.split("_seed")[0] == "up"}
        return base.assign(y=y.astype(np.int8), **up)
