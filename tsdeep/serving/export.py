"""Export: a SavedModel that takes raw rows, with a description of itself beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsdeep.features import ScalerBySymbol
from tsdeep.serving.export_description import describe, describe_signatures
from tsdeep.serving.folders import METADATA, new_version
from tsdeep.serving.server_files import check_server_files, write_server_files

if TYPE_CHECKING:
    import keras

    from tsdeep.samples import Samples
    from tsdeep.serving.signatures import Served, Signature
    from tsdeep.validation.result import Result

__all__ = ["describe", "export"]


def export(
    what: Result | keras.Model | Sequence[keras.Model],
    directory: str | os.PathLike[str],
    *,
    samples: Samples | None = None,
    scaler: Any | None = None,
    symbol: str | None = None,
    formats: Sequence[str] = ("savedmodel",),
    compiled: Sequence[int] = (),
    stream: str | None = "auto",
    verify: bool = True,
    warmup: bool | None = None,
    serving: bool = False,
) -> Path:
    """Write a SavedModel that answers on raw rows, as the next version in a folder.

    Features and scaler are in the graph. The version is written beside its place, read again by a process that
    knows TensorFlow alone, compared there with the model on real rows, and moved to its place whole, so that a
    server which polls the folder never sees half of one. An export that fails leaves no version.

    Parameters
    ----------
    what : Result, keras.Model or sequence of keras.Model
        A walk-forward result (its last fold's model and scaler), or fitted models whose outputs are
        averaged.
    directory : path
        The model's folder; the version goes to `directory/<n>/` with the next free number.
    samples, scaler : Samples, Layer, optional
        What a model given by itself was trained on and with; a result brings its own.
    symbol : str, optional
        The instrument that the export is for, where each has a scaler of its own.
    formats : sequence of {"savedmodel", "onnx", "litert"}
        Files beside the SavedModel: `model.onnx` (extra `onnx`), for any number of windows, and `model.tflite` (extra
        `litert`), for one at a time, with `stream.tflite`, the step of a stream, where there is one. They take
        `features [batch, lookback, channels]`, float32 and before scaling, as `samples.features` computes them, because
        neither runtime computes the float64 that raw prices need. Each is run and compared with the model.
    compiled : sequence of int
        Batch sizes of further signatures that XLA compiles on a server's first request of each: `(1,)` adds
        `compiled_1`, for one window of exactly `rows_needed` rows at a time, often several times as fast, and
        `stream_step_1` where there is `stream_step`.
    stream : {"auto", "exact", "window", "carry"} or None, default "auto"
        Add `stream_init` and `stream_step`, which take one raw row at a time with the state between rows as explicit
        inputs and outputs (see `tsdeep.Stream`). "auto": where the model can be streamed exactly.
    verify : bool, default True
        Read the export again in a process of its own (some seconds for the first, which starts it) and compare; an
        answer that differs from the model's by more than 1e-5 fails the export.
    warmup : bool, optional
        Write `assets.extra/tf_serving_warmup_requests`, real rows for every signature, which TensorFlow Serving
        answers before a version takes requests. By default where tensorflow-serving-api is installed (extra `serving`).
    serving : bool, default False
        Write `models.config`, `batching.config` and `compose.yaml` beside `directory`, for all exports there:
        `docker compose up` then serves them with the stock TensorFlow Serving image.

    Returns
    -------
    Path
        The folder of the version: a SavedModel, and `tsdeep.json` (fields, rows needed, signatures, outputs, assets in
        their order, spec, cutoff, metrics, versions, the largest difference that was found). Its signatures take one
        float64 tensor `[batch, rows, ...]` a field by name, at least `rows_needed` rows, of which the newest are
        read. `serving_default` returns float32 outputs `[batch]` by name (`[batch, assets]` of samples of several
        assets, whose bars it takes side by side). `predict_class`, of tasks with classes, says it in words: `label
        [batch]`, and `classes [batch, classes]` with `scores`; forecasts of volatility have none. Rows with
        values that are not finite, or not above zero where they must be, are refused by the graph.

    Raises
    ------
    RunError
        If a model is given without its samples, a result does not hold its models, or what was written does not
        answer as the model does.
    SpecError
        If `what` is none of these, a result is given samples or a scaler, or a batch size is none. If each instrument
        has a scaler of its own and `symbol` does not say which is meant, a layer calls Python or an operation that a
        stock server lacks, or XLA or a format does not support the model.
    """
    from tsdeep.serving.other_formats import check_formats, write_other_formats
    from tsdeep.serving.saved_model import write_saved_model
    from tsdeep.serving.signatures import raw_signatures
    from tsdeep.serving.stream_litert import write_stream_litert
    from tsdeep.serving.stream_signatures import stream_signatures
    from tsdeep.serving.verification import expected_answers
    from tsdeep.serving.verification import verify as verify_again
    from tsdeep.serving.warmup import may_write_warmup, write_warmup

    check_formats(formats)
    directory, with_warmup = Path(directory).absolute(), may_write_warmup(warmup)
    if serving:
        check_server_files(directory.parent, [directory])
    served, extra = _served(what, samples, scaler, symbol)
    signatures = raw_signatures(served, compiled)
    signatures |= stream_signatures(served, signatures["serving_default"], stream, compiled)
    answers = expected_answers(signatures)
    with new_version(directory) as place:
        temporary = place[0]
        write_saved_model(served, signatures, temporary)
        verified = verify_again(temporary, signatures, answers) if verify else None
        first = "serving_default"
        others = write_other_formats(formats, temporary, served, signatures[first].examples, answers[first])
        if "litert" in formats and "stream_step" in signatures:
            others["stream"] = write_stream_litert(served, signatures["stream_step"], temporary)
        if with_warmup:
            write_warmup(temporary, directory.name, signatures)
        described = _description(served, signatures, answers) | extra
        described |= {"verified": verified, "formats": others, "warmed_up": with_warmup}
        (temporary / METADATA).write_text(json.dumps(described, indent=2, default=str) + "\n")
    if serving:
        write_server_files(directory.parent)
    return place[0]


def _served(
    what: Result | keras.Model | Sequence[keras.Model],
    samples: Samples | None,
    scaler: Any | None,
    symbol: str | None,
) -> tuple[Served, dict[str, Any]]:
    """Return the model on raw rows, and what its description says of the run that it comes from."""
    from tsdeep.serving.fitted import fitted
    from tsdeep.serving.signatures import Served
    from tsdeep.validation.result import Result

    models, samples, scaler = fitted(what, samples, scaler, "export(model, dir")
    extra = what.description() if isinstance(what, Result) else {}
    scaler_of = symbol
    if isinstance(scaler, ScalerBySymbol) and symbol is None:
        scaler_of = next(iter(scaler.scalers))
    served = Served.of(models, samples, scaler, symbol)
    if isinstance(scaler, ScalerBySymbol):
        extra = extra | {"scaler_of": scaler_of, "symbols": [scaler_of]}
    return served, extra


def _description(
    served: Served, signatures: dict[str, Signature], answers: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    return {
        **describe(served.samples, list(served.raw.output)),
        "scaler_of": None,  # one scaler for all
        "signatures": describe_signatures(signatures, answers),
    }
