import keras
import numpy as np
import pytest
import tensorflow as tf

import tsdeep
from tests.synthetic import samples
from tsdeep.validation.fitting import Refitter


@pytest.fixture(scope="module")
def market():
    return samples()


@pytest.fixture(scope="module")
def refitter(market):
    return Refitter(lambda compile: tsdeep.build("tiny", market, compile=compile))


def windows(market, rows, **options):
    return tsdeep.windows(market, rows, scaler=market.fit_scaler(market.rows[:400]), **options)


@pytest.mark.parametrize("n_batches", [1, 5, 16, 17])
def test_an_epoch_is_exactly_one_pass_over_the_batches(market, refitter, n_batches):
    train = windows(market, market.rows[: 8 * n_batches], batch_size=8, shuffle=True, seed=0)
    fitted = refitter.fit(train, None, epochs=3, seed=0, patience=None)
    assert int(refitter.model.optimizer.iterations) == 3 * n_batches
    assert [record["epoch"] for record in fitted.history] == [1, 2, 3]


def test_each_epoch_sees_every_row_once(market):
    seen = []

    @keras.saving.register_keras_serializable("tests")
    class Notes(keras.layers.Layer):
        def call(self, x):
            tf.py_function(lambda last: seen.extend(last.numpy().tolist()), [x[:, -1, 0]], [])
            return x[:, -1]

    def body(inputs):
        return Notes()(inputs)

    rows = market.rows[:50]
    fresh = Refitter(lambda compile: tsdeep.build(body, market, compile=compile, jit_compile=False))
    fresh.fit(
        windows(market, rows, batch_size=10, shuffle=True, seed=1), None, epochs=2, seed=0, patience=None
    )
    every = sorted(np.asarray(market.fit_scaler(market.rows[:400])(market.x))[rows, 0].tolist())
    assert sorted(seen[:50]) == sorted(seen[50:]) == pytest.approx(every)
    assert seen[:50] != seen[50:]


def test_a_fit_does_not_depend_on_the_fits_before_it(market, refitter):
    train = lambda: windows(market, market.rows[:128], batch_size=32, shuffle=True, seed=2)  # noqa: E731
    first = refitter.fit(train(), None, epochs=2, seed=9, patience=None)
    refitter.fit(train(), None, epochs=3, seed=1, patience=None)
    again = refitter.fit(train(), None, epochs=2, seed=9, patience=None)
    for one, other in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_weights_kept_are_those_of_the_best_validation_epoch(market, refitter):
    train = windows(market, market.rows[:128], batch_size=8, shuffle=True, seed=2)
    valid = windows(market, market.rows[200:260])
    fitted = refitter.fit(train, valid, epochs=12, seed=0, patience=None)
    losses = [record["val_loss"] for record in fitted.history]
    assert fitted.best_epoch == int(np.argmin(losses)) + 1
    refitter.model.set_weights(fitted.weights)
    assert refitter.evaluate(valid)["loss"] == pytest.approx(min(losses), rel=1e-6)


def test_validation_figures_equal_those_of_keras(market, refitter):
    valid = windows(market, market.rows[200:293], batch_size=40)
    figures = refitter.evaluate(valid)
    theirs = refitter.model.evaluate(
        windows(market, market.rows[200:293], batch_size=93), verbose=0, return_dict=True
    )
    assert figures == pytest.approx(theirs, rel=1e-5)


def test_patience_stops_a_fit(market, refitter):
    train = windows(market, market.rows[:64], batch_size=8, shuffle=True, seed=2)
    fitted = refitter.fit(train, windows(market, market.rows[300:400]), epochs=200, seed=0, patience=1)
    losses = [record["val_loss"] for record in fitted.history]
    assert len(losses) < 200
    assert len(losses) == fitted.best_epoch + 1
