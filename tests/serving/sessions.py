"""A SavedModel in a session that is fed by tensor names, as TensorFlow Serving and the C API run it."""

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2


class Served:
    """The graph of a SavedModel, whose signatures are called with arrays by field.

    A session that Python feeds compares shapes with the placeholders first, which neither a server nor the C API
    does; a callable does not.
    """

    def __init__(self, path, threads=1):
        self.session = tf.compat.v1.Session(
            graph=tf.Graph(),
            config=tf.compat.v1.ConfigProto(
                intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
            ),
        )
        with self.session.graph.as_default():
            meta_graph = tf.compat.v1.saved_model.load(self.session, ["serve"], str(path))
        self.signatures = {
            name: signature
            for name, signature in meta_graph.signature_def.items()
            if not name.startswith("__")
        }
        self._calls = {}

    def __call__(self, fields, signature="serving_default", outputs=()):
        """Run a signature on a dict of arrays; returns its outputs by name."""
        about = self.signatures[signature]
        names, wanted = tuple(about.inputs), tuple(outputs) or tuple(sorted(about.outputs))
        if (signature, wanted) not in self._calls:
            self._calls[signature, wanted] = self.session._make_callable_from_options(
                config_pb2.CallableOptions(
                    feed=[about.inputs[name].name for name in names],
                    fetch=[about.outputs[name].name for name in wanted],
                )
            )
        self.fed = {name: np.asarray(fields[name]) for name in names}
        found = self._calls[signature, wanted](*self.fed.values())
        return dict(zip(wanted, found, strict=True))

    def close(self):
        self.session.close()
