import copy
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

FOLDER = Path(__file__).parent.parent / "data_specs"
SCHEMA = json.loads((FOLDER / "schema.json").read_text())
FILES = sorted(FOLDER.glob("*.yaml"))


def as_json(path):
    """A spec as an editor sees it: a date is text."""
    return json.loads(json.dumps(yaml.safe_load(path.read_text()), default=str))


def test_the_file_is_the_schema_that_the_command_prints():
    """In a process of its own, in which nothing else is registered."""
    command = [sys.executable, "-m", "tsdeep", "show", "--schema"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == (FOLDER / "schema.json").read_text(), (
        "make it anew: tsdeep show --schema > data_specs/schema.json"
    )


def test_it_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_spec_fits_it_and_names_it_for_the_editor(path):
    jsonschema.validate(as_json(path), SCHEMA)
    assert path.read_text().startswith("# yaml-language-server: $schema=schema.json\n")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("lookbak",), 3),
        (("lookback",), "20"),
        (("lookback",), 0),
        (("source", "symbls"), ["sp500"]),
        (("source", "symbols"), ["dax"]),
        (("source", "kind"), "cvs"),
        (("features", 0, "row"), 3),
        (("features", 0, "rows"), 0),
        (("features", 0, "kind"), "log_retrun"),
        (("task", "horizon"), 1),
        (("task", "horizon_rows"), 0),
        (("split", "tran"), 3),
        (("split", "mode"), "rollin"),
        (("split", "train"), 2.5),
        (("model",), "tnc"),
        (("hparams", "tnc"), {}),
        (("hparams", "tcn", "filter"), 3),
        (("hparams", "tcn", "filters"), "many"),
        (("training", "epohs"), 3),
        (("backtest", "sizing"), "sgn"),
    ],
)
def test_a_wrong_key_or_value_fails_it(place, value):
    content = copy.deepcopy(as_json(FOLDER / "sp500_direction.yaml"))
    part = content
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)


def test_every_setting_says_what_it_is():
    for name, part in {
        "spec": SCHEMA,
        **{k: v for k, v in SCHEMA["$defs"].items() if k in ("Split", "Training")},
    }.items():
        for key, value in part["properties"].items():
            assert "description" in value or "$ref" in value, (name, key)
