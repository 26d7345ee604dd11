"""Features in a spec: their mappings, and the arguments that the data tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsdeep.features import argument_model, get_feature, make_feature

#: Arguments of features that a spec may leave out: the data tells them.
FROM_DATA = ("tick", "levels", "assets", "symbols")
ANY_DATA: dict[str, Any] = {"tick": 1.0, "levels": 1, "assets": ("A", "B"), "symbols": ("A", "B")}


def known_feature(value: dict[str, Any]) -> dict[str, Any]:
    """Return a feature's mapping as it is; ValueError or SpecError where no feature can be made of it."""
    if "kind" in value and not isinstance(value["kind"], str):
        raise ValueError(f"found the kind {value['kind']!r}, expected a name")
    make_feature(*for_data([value], ANY_DATA))
    return value


def for_data(features: list[dict[str, Any]], known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give features what the data tells, such as tick, levels and assets, where the spec leaves it out."""
    filled = []
    for feature in features:
        asked = argument_model(get_feature(feature["kind"])).model_fields if "kind" in feature else {}
        filled.append({**{name: value for name, value in known.items() if name in asked}, **feature})
    return filled
