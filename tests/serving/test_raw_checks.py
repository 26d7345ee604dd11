"""The checks inside an exported graph, in a session as TensorFlow Serving and the C API run it."""

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.sessions import Served
from tsdeep.serving.raw_checks import checked_fields

ROWS = 4
TRAILING = {"close": (), "ask_price": (3,), "volume": ()}


def export(path, rows, compiled=False):
    """A graph of the sums of the newest rows, behind the checks."""
    specs = {n: tf.TensorSpec((None, rows, *shape), tf.float64, name=n) for n, shape in TRAILING.items()}

    @tf.function(jit_compile=compiled, autograph=False)
    def model(fields):
        newest = {
            name: tf.reshape(values[:, -ROWS:], (-1, ROWS * max(1, *TRAILING[name], 1)))
            for name, values in fields.items()
        }
        return sum(tf.reduce_sum(values, axis=1) for values in newest.values())

    @tf.function(input_signature=[specs], autograph=False)
    def serve(fields):
        fields = checked_fields(fields, rows_needed=ROWS, positive=("close", "ask_price"))
        return {"sum": tf.cast(model(fields), tf.float32)}

    tf.saved_model.save(tf.Module(), str(path), signatures={"serving_default": serve})


@pytest.fixture(scope="module", params=["fixed", "open", "compiled"])
def served(request, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param)
    export(path, ROWS if request.param == "fixed" else None, compiled=request.param == "compiled")
    return Served(path)


def good(batch=2, rows=ROWS):
    return {name: np.ones((batch, rows, *shape)) for name, shape in TRAILING.items()}


def refused(served, fields):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        served(fields)
    return error.value.message


def test_good_requests_are_answered(served):
    np.testing.assert_array_equal(served(good())["sum"], [20.0, 20.0])
    zero = good() | {"volume": np.zeros((2, ROWS))}
    np.testing.assert_array_equal(served(zero)["sum"], [16.0, 16.0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", TRAILING)
def test_a_value_that_is_not_finite_is_refused_with_its_field_and_place(served, name, value):
    fields = good()
    fields[name][1, 2] = value
    words = refused(served, fields)
    assert f"field {name}: expected finite numbers" in words
    assert "[1 2 0]" in words
    assert [other for other in TRAILING if f"field {other}" in words] == [name]


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_price_that_is_not_positive_is_refused_with_its_field_and_value(served, value):
    fields = good()
    fields["ask_price"][0, 3, 2] = value
    words = refused(served, fields)
    assert f"field ask_price: expected finite numbers above zero, found] [{value:.0f}]" in words
    assert "[0 3 2]" in words


@pytest.mark.parametrize("shape", [(2, ROWS), (2, ROWS, 4), (2, ROWS, 3, 1)])
def test_values_of_another_shape_are_refused_with_their_field(served, shape):
    words = refused(served, good() | {"ask_price": np.ones(shape)})
    assert "ask_price" in words
    assert "is not compatible with expected shape" in words


@pytest.mark.parametrize("rows", [1, ROWS - 1])
def test_too_few_rows_are_refused(served, rows):
    words = refused(served, good(rows=rows))
    assert "is not compatible with expected shape [?,4" in words or "at least 4 rows, found" in words


@pytest.mark.parametrize("name", TRAILING)
def test_fields_of_another_batch_or_rows_are_refused_with_the_names_and_sizes(served, name):
    other = np.ones((3, ROWS, *TRAILING[name]))
    words = refused(served, good() | {name: other})
    assert "= [2,4," in words
    assert "= [3,4," in words
    assert "fields_close_and_ask_price_and_volume" in words
    words = refused(served, good() | {name: np.ones((2, ROWS + 1, *TRAILING[name]))})
    assert name in words


def test_fields_may_have_names_that_ops_may_not(tmp_path):
    specs = {name: tf.TensorSpec((None, None), tf.float64) for name in ("Adj Close", "1/volume")}

    @tf.function(autograph=False)
    def serve(fields):
        return checked_fields(fields, rows_needed=2)

    graph = serve.get_concrete_function(specs)
    fields = {name: tf.ones((1, 2), tf.float64) for name in specs}
    assert set(graph(fields)) == set(specs)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="field Adj Close: expected finite numbers, found"
    ):
        graph(fields | {"Adj Close": fields["Adj Close"] * np.nan})


def test_fields_of_several_axes_a_row(tmp_path):
    specs = {
        "surface": tf.TensorSpec((None, None, 2, 3), tf.float64),
        "close": tf.TensorSpec((None, None), tf.float64),
    }

    @tf.function(autograph=False)
    def serve(fields):
        return checked_fields(fields, rows_needed=2, positive=("close",))

    graph = serve.get_concrete_function(specs)
    values = np.zeros((1, 2, 2, 3))
    assert graph({"surface": tf.constant(values), "close": tf.ones((1, 2), tf.float64)})["surface"].shape == (
        1,
        2,
        2,
        3,
    )
    values[0, 1, 1, 0] = np.inf
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"field surface: .*\[inf\].*\[0 1 3\]"):
        graph({"surface": tf.constant(values), "close": tf.ones((1, 2), tf.float64)})
