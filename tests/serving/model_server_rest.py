"""The REST side of the stand-in for TensorFlow Serving."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

from tests.serving.model_server import Status, run

WHICH = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
PREDICT = re.compile(rf"(?i)/v1/models/(?P<name>[^/:]+){WHICH}:predict")
STATUS = re.compile(rf"(?i)/v1/models/(?P<name>[^/:]+){WHICH}(?P<metadata>/metadata)?")
TYPES = {"float64": "double", "float32": "float"}
HTTP = {
    "CANCELLED": 499,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "UNAUTHENTICATED": 401,
}


def serve_rest(server):
    """Answer on a free port; gives the address and a function that ends it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._answer(lambda: _get(server, self.path))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(lambda: _post(server, self.path, body))

        def _answer(self, answer):
            try:
                server.arrived("rest", self.path, self.headers.items())
                code, text = 200, answer()
            except Status as status:
                code, text = HTTP.get(status.code, 500), json.dumps({"error": status.words})
            data = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    http.handle_error = lambda *_: None  # a client that went away
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()

    def stop():
        http.shutdown()
        thread.join()
        http.server_close()

    return f"http://127.0.0.1:{http.server_port}", stop


def _parsed(pattern, method, path):
    found = pattern.fullmatch(path)
    if not found:
        raise Status("INVALID_ARGUMENT", f"Malformed request: {method} {path}")
    version, label = found["version"], found["label"]
    return (
        found,
        unquote(found["name"]),
        None if version is None else int(version),
        None if label is None else unquote(label),
    )


def _get(server, path):
    found, name, version, label = _parsed(STATUS, "GET", path)
    if not found["metadata"]:
        return json.dumps(
            {
                "model_version_status": [
                    {
                        "version": str(number),
                        "state": state,
                        "status": {"error_code": "UNKNOWN" if words else "OK", "error_message": words},
                    }
                    for number, state, words in server.states(name, version, label)
                ]
            },
            indent=1,
        )
    number, served = server.choose(name, version, label)
    signatures = {
        key: json_format.MessageToDict(
            value, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        for key, value in served.signatures.items()
    }
    spec = {"name": name, "signature_name": "", "version": str(number)}
    return json.dumps({"model_spec": spec, "metadata": {"signature_def": {"signature_def": signatures}}})


def _post(server, path, body):
    _, name, version, label = _parsed(PREDICT, "POST", path)
    try:
        request = json.loads(body)  # NaN and Infinity are read, as RapidJSON does with kParseNanAndInfFlag
    except json.JSONDecodeError as error:
        raise Status(
            "INVALID_ARGUMENT", f"JSON Parse error: Invalid value. at offset: {error.pos}"
        ) from error
    if not isinstance(request, dict):
        raise Status("INVALID_ARGUMENT", f"JSON Value: {json.dumps(request)} Is not object")
    signature_name = request.get("signature_name", "serving_default")
    _, served = server.choose(name, version, label)
    if signature_name not in served.signatures:
        raise Status(
            "INVALID_ARGUMENT", f'Serving signature name: "{signature_name}" not found in signature def'
        )
    infos = served.signatures[signature_name].inputs
    if "instances" in request and "inputs" in request:
        raise Status(
            "INVALID_ARGUMENT",
            f"JSON Value: {json.dumps(request)} Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist ",
        )
    if "instances" in request:
        inputs, write = _of_instances(request["instances"], infos), _rows
    elif "inputs" in request:
        inputs, write = _of_inputs(request["inputs"], infos), _columns
    else:
        raise Status("INVALID_ARGUMENT", "Missing 'inputs' or 'instances' key")
    return write(run(served, signature_name, inputs))


def _of_instances(instances, infos):
    if not isinstance(instances, list) or not instances:
        raise Status(
            "INVALID_ARGUMENT", f"JSON Value: {json.dumps(instances)} No values in 'instances' array"
        )
    if not isinstance(instances[0], dict):
        if len(infos) > 1:
            raise Status(
                "INVALID_ARGUMENT",
                "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
                "tensorinfo_map",
            )
        instances = [{next(iter(infos)): each} for each in instances]
    rows = {name: [] for name in infos}
    for number, element in enumerate(instances):
        if not isinstance(element, dict):
            raise Status("INVALID_ARGUMENT", f"Expecting object but got list at item {number} of input list")
        for name, value in element.items():
            try:
                if name not in infos:
                    raise Status("INVALID_ARGUMENT", f"JSON object: does not have named input: {name}")
                tensor = _tensor(value, infos[name].dtype)
                if rows[name] and rows[name][0].size != tensor.size:
                    raise Status(
                        "INVALID_ARGUMENT",
                        f"Expecting tensor size: {rows[name][0].size} but got: {tensor.size}",
                    )
                if rows[name] and rows[name][0].shape != tensor.shape:
                    raise Status(
                        "INVALID_ARGUMENT",
                        f"Expecting shape {list(rows[name][0].shape)} but got: {list(tensor.shape)}",
                    )
            except Status as status:
                raise Status(
                    "INVALID_ARGUMENT",
                    f"Failed to process element: {number} key: {name} of 'instances' list. Error: {status}",
                ) from status
            rows[name].append(tensor)
        if set(element) != set(infos):
            raise Status(
                "INVALID_ARGUMENT",
                f"Failed to process element: {number} of 'instances' list. JSON object: {json.dumps(element)} keys "
                f"must be equal to: {','.join(sorted(infos))}",
            )
    return {name: np.stack(each) for name, each in rows.items()}


def _of_inputs(inputs, infos):
    if not isinstance(inputs, dict):
        if len(infos) > 1:
            raise Status(
                "INVALID_ARGUMENT",
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map",
            )
        inputs = {next(iter(infos)): inputs}
    for name in infos:
        if name not in inputs:
            raise Status("INVALID_ARGUMENT", f"Missing named input: {name} in 'inputs' object.")
    return {name: _tensor(inputs[name], info.dtype) for name, info in infos.items()}  # others are not read


def _tensor(value, dtype):
    """Read nested lists: the shape by the first elements, then every value in its place."""
    shape, inner = [], value
    while isinstance(inner, list):
        shape.append(len(inner))
        if not inner:
            break
        inner = inner[0]
    flat = []
    _fill(value, 0, shape, tf.dtypes.as_dtype(dtype), flat)
    return np.array(flat, tf.dtypes.as_dtype(dtype).as_numpy_dtype).reshape(shape)


def _fill(value, level, shape, dtype, flat):
    if not isinstance(value, list):
        if level != len(shape):
            raise Status(
                "INVALID_ARGUMENT",
                f"JSON Value: {json.dumps(value)} found at incorrect level: {level + 1} in the JSON DOM. Expected at "
                f"level: {len(shape)}",
            )
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            kind = {bool: str(value), str: "String", dict: "Object", type(None): "Null"}[type(value)]
            raise Status(
                "INVALID_ARGUMENT",
                f"JSON Value: {json.dumps(value)} Type: {kind} is not of expected type: {TYPES[dtype.name]}",
            )
        flat.append(value)
        return
    if level >= len(shape):
        raise Status(
            "INVALID_ARGUMENT", f"Encountered list at unexpected level: {level} expected < {len(shape)}"
        )
    if len(value) != shape[level]:
        raise Status(
            "INVALID_ARGUMENT",
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}",
        )
    for each in value:
        _fill(each, level + 1, shape, dtype, flat)


