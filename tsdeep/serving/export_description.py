"""The description of an export, `tsdeep.json`: for the people and programs that will call it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tsdeep.serving.raw_model import served_features, served_fields
from tsdeep.versions import library_versions

if TYPE_CHECKING:
    import numpy as np

    from tsdeep.samples import Samples
    from tsdeep.serving.signatures import Signature


def describe(samples: Samples, outputs: list[str]) -> dict[str, Any]:
    """Describe what a model reads and answers.

    Parameters
    ----------
    samples : Samples
        What it was trained on.
    outputs : list of str
        Names of its outputs.

    Returns
    -------
    dict
        Ready for JSON but for values of the spec, which become text.
    """
    shapes = served_fields(samples)
    return {
        "format": 1,
        "fields": list(shapes),
        "field_shapes": {name: list(shape) for name, shape in shapes.items()},
        "positive_fields": list(served_features(samples).positive_fields),
        "rows_needed": samples.rows_needed,
        "lookback": samples.lookback,
        "warmup": samples.features.warmup,
        "feature_names": list(samples.feature_names),
        "task": {"kind": samples.task.kind, **vars(samples.task)},
        "outputs": outputs,
        "row": samples.panel.row,
        "tick": samples.panel.tick,
        "symbols": sorted(set(samples.panel.symbols))
        if samples.assets is None
        else list(samples.assets.names),
        "assets": None
        if samples.assets is None
        else {"names": samples.assets.names, "joined": samples.assets.joined},
        "spec": None if samples.spec is None else samples.spec.resolved(),
        "versions": library_versions(),
    }


def describe_signatures(
    signatures: Mapping[str, Signature], answers: Mapping[str, Mapping[str, np.ndarray]]
) -> dict[str, Any]:
    """Describe each signature: shapes `[batch, rows, ...]`, null where any size will do, and dtypes.

    Parameters
    ----------
    signatures : mapping of str to Signature
        By name.
    answers : mapping
        What each answers on its examples: signature, output, array `[batch, ...]`.

    Returns
    -------
    dict
        By signature: `inputs` and `outputs` by name, `compiled`, and what else it says of itself.
    """
    return {
        name: {
            "inputs": {
                key: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
                for key, spec in signature.inputs.items()
            },
            "outputs": {
                key: {
                    "dtype": "string" if values.dtype.kind == "S" else values.dtype.name,
                    "shape": [signature.about.get("batch"), *values.shape[1:]],
                }
                for key, values in answers[name].items()
            },
            "compiled": signature.compiled,
            **signature.about,
        }
        for name, signature in signatures.items()
    }
