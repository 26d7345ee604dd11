"""Writing a SavedModel: its signatures, and each weight once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tsdeep.serving.operations import check_operations
from tsdeep.serving.signatures import Served, Signature, all_layers, portable_recurrence


def write_saved_model(served: Served, signatures: Mapping[str, Signature], path: Path) -> None:
    """Write signatures over one set of weights.

    Parameters
    ----------
    served : Served
        The model that the signatures call.
    signatures : mapping of str to Signature
        By name.
    path : Path
        Folder to write to.

    Raises
    ------
    SpecError
        If the graph has an operation that a stock server lacks.
    """
    import keras
    import tensorflow as tf

    # Nothing is tracked: the archive finds the variables that its endpoints read. A tracked model is stored with its
    # layers as objects, whose variables are then stored a second time: an LSTM of 1,065,988 bytes became
    # 2,234,952 bytes with `track` and 1,147,544 without.
    archive = keras.export.ExportArchive()
    with portable_recurrence(served.raw), _quiet(tf.get_logger()):
        for name, signature in signatures.items():
            archive.add_endpoint(name, signature.function, input_signature=[signature.inputs])
        archive.write_out(str(path), verbose=False)
    check_operations(path, (layer.name for layer in all_layers(served.raw)))


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Leave out remarks below warnings, such as the name of a temporary folder."""
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