def _rows(outputs):
    sizes = {values.shape[0] for values in outputs.values()}
    if len(sizes) > 1:
        raise Status("INVALID_ARGUMENT", f"inconsistent batch size: {sorted(sizes)}")
    rows = [
        _written(next(iter(outputs.values()))[i])
        if len(outputs) == 1
        else "{" + ", ".join(f'"{name}": {_written(values[i])}' for name, values in outputs.items()) + "}"
        for i in range(sizes.pop())
    ]
    return '{"predictions": [' + ", ".join(rows) + "]}"


def _columns(outputs):
    if len(outputs) == 1:
        return '{"outputs": ' + _written(next(iter(outputs.values()))) + "}"
    return '{"outputs": {' + ", ".join(f'"{name}": {_written(v)}' for name, v in outputs.items()) + "}}"


def _written(values):
    if np.ndim(values):
        return "[" + ", ".join(_written(each) for each in values) + "]"
    if isinstance(values, (bytes, str)):
        return json.dumps(values.decode() if isinstance(values, bytes) else values)
    if not isinstance(values, (np.floating, float)):
        return str(values)
    return _decimal(values)


def _decimal(value):
    """Write a number as `WriteDecimal`: six digits where they are enough, otherwise as many as its type has."""
    if not np.isfinite(value):
        return {True: "NaN"}.get(bool(np.isnan(value)), "Infinity" if value > 0 else "-Infinity")
    text = f"{value:.6g}"
    if type(value)(text) != value:
        text = f"{value:.{9 if isinstance(value, np.float32) else 17}g}"
    return text if "." in text or "e" in text else f"{text}.0"
