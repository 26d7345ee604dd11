"""Signatures: the functions of an export that a server calls by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tsdeep.errors import SpecError
from tsdeep.serving.examples import raw_examples
from tsdeep.serving.raw_checks import checked_fields
from tsdeep.serving.raw_model import raw_model, served_features, served_fields

if TYPE_CHECKING:
    import tensorflow as tf

    from tsdeep.samples import Samples

Tensors = dict[str, Any]

TOLERANCE = 1e-5
"""Largest difference between an export's answers and those of the model that was exported."""


@dataclass(frozen=True, eq=False)
class Signature:
    """A function that a server calls by name.

    Parameters
    ----------
    function : callable
        From a dict of tensors to a dict of tensors, both by name. It is traced once, on `inputs`.
    inputs : dict of str to tf.TensorSpec
        Shapes and dtypes; the names in the dict are those of the request.
    examples : dict of str to ndarray
        Real values of every input, which a written export is compared on and a server is warmed up with.
    expected : callable
        Gives what the function must answer on the examples, computed by the model itself.
    compiled : bool
        Whether XLA compiles it.
    about : dict
        What `tsdeep.json` says of it beside shapes and dtypes.
    tolerance : float
        Largest difference from what is expected.
    """

    function: Callable[[Tensors], Tensors]
    inputs: dict[str, tf.TensorSpec]
    examples: dict[str, np.ndarray]
    expected: Callable[[], Tensors]
    compiled: bool = False
    about: dict[str, Any] = field(default_factory=dict)
    tolerance: float = TOLERANCE


@dataclass(frozen=True, eq=False)
class Served:
    """A fitted model with all that answering on raw rows needs.

    Parameters
    ----------
    models : list of keras.Model
        Fitted members, whose outputs are averaged.
    samples : Samples
        Features, task and lookback, and real rows.
    scaler : Layer, ScalerBySymbol or None
        What the members were trained with.
    symbol : str, optional
        The instrument whose scaler it is.
    raw : keras.Model
        All of it as one model on raw fields.
    """

    models: list[keras.Model]
    samples: Samples
    scaler: Any | None
    symbol: str | None
    raw: keras.Model

    @classmethod
    def of(
        cls, models: Sequence[keras.Model], samples: Samples, scaler: Any | None, symbol: str | None
    ) -> Served:
        """Put features and scaler in front of the models; see `raw_model`."""
        return cls(list(models), samples, scaler, symbol, raw_model(models, samples, scaler, symbol))

    def newest(self, fields: Mapping[str, Any]) -> Tensors:
        """Check raw fields `[batch, rows, ...]`, any number of rows that is enough, and cut the newest ones."""
        n = self.samples.rows_needed
        checked = checked_fields(
            fields, rows_needed=n, positive=served_features(self.samples).positive_fields
        )
        cut = {name: values[:, -n:] for name, values in checked.items()}
        for name, values in cut.items():
            values.set_shape((fields[name].shape[0], n, *fields[name].shape[2:]))  # as was checked
        return cut

    def answer(self, fields: Mapping[str, Any]) -> Tensors:
        """Answer raw fields `[batch, rows_needed, ...]` by name, float32 whatever the dtype policy."""
        import tensorflow as tf

        outputs = self.raw(dict(fields), training=False)
        return {name: tf.cast(value, tf.float32) for name, value in outputs.items()}

    def inputs(self, batch: int | None = None, rows: int | None = None) -> dict[str, tf.TensorSpec]:
        """Give the specs of the raw fields."""
        import tensorflow as tf

        return {
            name: tf.TensorSpec((batch, rows, *shape), tf.float64, name=name)
            for name, shape in served_fields(self.samples).items()
        }


def raw_signatures(served: Served, compiled: Sequence[int] = ()) -> dict[str, Signature]:
    """Make the signatures that take raw rows.

    Parameters
    ----------
    served : Served
        The model.
    compiled : sequence of int
        Batch sizes of signatures that XLA compiles.

    Returns
    -------
    dict of str to Signature
        `serving_default`; `predict_class` where the task has classes; `compiled_<n>` for each batch size.
    """
    import tensorflow as tf

    examples = raw_examples(served.samples, served.symbol)
    # Traced once and called by several signatures: the graph is stored once. TensorFlow's warnings write what it
    # traces, which of a method is all samples.
    specs = [served.inputs(rows=served.samples.rows_needed)]
    answer = tf.function(lambda fields: served.answer(fields), input_signature=specs, autograph=False)

    @cache
    def of_examples() -> Tensors:
        with portable_recurrence(served.raw):
            traced = answer.get_concrete_function()
        # On the CPU, as the export is read again: a GPU's TF32 differs by more than what is allowed.
        with tf.device("CPU:0"):
            return traced({name: tf.constant(values) for name, values in examples.items()})

    def serving_default(fields: Tensors) -> Tensors:
        return answer(served.newest(fields))

    made = {"serving_default": Signature(serving_default, served.inputs(), examples, of_examples)}
    groups = class_groups(served.samples.task)
    if groups:

        def predict_class(fields: Tensors) -> Tensors:
            return classified(serving_default(fields), groups)

        def expected_class() -> Tensors:
            return classified(of_examples(), groups)

        about = {"classes": list(next(iter(groups.values())))}
        made["predict_class"] = Signature(
            predict_class, served.inputs(), examples, expected_class, about=about
        )
    for batch in _checked(compiled):
        made[f"compiled_{batch}"] = _compiled(served, batch, examples, of_examples)
    return made


