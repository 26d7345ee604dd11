"""Exports of this TensorFlow in the runtime of TensorFlow Serving's newest release, which is older."""

import subprocess
import sys
import zipfile

import numpy as np
import pytest

import tsdeep
from tests.serving import c_program
from tests.serving.test_export_books import BOOK, CASES, EVENTS, LEVELS, fitted_case
from tests.synthetic import samples
from tsdeep.sources import make_source

RUNTIME = "2.20.*"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The C program with the libraries of the older wheel, of which nothing else is installed."""
    folder = tmp_path_factory.mktemp("runtime")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
    subprocess.run([*pip, f"tensorflow=={RUNTIME}"], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        wanted = [name for name in content.namelist() if name.startswith("tensorflow/libtensorflow_")]
        content.extractall(folder, wanted)
    wheel.unlink()
    return c_program.build(folder, folder / "tensorflow")


@pytest.mark.parametrize("name", ["lstm", "gru", "tcn", "transformer"])
def test_models_of_bars_answer_in_the_serving_runtime_as_offline(name, program, tmp_path):
    market = samples(300)
    scaler = market.fit_scaler(market.rows)
    model = tsdeep.build(name, market)
    version = tsdeep.export(
        model, tmp_path / "model", samples=market, scaler=scaler, verify=False, compiled=(1,)
    )
    rows = market.origins[-20:]
    window = tsdeep.windows(market, rows, scaler=scaler, labels=False, batch_size=20)
    up = market.task.outputs(model(next(iter(window)), training=False))["up"]
    raw = market.panel.windows(rows, market.rows_needed, market.features.fields)
    answer = c_program.run(program, version, "serving_default", raw, tmp_path / "default")
    np.testing.assert_allclose(answer["up"], up, rtol=0, atol=1e-5)
    said = c_program.run(program, version, "predict_class", raw, tmp_path / "class")
    assert said["label"].tolist() == np.where(np.asarray(up) > 0.5, "up", "down").tolist()
    one = {field: values[:1] for field, values in raw.items()}
    compiled = c_program.run(program, version, "compiled_1", one, tmp_path / "compiled")
    np.testing.assert_allclose(compiled["up"], up[:1], rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def books():
    source = {"kind": "simulated_book", "sessions": 2, "rows": 700, "levels": LEVELS}
    return make_source(source).panel((*BOOK, *EVENTS))


@pytest.mark.parametrize("name", CASES)
def test_order_book_models_answer_in_the_serving_runtime_as_offline(name, books, program, tmp_path):
    model, samples, scaler, rows = fitted_case(name, books)
    window = tsdeep.windows(samples, rows, scaler=scaler, batch_size=len(rows), labels=False)
    offline = samples.task.outputs(model(next(iter(window)), training=False))
    version = tsdeep.export(model, tmp_path / "model", samples=samples, scaler=scaler, verify=False)
    raw = books.windows(rows, samples.rows_needed, samples.features.fields)
    answer = c_program.run(program, version, "serving_default", raw, tmp_path)
    for output, values in offline.items():
        np.testing.assert_allclose(answer[output], values, rtol=0, atol=1e-5)
