"""Calendar features: where in the week, month and year a row stands, and how long ago the last one was."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import keras
from pydantic import Field

from tsdeep.errors import SpecError
from tsdeep.features.base import Feature
from tsdeep.features.registry import register_feature

Part = Literal["weekday", "day_of_month", "month", "days_since_previous_row"]

_SECONDS_A_DAY = 86_400.0
_CYCLES: tuple[Part, ...] = ("weekday", "day_of_month", "month")


@register_feature("calendar")
class Calendar(Feature):
    """Calendar position of a row's time, known in advance, from the field `time`.

    Weekday (Monday first, of 7), day of the month (of the month's own length) and month (of 12) are points
    on a circle: channels `<part>_sin` and `<part>_cos` of 2π · position / length, positions from 0.
    `days_since_previous_row` is the time since the row before in days, 3 from a Friday to a Monday.

    Parameters
    ----------
    parts : sequence of str
        Which of `weekday`, `day_of_month`, `month`, `days_since_previous_row`, in the order of the channels.
    **kwargs : object
        See `Feature`.

    Notes
    -----
    `time` is in seconds since 1970-01-01, float64, in the exchange's local time; before 1970 it is negative.
    Dates are found by integer arithmetic, in the proleptic Gregorian calendar.

    References
    ----------
    Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    """

    fields = ("time",)

    def __init__(
        self,
        parts: Annotated[tuple[Part, ...], Field(min_length=1)] = (*_CYCLES, "days_since_previous_row"),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.parts = tuple(parts)
        if len(set(self.parts)) < len(self.parts):
            raise SpecError(f"feature 'calendar': parts given more than once in {', '.join(self.parts)}")
        self.warmup = int("days_since_previous_row" in self.parts)
        names: list[str] = []
        for part in self.parts:
            names += [f"{part}_sin", f"{part}_cos"] if part in _CYCLES else [part]
        self.names = tuple(names)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, channels]`."""
        time = fields["time"]
        date = _civil_from_days(keras.ops.cast(keras.ops.floor(time / _SECONDS_A_DAY), "int64"))
        channels = []
        for part in self.parts:
            if part == "days_since_previous_row":
                channels.append((time[:, 1:] - time[:, :-1]) / _SECONDS_A_DAY)
            else:
                position, length = (keras.ops.cast(x, "float64")[:, self.warmup :] for x in date[part])
                angle = position * (2.0 * math.pi) / length
                channels += [keras.ops.sin(angle), keras.ops.cos(angle)]
        return keras.ops.stack(channels, axis=-1)  # [batch, rows - warmup, channels]


def _civil_from_days(days: Any) -> dict[str, tuple[Any, Any]]:
    """Position from 0 in each cycle, and the cycle's length, from days since 1970-01-01 (int64)."""
    floor_divide = keras.ops.floor_divide
    shifted = days + 719_468  # days since 0000-03-01, so that a leap day ends its year
    era = floor_divide(shifted, 146_097)  # 400 years
    day_of_era = shifted - era * 146_097
    year_of_era = floor_divide(
        day_of_era - floor_divide(day_of_era, 1_460) + floor_divide(day_of_era, 36_524)
        - floor_divide(day_of_era, 146_096),
        365,
    )  # fmt: skip
    day_of_year = day_of_era - (
        365 * year_of_era + floor_divide(year_of_era, 4) - floor_divide(year_of_era, 100)
    )
    from_march = floor_divide(5 * day_of_year + 2, 153)
    day = day_of_year - floor_divide(153 * from_march + 2, 5)
    month = keras.ops.mod(from_march + 2, 12)  # January is 0
    year = year_of_era + era * 400 + keras.ops.cast(month < 2, "int64")
    month_length = 30 + keras.ops.mod(month + 1 + floor_divide(month + 1, 8), 2)
    month_length = keras.ops.where(month == 1, 28 + _is_leap(year), month_length)
    return {
        "weekday": (keras.ops.mod(days + 3, 7), keras.ops.full_like(days, 7)),
        "day_of_month": (day, month_length),
        "month": (month, keras.ops.full_like(days, 12)),
    }


def _is_leap(year: Any) -> Any:
    """1 in leap years, else 0 (int64)."""
    mod = keras.ops.mod
    leap = keras.ops.logical_and(
        mod(year, 4) == 0, keras.ops.logical_or(mod(year, 100) != 0, mod(year, 400) == 0)
    )
    return keras.ops.cast(leap, "int64")
