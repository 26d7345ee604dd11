"""The log of a field, some rows late: for series that are quoted beside the prices, such as VIX."""

from __future__ import annotations

from typing import Annotated, Any

import keras
from pydantic import Field

from tsdeep.arguments import FieldName
from tsdeep.features.base import Feature
from tsdeep.features.registry import register_feature


@register_feature("log_level")
class LogLevel(Feature):
    """Natural log of a field, as it was some rows ago.

    Of VIX, which is quoted in annualised percentage points: ln(20) = 3.00 is a volatility of 20% a year, and a
    tenth more is a volatility 10.5% higher. The log of its square as a fraction, comparable with `log_variance`,
    is 2 ln(VIX) - 9.21.

    Parameters
    ----------
    field : str
        The field, `[batch, rows]`, above zero, in the unit of the data.
    lag : int
        Rows ago, 0 or more. There is no default, as the right one depends on when a value is known: VIX of a day
        is its value at 16:15 in New York, a quarter of an hour after the stock market's close. A forecast that is
        made at 16:00 must take 1, the day before; one that is made later in the evening may take 0.
    **kwargs : object
        See `Feature`.
    """

    def __init__(
        self, field: FieldName, lag: Annotated[int, Field(strict=True, ge=0)], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.field = field
        self.lag = lag
        self.fields = self.positive_fields = (field,)
        self.warmup = lag
        self.names = (f"log_{field}" + (f"_lag_{lag}" if lag else ""),)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - lag]`."""
        values = fields[self.field]
        return keras.ops.log(values[:, : -self.lag] if self.lag else values)
