"""What the latency benchmark measures, in a process of its own: `python measure.py FOLDER MODEL ROUNDS CALLS`.

Prints one line of JSON: nanoseconds of each call, by contestant. Everything runs on one thread, one row at a time.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

LEVELS = 10
#: Model: lookback, mode of its stream, hyperparameters.
MODELS = {
    # Receptive field 253; the window is as long, as a stream that is equal to it needs.
    "tcn": (253, "exact", {"filters": 64, "dilations": (1, 2, 4, 8, 16, 32)}),
    # The same network on a window of 100 rows, of which the oldest rows read zeros.
    "tcn on 100 rows": (100, "carry", {"filters": 64, "dilations": (1, 2, 4, 8, 16, 32)}),
    "lstm": (100, "carry", {"units": 64}),
    "deeplob": (100, "window", {"variant": "notebook"}),
}
#: Most that the calls of a contestant may take in a round.
SECONDS = 5.0
BOOK = ("ask_price", "ask_size", "bid_price", "bid_size")


def export(model_name, folder):
    """Export an untrained model on 40 raw levels of a book in every format: speed does not depend on weights."""
    import keras

    import tsdeep
    from tsdeep.sources import make_source

    lookback, mode, hparams = MODELS[model_name]
    source = {"kind": "simulated_book", "sessions": 1, "rows": 1500, "levels": LEVELS}
    bank = tsdeep.FeatureBank([{"kind": "book_levels", "levels": LEVELS}])
    samples = tsdeep.Samples(
        make_source(source).panel(BOOK), bank, tsdeep.get_task("movement", horizon_rows=20), lookback
    )
    samples = samples.fit_task(samples.rows)
    keras.utils.set_random_seed(0)
    model = tsdeep.build(model_name.split()[0], samples, compile=False, **hparams)
    if model_name == "tcn":
        assert tsdeep.receptive_field(model) == lookback == 253
    scaler = samples.fit_scaler(samples.rows)
    version = tsdeep.export(
        model,
        folder,
        samples=samples,
        scaler=scaler,
        formats=("savedmodel", "onnx", "litert"),
        compiled=(1,),
        stream=mode,
        verify=False,
        warmup=False,
    )
    return model, samples, scaler, version


def contestants(model, samples, scaler, version, mode):
    """Return a call by name, each answering one row."""
    import onnxruntime
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    import tsdeep
    from tsdeep.serving import raw_model

    row = samples.rows[-1]
    raw = samples.panel.windows(np.array([row]), samples.rows_needed, samples.features.fields)
    raw = {name: np.asarray(values, np.float64) for name, values in raw.items()}
    features = np.asarray(samples.features(raw))
    whole = raw_model(model, samples, scaler)
    signatures = tf.saved_model.load(str(version)).signatures
    found = {}

    def by_tensorflow(function, inputs):
        def call():
            answer = function(**{name: tf.constant(values) for name, values in inputs.items()})
            return answer["up"].numpy()

        return call

    found["Keras call"] = lambda: whole({k: tf.constant(v) for k, v in raw.items()})["up"].numpy()
    found["SavedModel signature"] = by_tensorflow(signatures["serving_default"], raw)
    found["compiled signature"] = by_tensorflow(signatures["compiled_1"], raw)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(version / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    found["ONNX Runtime"] = lambda: session.run(None, {"features": features})
    found["LiteRT"] = lite(Interpreter(str(version / "model.tflite"), num_threads=1), {"features": features})

    fields = {name: values[:, -1] for name, values in raw.items()}
    streams = {
        "Stream.push": tsdeep.Stream(model, samples=samples, scaler=scaler, mode=mode),
        "Stream.push, compiled": tsdeep.Stream(
            model, samples=samples, scaler=scaler, mode=mode, jit_compile=True
        ),
        "Stream.push of the export": tsdeep.Stream(version),
    }
    one = {name: values[0] for name, values in fields.items()}
    for name, stream in streams.items():
        found[name] = lambda stream=stream: stream.push(one)
    step = signatures["stream_step"]
    about = json.loads((version / "tsdeep.json").read_text())
    shapes = about["signatures"]["stream_step"]["stream"]
    state = {
        name: tf.zeros((1, *shape), shapes["state_dtypes"][name])
        for name, shape in shapes["state_shapes"].items()
    }

    def stepped():
        answer = step(**state, **{name: tf.constant(values) for name, values in fields.items()})
        state.update({name: answer[name] for name in state})
        return answer["up"].numpy()

    found["stream_step signature"] = stepped
    inputs = {"features": features[:, -1:]}
    if "state_model" in shapes["state_shapes"]:
        inputs["state_model"] = np.zeros((1, *shapes["state_shapes"]["state_model"]), np.float32)
    found["LiteRT stream step"] = lite(
        Interpreter(str(version / "stream.tflite"), num_threads=1), inputs, state="state_model"
    )
    return found, raw, fields | {name: np.zeros(v.shape, v.dtype.as_numpy_dtype) for name, v in state.items()}


def lite(interpreter, inputs, state=None):
    """A call of a LiteRT file, whose state goes out and in."""
    interpreter.allocate_tensors()
    (signature,) = interpreter.get_signature_list()
    runner = interpreter.get_signature_runner(signature)
    given = {d["name"]: d["index"] for d in runner.get_input_details().values()}
    places = {name: given[runner.get_input_details()[name]["name"]] for name in inputs}
    outputs = {name: d["index"] for name, d in runner.get_output_details().items()}
    held = dict(inputs)

    def call():
        for name, values in held.items():
            interpreter.set_tensor(places[name], values)
        interpreter.invoke()
        if state in held:
            held[state] = interpreter.get_tensor(outputs[state])
        return interpreter.get_tensor(outputs["up"])

    return call


def measure(folder, name, rounds, calls):
    """Time the contestants in turns, some calls each a round, fewer where they take long; the first warms up."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    parts = export(name, Path(folder))
    found, raw, step = contestants(*parts, MODELS[name][1])
    np.savez(Path(folder) / "window.npz", **raw)
    np.savez(Path(folder) / "step.npz", **step)
    taken = {each: [] for each in found}
    for turn in range(rounds + 1):
        for each, call in found.items():
            until = time.perf_counter() + SECONDS
            for done in range(calls):
                if done and time.perf_counter() > until:
                    break
                started = time.perf_counter_ns()
                call()
                passed = time.perf_counter_ns() - started
                if turn:
                    taken[each].append(passed)
    return {"version": str(parts[-1]), "nanoseconds": taken}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
