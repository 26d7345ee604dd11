import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from tsdeep import DataError, RunError, SpecError, TsdeepError
from tsdeep.errors import invalid_keys, unknown_name


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    inner: Inner = Inner()
    names: list[str] = []
    size: int


def faults(content):
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(content)
    return invalid_keys(caught.value, Outer)


@pytest.mark.parametrize("error", [DataError, RunError, SpecError])
def test_every_error_is_a_tsdeep_error_and_a_value_error(error):
    assert issubclass(error, TsdeepError)
    assert issubclass(error, ValueError)


def test_the_nearest_name_is_offered_only_where_one_is_near():
    assert unknown_name("model", "transfomer", ["tcn", "transformer"]).startswith(
        "unknown model 'transfomer': did you mean 'transformer'? Known: tcn, transformer"
    )
    assert unknown_name("model", "xyz", ["tcn"]) == "unknown model 'xyz': Known: tcn"
    assert unknown_name("model", "xyz", []) == "unknown model 'xyz': Known: (none)"


def test_a_misspelt_key_comes_before_the_missing_one():
    assert faults({"siez": 1}) == [
        "unknown key 'siez': did you mean 'size'? Known: inner, names, size",
        "size is missing",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"size": 1, "inner": {"row": 1}}, "unknown key 'inner.row': did you mean 'rows'? Known: rows"),
        ({"size": 1, "inner": 3}, "inner: found 3, expected a mapping of keys"),
        ({"size": 1, "names": ["a", 2]}, "names[1]: found 2, expected a string"),
        ({"size": 1.5}, "size: found 1.5, expected an integer, got a number with a fractional part"),
    ],
)
def test_a_fault_names_the_key_what_was_found_and_what_was_expected(content, fault):
    assert faults(content) == [fault]
