"""One row at a time: what an answer takes from each runtime that an export has, and from a stream, on one thread.

`LATENCY_CALLS` sets the timed calls of each (1000 by default).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.serving import c_program

MEASURE = Path(__file__).with_name("measure.py")
MODELS = ("tcn", "tcn on 100 rows", "lstm", "deeplob")
ROUNDS = 5
WINDOWS = (
    "Keras call",
    "SavedModel signature",
    "compiled signature",
    "C, SavedModel signature",
    "C, compiled signature",
    "ONNX Runtime",
    "LiteRT",
)


def measured(model, folder):
    """Microseconds of each call by contestant, the C program's among them."""
    calls = int(os.environ.get("LATENCY_CALLS", "1000")) // ROUNDS
    core = {sorted(os.sched_getaffinity(0))[-1]}
    done = subprocess.run(
        [sys.executable, str(MEASURE), str(folder), model, str(ROUNDS), str(calls)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        preexec_fn=lambda: os.sched_setaffinity(0, core),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    taken = {name: np.array(each) / 1e3 for name, each in answer["nanoseconds"].items()}
    program, version = c_program.build(folder), Path(answer["version"])
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, core)  # which the program inherits
    try:
        for name, signature, inputs in (
            ("C, SavedModel signature", "serving_default", "window"),
            ("C, compiled signature", "compiled_1", "window"),
            ("C, stream_step", "stream_step", "step"),
            ("C, compiled stream_step", "stream_step_1", "step"),
        ):
            given = dict(np.load(folder / f"{inputs}.npz"))
            place = folder / f"c-{signature}"
            found = c_program.nanoseconds(program, version, signature, given, place, (ROUNDS + 1) * calls)
            taken[name] = found[calls:] / 1e3
    finally:
        os.sched_setaffinity(0, before)
    return taken


@pytest.mark.benchmark
@pytest.mark.parametrize("model", MODELS)
def test_one_row_at_a_time(model, tmp_path, capsys):
    taken = measured(model, tmp_path)
    medians = {name: float(np.median(each)) for name, each in taken.items()}
    with capsys.disabled():
        print(f"\n{model}, one row, one thread, microseconds: median, 99th percentile, least")
        for name, each in sorted(taken.items(), key=lambda item: medians[item[0]]):
            print(f"  {name:<28}{medians[name]:>9,.0f}{np.percentile(each, 99):>9,.0f}{each.min():>9,.0f}")
    whole = min(medians[name] for name in WINDOWS)
    if model == "tcn":
        # The state between rows in place of the window.
        assert medians["LiteRT stream step"] * 5 <= whole
        assert medians["C, stream_step"] * 2 <= medians["C, SavedModel signature"]
    if model in ("tcn on 100 rows", "lstm"):
        assert medians["C, compiled signature"] <= 1.5 * medians["ONNX Runtime"]
