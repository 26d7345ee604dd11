"""A small stand-in for TensorFlow Serving on loopback: models in folders, versions, labels, REST and gRPC.

Graphs run in sessions fed by tensor names, requests are read and answered as its C++ does it (`json_tensor.cc`,
`predict_util.cc`, `http_rest_api_handler.cc`), with its messages.
"""

import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import tensorflow as tf

from tests.serving.sessions import Served

CODES = {
    number: name for name, number in vars(tf.errors).items() if name.isupper() and isinstance(number, int)
}


class Status(Exception):
    """An answer that is not OK: a code by name, such as INVALID_ARGUMENT, and words."""

    def __init__(self, code, words):
        super().__init__(f"{code}: {words}")
        self.code, self.words = code, words


@dataclass
class Model:
    """A model's folder: `policy` is "latest", "all" or the versions to serve."""

    folder: Path
    policy: object = "latest"
    labels: dict = field(default_factory=dict)
    loaded: dict = field(default_factory=dict)
    states: dict = field(default_factory=dict)

    def poll(self):
        """Load what has appeared, then unload what the policy no longer wants."""
        found = sorted(int(e.name) for e in self.folder.iterdir() if re.fullmatch(r"\d+", e.name))
        wanted = {"latest": found[-1:], "all": found}.get(self.policy, self.policy)
        for version in wanted:
            if version in self.loaded or self.states.get(version, ("",))[0] == "END":
                continue
            self.states[version] = ("LOADING", "")
            try:
                self.loaded[version] = Served(self.folder / str(version))
                self.states[version] = ("AVAILABLE", "")
            except Exception as error:
                self.states[version] = ("END", str(error))
        if any(version in self.loaded for version in wanted):
            for version in set(self.loaded) - set(wanted):
                del self.loaded[version]
                self.states[version] = ("END", "")

    def choose(self, name, version=None, label=None):
        """Give the number and graph of the version that answers."""
        loaded = dict(self.loaded)
        if label is not None:
            if label not in self.labels:
                raise Status("INVALID_ARGUMENT", f"Unrecognized servable version label: {label}")
            version = self.labels[label]
        if version is None and loaded:
            version = max(loaded)
        if version not in loaded:
            which = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise Status("NOT_FOUND", f"Servable not found for request: {which}")
        return version, loaded[version]


class ModelServer:
    """Serves models `{name: Model}` on two ports of loopback, and looks for new versions all the time."""

    def __init__(self, models, poll_seconds=0.05):
        self.models = models
        self.requests = []  # (api, method, headers) of all that arrived
        self.faults = []  # statuses to answer with first, and seconds to sleep before an answer
        for model in models.values():
            model.poll()
        self._ended = threading.Event()
        self._poller = threading.Thread(target=self._poll, args=(poll_seconds,), daemon=True)

    def __enter__(self):
        from tests.serving.model_server_grpc import serve_grpc
        from tests.serving.model_server_rest import serve_rest

        self._poller.start()
        self.rest, self._stop_rest = serve_rest(self)
        self.grpc, self._stop_grpc = serve_grpc(self)
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._stop_rest()
        self._stop_grpc()
        self._poller.join()

    def _poll(self, seconds):
        while not self._ended.wait(seconds):
            for model in self.models.values():
                model.poll()

    def arrived(self, api, method, headers=()):
        """Note a request; answer with the next fault that is due."""
        self.requests.append((api, method, dict(headers)))
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, (int, float)):
                time.sleep(fault)
            else:
                raise fault

    def model(self, name, unknown="Servable not found for request: Latest({name})"):
        if name not in self.models:
            raise Status("NOT_FOUND", unknown.format(name=name))
        return self.models[name]

    def choose(self, name, version=None, label=None):
        return self.model(name).choose(name, version, label)

    def states(self, name, version=None, label=None):
        """Give (version, state, words) of the versions that the server knows."""
        model = self.model(name, "Could not find any versions of model {name}")
        if label is not None:
            version = model.choose(name, label=label)[0]
        known = sorted(model.states.items(), reverse=True)
        if version is not None:
            known = [each for each in known if each[0] == version]
            if not known:
                raise Status("NOT_FOUND", f"Could not find version {version} of model {name}")
        return [(number, state, words) for number, (state, words) in known]


def run(served, signature_name, inputs, outputs=()):
    """Check the names of inputs as `PreProcessPrediction` does, and run; outputs as arrays by name."""
    if signature_name not in served.signatures:
        raise Status("FAILED_PRECONDITION", f'Serving signature key "{signature_name}" not found.')
    signature = served.signatures[signature_name]
    sent, known = set(inputs), set(signature.inputs)
    if len(sent) != len(known):
        raise Status(
            "INVALID_ARGUMENT",
            f"input size does not match signature: {len(sent)}!={len(known)} len({{{_join(sent)}}}) != "
            f"len({{{_join(known)}}}). Sent extra: {{{_join(sent - known)}}}. Missing but required: "
            f"{{{_join(known - sent)}}}.",
        )
    for name in sorted(known - sent):
        raise Status(
            "INVALID_ARGUMENT",
            f"Signature input alias: {name}(feed name: {signature.inputs[name].name}) not found in request and no "
            f"default value provided. Inputs expected to be in the request {{{_join(sent)}}}, or default input alias "
            "set: ",
        )
    for name in outputs:
        if name not in signature.outputs:
            raise Status(
                "INVALID_ARGUMENT",
                f"output tensor alias not found in signature: {name} Outputs expected to be in the set "
                f"{{{_join(signature.outputs)}}}.",
            )
    try:
        return served(inputs, signature_name, outputs)
    except tf.errors.OpError as error:
        raise Status(CODES[error.error_code], error.message) from error


def _join(names):
    return ",".join(sorted(names))
