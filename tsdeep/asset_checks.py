"""Checks of the bars of several assets: jumps, prices outside their range, rows without range or volume."""

from __future__ import annotations

import numpy as np

from tsdeep.errors import DataError
from tsdeep.panel import Panel


def check_prices(panel: Panel, max_jump: float) -> None:
    """Refuse a change of price that only a split or another adjustment explains."""
    outside = _outside(panel)
    if outside is not None:
        name, row = outside
        raise DataError(
            f"{panel.place(row)}: field '{name}' is {panel.fields[name][row]}, outside low {panel.fields['low'][row]} "
            f"and high {panel.fields['high'][row]}, as where only some of the prices are adjusted"
        )
    # Not the extremes: in the flash crash of 2010-05-06 the lows of several ETFs were half the close before.
    names = [name for name in ("open", "close") if name in panel.fields]
    before = panel.fields["close"][:-1]
    inside = panel.segment[1:] == panel.segment[:-1]
    for name in names:
        change = np.abs(np.log(panel.fields[name][1:] / before))
        jump = inside & (change > max_jump)
        if jump.any():
            row = int(np.argmax(jump)) + 1
            ratio = panel.fields[name][row] / panel.fields["close"][row - 1]
            raise DataError(
                f"{panel.place(row)}: field '{name}' is {panel.fields[name][row]}, {ratio:.4g} times the close before: "
                "an unexplained jump, as where adjusted and unadjusted prices are mixed or a split was not adjusted "
                f"for; expected a log change of at most {max_jump} (assets: max_jump)"
            )


def _outside(panel: Panel) -> tuple[str, int] | None:
    if not {"high", "low"} <= set(panel.fields):
        return None
    for name in ("open", "close"):
        if name not in panel.fields:
            continue
        price = panel.fields[name]
        # Adjusted prices are products in floating point.
        bad = (price > panel.fields["high"] * (1 + 1e-6)) | (price < panel.fields["low"] * (1 - 1e-6))
        if bad.any():
            return name, int(np.argmax(bad))
    return None


def flat_rows(panel: Panel) -> tuple[str, ...]:
    """Count rows without a range, and without volume, which features take a stated floor for or do not read."""
    notes = []
    if {"high", "low"} <= set(panel.fields):
        flat = np.flatnonzero(panel.fields["high"] == panel.fields["low"])
        if len(flat):
            notes.append(
                f"High equals low on {len(flat)} rows (the first: {panel.place(int(flat[0]))}): range estimators "
                "take their floor there."
            )
    if "volume" in panel.fields and (none := np.flatnonzero(panel.fields["volume"] == 0)).size:
        notes.append(f"Volume is zero on {len(none)} rows (the first: {panel.place(int(none[0]))}).")
    return tuple(notes)
