"""What the base class gives to a user-written feature, and what it refuses."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.features.raw_rows import bars, values_of
from tsdeep.errors import DataError, SpecError
from tsdeep.features import Feature, LogReturn, RollingMean


class Spread(Feature):
    """Difference of two fields of any trailing shape at a level."""

    warmup = 0
    fields = ("ask", "bid")

    def __init__(self, levels: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.levels = levels
        self.names = tuple(f"spread_{level}" for level in range(levels))

    def compute(self, fields):
        return (fields["ask"] - fields["bid"])[..., : self.levels]


def test_fields_with_levels_give_a_channel_a_level():
    rng = np.random.default_rng(0)
    book = {"ask": rng.uniform(1, 2, (2, 7, 10)), "bid": rng.uniform(0, 1, (2, 7, 10))}
    np.testing.assert_array_equal(values_of(Spread(3), book), (book["ask"] - book["bid"])[..., :3])
    assert Spread(3).compute_output_shape({"ask": (None, None, 10), "bid": (None, None, 10)}) == (
        None,
        None,
        3,
    )


def test_a_feature_that_is_not_registered_has_a_config_too():
    assert (
        Spread.from_config(Spread(4, name="wide").get_config()).get_config()
        == Spread(4, name="wide").get_config()
    )


def test_compute_sees_the_declared_fields_alone():
    class Curious(Spread):
        def compute(self, fields):
            return fields["volume"]

    book = {name: np.ones((1, 3, 1)) for name in ("ask", "bid", "volume")}
    with pytest.raises(KeyError, match="volume"):
        Curious()(book)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"volume": np.ones((1, 9))}, r"'log_return': missing field close; given: volume"),
        (
            {"close": np.ones((1, 3))},
            r"'log_return': 3 rows given, 6 needed \(warm-up 5 and the current row\)",
        ),
        ({"close": np.ones((1, 9), "float32")}, r"'log_return': field 'close' is float32; expected float64"),
        (
            {"close": np.ones(9)},
            r"'log_return': field 'close' has shape \(9,\); expected \[batch, rows, ...\]",
        ),
    ],
)
def test_raw_rows_that_do_not_fit_are_refused(raw, message):
    with pytest.raises(DataError, match=message):
        LogReturn(5)(raw)


def test_too_few_rows_are_refused_when_a_model_is_built():
    with pytest.raises(DataError, match="3 rows given, 6 needed"):
        LogReturn(5)({"close": keras.Input((3,), dtype="float64")})


def test_fields_of_different_length_are_refused():
    with pytest.raises(DataError, match="fields differ in rows: ask 3, bid 4"):
        Spread()({"ask": np.ones((1, 3, 1)), "bid": np.ones((1, 4, 1))})


def test_something_else_than_named_fields_is_refused():
    with pytest.raises(DataError, match=r"expected a dict of named fields \(close\)"):
        LogReturn()(keras.Input((None,), dtype="float64"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogReturn(0), r"'log_return': rows = 0: input should be greater than or equal to 1"),
        (lambda: LogReturn(1.5), r"rows = 1.5: input should be a valid integer"),
        (lambda: LogReturn("5"), r"rows = '5': input should be a valid integer"),
        (lambda: LogReturn(True), r"rows = True: input should be a valid integer"),
        (lambda: LogReturn(field=""), r"field = ''"),
        (lambda: LogReturn(row=3), r"unknown argument 'row': did you mean 'rows'\? Known: rows, field"),
        (lambda: LogReturn(dtype="float32"), r"unknown argument 'dtype'"),
        (lambda: LogReturn(1, "close", 3), r"3 positional arguments given, at most 2 expected"),
        (lambda: RollingMean(3), r"'rolling_mean': argument 'of' is missing"),
        (lambda: RollingMean(3, of="log_return"), r"of = 'log_return'"),
        (lambda: RollingMean(3, of={"kind": "log_return"}), r"of is a mapping: expected a Feature"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(make, message):
    with pytest.raises(SpecError, match=message):
        make()


def test_values_that_do_not_fit_the_declaration_are_refused():
    class TooMany(Spread):
        def compute(self, fields):
            return fields["ask"]

    class TooShort(Spread):
        def compute(self, fields):
            return fields["ask"][:, 1:]

    book = {"ask": np.ones((1, 5, 2)), "bid": np.ones((1, 5, 2))}
    with pytest.raises(DataError, match=r"shape \(1, 5, 2\).*channels = 1 \(spread_0\)"):
        TooMany()(book)
    with pytest.raises(DataError, match=r"shape \(1, 4, 2\).*rows - warmup = 5"):
        TooShort(2)(book)


def test_an_argument_that_is_not_kept_is_named():
    class Forgetful(Spread):
        def __init__(self, levels: int = 1, power: float = 2.0, **kwargs):
            super().__init__(levels, **kwargs)

    with pytest.raises(SpecError, match="Forgetful: argument 'power' is not kept as an attribute"):
        Forgetful().get_config()


def test_a_feature_without_compute_says_so():
    class Empty(Feature):
        fields, warmup, names = ("close",), 0, ("empty",)

    with pytest.raises(NotImplementedError, match=r"Empty does not implement compute\(fields\)"):
        Empty()(bars(3))
