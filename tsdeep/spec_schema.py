"""The JSON schema of spec files, from which an editor completes and checks them."""

from __future__ import annotations

from typing import Any

from tsdeep.features import argument_model, feature_schema, scaler_schema
from tsdeep.models import model_names
from tsdeep.sources import source_schema
from tsdeep.spec import DataSpec
from tsdeep.spec_features import FROM_DATA
from tsdeep.spec_parts import hyperparameter_model
from tsdeep.tasks import task_class, task_names


def json_schema() -> dict[str, Any]:
    """Describe a spec file in JSON schema (draft 2020-12), with all that is registered now.

    Returns
    -------
    dict
        What `data_specs/schema.json` holds and `tsdeep show --schema` prints.

    Examples
    --------
    >>> json_schema()["properties"]["lookback"]["minimum"]
    1
    """
    schema = DataSpec.model_json_schema()
    properties = schema["properties"]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "tsdeep data spec"
    schema["description"] = "A data set and a task."
    schema["$defs"]["Source"] = source_schema()  # instead of the abstract one
    schema["$defs"].update(feature_schema()["$defs"])
    for feature in schema["$defs"]["Feature"]["oneOf"]:  # the spec takes these from the data
        feature["required"] = [name for name in feature["required"] if name not in FROM_DATA]
    for name in ("type", "additionalProperties"):
        properties["scaler"].pop(name, None)
    properties["features"]["items"] = {"$ref": "#/$defs/Feature"}
    properties["source"] = {"description": properties["source"]["description"], "$ref": "#/$defs/Source"}
    properties["scaler"] = {**properties["scaler"], **_scaler_schema()}
    properties["model"]["enum"] = model_names()
    properties["task"] = {
        "description": properties["task"]["description"],
        "oneOf": [_task_schema(kind) for kind in task_names()],
    }
    properties["hparams"]["properties"] = {
        model: hyperparameter_model(model).model_json_schema() for model in model_names()
    }
    properties["hparams"]["additionalProperties"] = False
    return schema


def _scaler_schema() -> dict[str, Any]:
    by_symbol = {"type": "boolean", "default": False, "description": "One for each instrument."}
    schema = scaler_schema()
    for kind in schema["oneOf"]:
        kind["properties"]["by_symbol"] = by_symbol
    return schema


def _task_schema(kind: str) -> dict[str, Any]:
    schema = argument_model(task_class(kind)).model_json_schema()
    schema["title"] = kind
    schema["description"] = (task_class(kind).__doc__ or kind).strip().splitlines()[0]
    schema["properties"] = {"kind": {"const": kind}, **schema["properties"]}
    schema["required"] = ["kind", *schema.get("required", [])]
    return schema
