"""Time of a walk-forward: tsdeep's loop against loops that build a model for every fold."""

import time

import keras
import numpy as np
import pytest

import tsdeep

EPOCHS, BATCH, UNITS = 20, 64, 16
CV = tsdeep.WalkForward(train="4YE", valid="1YE", test="1YE")  # test years 2004 to 2018


def lstm(samples):
    model = keras.Sequential(
        [
            keras.Input(samples.input_shape),
            keras.layers.LSTM(UNITS),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def scaled(samples, fold):
    x = samples.x[fold.train]
    return (samples.x - x.mean(axis=0)) / x.std(axis=0)


def cut(samples, x, rows):
    return x[rows[:, None] + np.arange(1 - samples.lookback, 1)]


def keras_windows(samples, x, rows, shuffle):
    """As the documentation of Keras does it: a contiguous run of rows."""
    first = rows[0] - samples.lookback + 1
    return keras.utils.timeseries_dataset_from_array(
        x[first : rows[-1] + 1], samples.y[rows], samples.lookback, batch_size=BATCH, shuffle=shuffle
    )


def naive(samples, streamed):
    for fold in CV.split(samples):
        x = scaled(samples, fold)
        model = lstm(samples)
        if streamed:
            train, valid, test = (
                keras_windows(samples, x, rows, rows is fold.train)
                for rows in (fold.train, fold.valid, fold.test)
            )
            model.fit(train, validation_data=valid, epochs=EPOCHS, verbose=0)
            model.predict(test, verbose=0)
        else:
            train, valid, test = (cut(samples, x, rows) for rows in (fold.train, fold.valid, fold.test))
            labels = (samples.y[fold.train], samples.y[fold.valid])
            model.fit(
                train,
                labels[0],
                validation_data=(valid, labels[1]),
                epochs=EPOCHS,
                batch_size=BATCH,
                verbose=0,
            )
            model.predict(test, verbose=0)


def timed(run):
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


@pytest.mark.benchmark
def test_one_compiled_model_beats_a_model_a_fold(capsys):
    samples = tsdeep.load("sp500_direction")
    samples.x  # noqa: B018  (features are not part of the comparison)
    ours = timed(
        lambda: tsdeep.walk_forward(
            "lstm",
            samples,
            CV,
            units=UNITS,
            epochs=EPOCHS,
            batch_size=BATCH,
            patience=None,
            refit=False,
            progress=False,
        )
    )
    in_memory = timed(lambda: naive(samples, streamed=False))
    streamed = timed(lambda: naive(samples, streamed=True))
    with capsys.disabled():
        print(
            f"\nLSTM-{UNITS}, {EPOCHS} epochs in each of {CV.get_n_splits(samples)} folds, lookback {samples.lookback}"
        )
        print(f"  tsdeep.walk_forward                          {ours:>7.1f} s")
        print(f"  a model a fold, windows by Keras             {streamed:>7.1f} s {streamed / ours:>6.2f}x")
        print(f"  a model a fold, windows as arrays in memory  {in_memory:>7.1f} s {in_memory / ours:>6.2f}x")
    assert streamed >= 4 * ours