def class_groups(task: Any) -> dict[str, tuple[str, ...]]:
    """Return the outputs that are probabilities of classes, by what follows the class in their names.

    Examples
    --------
    >>> from tsdeep.tasks import get_task
    >>> class_groups(get_task("direction"))
    {'': ('down', 'up')}
    >>> class_groups(get_task("movement", horizon_rows=[10, 20]))["_20"]
    ('down_20', 'stationary_20', 'up_20')
    >>> class_groups(get_task("volatility"))
    {}
    """
    classes = getattr(task, "classes", ())
    if not classes:
        return {}
    names, k = task.output_names, len(classes)
    groups = [tuple(names[start : start + k]) for start in range(0, len(names), k)]
    return {group[0].removeprefix(classes[0]): group for group in groups}


def classified(outputs: Tensors, groups: Mapping[str, tuple[str, ...]]) -> Tensors:
    """Turn probabilities into words: of each horizon the likeliest class, all classes and their scores."""
    import tensorflow as tf

    said: Tensors = {}
    for suffix, names in groups.items():
        words = tf.constant([name.removesuffix(suffix) for name in names])
        scores = tf.stack([outputs[name] for name in names], axis=-1)  # [batch, classes]
        said[f"label{suffix}"] = tf.gather(words, tf.argmax(scores, axis=-1))  # [batch]
        said[f"classes{suffix}"] = tf.tile(words[None], [tf.shape(scores)[0], 1])
        said[f"scores{suffix}"] = scores
    return said


def _checked(compiled: Any) -> Sequence[int]:
    """Return batch sizes; SpecError where they are none."""
    sizes: list[Any] = list(compiled) if isinstance(compiled, Iterable) else [None]
    if any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in sizes):
        raise SpecError(f"compiled: found {compiled!r}, expected a sequence of whole numbers of at least 1")
    return sizes


def _compiled(
    served: Served, batch: int, examples: Mapping[str, np.ndarray], of_examples: Callable[[], Tensors]
) -> Signature:
    """Make a signature for one batch size that XLA compiles; SpecError where it cannot."""
    import tensorflow as tf

    n = served.samples.rows_needed
    whole = tf.function(
        lambda fields: served.answer(fields),
        input_signature=[served.inputs(batch, n)],
        autograph=False,
        jit_compile=True,
    )

    def compiled(fields: Tensors) -> Tensors:
        return whole(served.newest(fields))  # the checks stay outside: XLA drops assertions

    rows = {name: of_length(values, batch) for name, values in examples.items()}
    try:
        with portable_recurrence(served.raw), tf.device("CPU:0"):
            whole({name: tf.constant(values) for name, values in rows.items()})
    except (tf.errors.OpError, ValueError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()
        raise SpecError(
            f"compiled={batch}: XLA does not compile this model: {' '.join(reason[:2])[:400]}"
        ) from error

    def expected() -> Tensors:
        return {name: of_length(values.numpy(), batch) for name, values in of_examples().items()}

    return Signature(
        compiled, served.inputs(batch, n), rows, expected, compiled=True, about={"batch": int(batch)}
    )


def of_length(values: np.ndarray, n: int) -> np.ndarray:
    """Take the newest n examples, repeated in front where there are fewer."""
    return values[np.arange(-n, 0) % len(values)]


@contextmanager
def portable_recurrence(model: keras.Model) -> Iterator[None]:
    """Trace recurrent layers without cuDNN: its kernels are fixed in the graph and run on no CPU."""
    recurrent = [layer for layer in all_layers(model) if hasattr(layer, "use_cudnn")]
    before = [layer.use_cudnn for layer in recurrent]
    for layer in recurrent:
        layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, use_cudnn in zip(recurrent, before, strict=True):
            layer.use_cudnn = use_cudnn


def all_layers(layer: keras.Layer) -> Iterator[keras.Layer]:
    """Give a layer and all layers inside it."""
    yield layer
    for child in getattr(layer, "layers", []) or layer._layers:
        yield from all_layers(child)
