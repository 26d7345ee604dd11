"""An export of version 0.1.0 that every later version must go on loading.

`python -m tests.serving.test_kept_export FOLDER` makes another like it, for a release whose exports differ.
"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tsdeep
from tests.serving import c_program
from tests.synthetic import bars, samples

KEPT = Path(__file__).parents[1] / "data" / "export-0.1.0"
README = Path(__file__).parents[2] / "README.md"


def make(folder: Path) -> None:
    """Write a small export, 30 windows of raw rows, and what the model answered on them, offline."""
    market = samples(300)
    scaler = market.fit_scaler(market.rows)
    model = tsdeep.build("gru", market, units=4, compile=False)
    tsdeep.export(model, folder / "gru", samples=market, scaler=scaler, compiled=(1,))
    rows = market.origins[-30:]
    np.savez(folder / "inputs.npz", **market.panel.windows(rows, market.rows_needed, market.features.fields))
    window = tsdeep.windows(market, rows, scaler=scaler, labels=False, batch_size=len(rows))
    outputs = market.task.outputs(model(next(iter(window)), training=False))
    np.savez(folder / "outputs.npz", **{name: np.asarray(values) for name, values in outputs.items()})


@pytest.fixture(scope="module")
def kept():
    return dict(np.load(KEPT / "inputs.npz")), dict(np.load(KEPT / "outputs.npz"))


def test_a_kept_export_is_loaded_and_predicts_as_it_did(kept):
    inputs, outputs = kept
    signatures = tf.saved_model.load(str(KEPT / "gru" / "1")).signatures
    answer = signatures["serving_default"](**{name: tf.constant(values) for name, values in inputs.items()})
    for name, values in outputs.items():
        np.testing.assert_allclose(answer[name], values, rtol=0, atol=1e-5)
    one = signatures["compiled_1"](**{name: tf.constant(values[:1]) for name, values in inputs.items()})
    np.testing.assert_allclose(one["up"], outputs["up"][:1], rtol=0, atol=1e-5)
    said = signatures["predict_class"](**{name: tf.constant(values) for name, values in inputs.items()})
    assert said["label"].numpy().astype(str).tolist() == np.where(outputs["up"] > 0.5, "up", "down").tolist()


def test_predict_reads_a_kept_export(kept):
    answer = tsdeep.predict(KEPT / "gru", bars(300), rows=30)
    np.testing.assert_allclose(answer["up"], kept[1]["up"], rtol=0, atol=1e-5)


def test_a_kept_export_runs_without_python(kept, tmp_path):
    program = c_program.build(tmp_path)
    answer = c_program.run(program, KEPT / "gru" / "1", "serving_default", kept[0], tmp_path / "run")
    np.testing.assert_allclose(answer["up"], kept[1]["up"], rtol=0, atol=1e-5)


def test_a_kept_export_is_small():
    assert sum(file.stat().st_size for file in KEPT.rglob("*")) < 400_000


def test_the_readme_shows_what_saved_model_cli_says_of_it():
    tool = Path(sys.executable).with_name("saved_model_cli")
    done = subprocess.run(
        [tool, "show", "--all", "--dir", KEPT / "gru" / "1"], capture_output=True, text=True, check=True
    )
    shown = re.search(r"```text\n(signature_def\[.*?)```", README.read_text(), re.DOTALL).group(1)
    assert shown in done.stdout
    names = set(re.findall(r"signature_def\['(\w+)'\]", done.stdout)) - {"__saved_model_init_op"}
    assert (
        set(re.findall(r"signature_def\['(\w+)'\]", shown))
        <= names
        == {
            "serving_default",
            "predict_class",
            "compiled_1",
        }
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
