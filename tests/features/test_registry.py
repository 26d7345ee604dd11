"""Features by name: made from spec mappings, described as JSON schema, refused with the nearest name."""

from __future__ import annotations

import json

import jsonschema
import pytest

from tsdeep.errors import SpecError
from tsdeep.features import (
    Feature,
    LogReturn,
    RollingMean,
    argument_model,
    feature_names,
    feature_schema,
    get_feature,
    make_feature,
    register_feature,
)


def _define(kind: str) -> type[Feature]:
    @register_feature(kind)
    class Constant(Feature):
        fields, warmup, names = ("close",), 0, ("constant",)

    return Constant


@pytest.fixture
def registry(monkeypatch):
    """A registry whose changes are undone."""
    from tsdeep.features import registry

    monkeypatch.setattr(registry, "_FEATURES", dict(registry._FEATURES))


def test_nested_mappings_make_nested_features():
    feature = make_feature({"kind": "rolling_mean", "rows": 3, "of": {"kind": "log_return", "rows": 2}})
    assert isinstance(feature, RollingMean)
    assert isinstance(feature.of, LogReturn)
    assert (feature.rows, feature.of.rows, feature.of.field) == (3, 2, "close")
    assert make_feature(feature) is feature


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            {"kind": "log_retrn"},
            r"unknown feature 'log_retrn': did you mean 'log_return'\? Known: asset, book_levels, calendar,",
        ),
        ({"kind": 3}, r"unknown feature '3'"),
        ({"rows": 1}, r"'kind' is missing"),
        ("log_return", r"expected a mapping"),
        ({"kind": "log_return", "row": 3}, r"'log_return': unknown argument 'row': did you mean 'rows'\?"),
        ({"kind": "log_return", "rows": -1}, r"rows = -1: input should be greater than or equal to 1"),
        ({"kind": "rolling_mean", "rows": 2}, r"argument 'of' is missing"),
        (
            {"kind": "rolling_mean", "rows": 2, "of": {"kind": "log_return", "rows": 0}},
            r"'rolling_mean': of = .*'log_return': rows = 0",
        ),
        ({"kind": "lag", "rows": [1, 0], "of": {"kind": "log_return"}}, r"'lag': rows\.1 = 0: "),
    ],
)
def test_mappings_that_do_not_fit_are_refused(mapping, message):
    with pytest.raises(SpecError, match=message):
        make_feature(mapping)


def test_a_class_defined_again_replaces_itself_and_no_other(registry):
    _define("constant")
    again = _define("constant")
    assert get_feature("constant") is again
    assert again.kind == "constant"
    assert "constant" in feature_names()
    with pytest.raises(
        SpecError, match=r"'log_return' is registered already, by tsdeep\.features\.prices\.LogReturn"
    ):
        _define("log_return")


def test_what_cannot_be_described_is_not_registered(registry):
    class Untyped(Feature):
        def __init__(self, rows=1, **kwargs):
            super().__init__(**kwargs)

    class Positional(Feature):
        def __init__(self, *rows: int, **kwargs):
            super().__init__(**kwargs)

    with pytest.raises(SpecError, match="Untyped: argument 'rows' has no type annotation"):
        register_feature("untyped")(Untyped)
    with pytest.raises(SpecError, match="Positional: argument 'rows' must be one that can be given by name"):
        register_feature("positional")(Positional)
    with pytest.raises(SpecError, match="is not a subclass of Feature"):
        register_feature("number")(int)


def test_argument_models_carry_defaults():
    assert argument_model(LogReturn)().model_dump() == {"rows": 1, "field": "close"}


def test_schema_accepts_what_make_feature_accepts():
    schema = json.loads(json.dumps(feature_schema()))
    validator = jsonschema.Draft202012Validator(schema)
    good = [
        {"kind": "log_return"},
        {"kind": "calendar", "parts": ["month"]},
        {
            "kind": "lag",
            "rows": [1, 2],
            "of": {"kind": "rolling_mean", "rows": 5, "of": {"kind": "log_return"}},
        },
        {"kind": "lag", "rows": 1, "of": {"kind": "garman_klass", "rows": 5, "overnight": False}},
    ]
    bad = [
        {"kind": "log_retrn"},
        {"kind": "log_return", "rows": 0},
        {"kind": "log_return", "row": 1},
        {"kind": "rolling_mean", "rows": 5},
        {"kind": "rolling_mean", "rows": 5, "of": {"kind": "log_return", "rows": "1"}},
        {"kind": "calendar", "parts": ["weekdy"]},
    ]
    for mapping in good:
        make_feature(mapping)
        validator.validate(mapping)
    for mapping in bad:
        with pytest.raises(SpecError):
            make_feature(mapping)
        assert not validator.is_valid(mapping)
