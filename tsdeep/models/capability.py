"""What a model can do: how far it reads, how it streams, whether it trains dense."""

from __future__ import annotations

from dataclasses import dataclass

from tsdeep.errors import SpecError
from tsdeep.models.build import build
from tsdeep.models.receptive_field import receptive_field
from tsdeep.models.streamed import MODES, StreamedModel
from tsdeep.random_state import random_state_kept
from tsdeep.tasks import Task, get_task

LOOKBACK, CHANNELS = 100, 40

_HAR = tuple(f"log_variance_parkinson_{rows}" for rows in (1, 5, 22))


@dataclass(frozen=True)
class Capability:
    """A model at its defaults, on windows `[batch, lookback, channels]`.

    Attributes
    ----------
    lookback, channels : int
        Of the windows.
    parameters : int
        Trainable ones, head included.
    receptive_field : int or None
        Newest rows that a prediction reads; None where it reads all rows of the window, or may.
    modes : tuple of str
        Those of "exact", "window", "carry" in which `tsdeep.Stream` takes it.
    not_exact : str
        Why "exact" is not among them; empty where it is.
    dense : bool
        Whether it trains on stretches (`outputs="sequence"`) with the predictions of windows.
    """

    lookback: int
    channels: int
    parameters: int
    receptive_field: int | None
    modes: tuple[str, ...]
    not_exact: str
    dense: bool


@dataclass(frozen=True)
class _Shaped:
    """What a builder needs to know of samples."""

    input_shape: tuple[int, int]
    task: Task
    feature_names: tuple[str, ...] | None


_SAMPLES = (
    (CHANNELS, "movement", None),
    (len(_HAR), "volatility", _HAR),  # for models that choose channels by name
)


def capability(name: str) -> Capability | None:
    """Find out what a registered model can do, by building it.

    Parameters
    ----------
    name : str
        A name of `model_names()`.

    Returns
    -------
    Capability or None
        None for a model that is not built with its defaults on windows of 100 rows.

    Examples
    --------
    >>> capability("tcn").receptive_field, capability("tcn").modes, capability("tcn").dense
    (61, ('exact', 'window', 'carry'), True)
    """
    with random_state_kept():
        for channels, task, names in _SAMPLES:
            samples = _Shaped((LOOKBACK, channels), get_task(task), names)
            try:
                return _of(name, samples)
            except SpecError:
                continue
    return None


def _of(name: str, samples: _Shaped) -> Capability:
    model = build(name, samples, compile=False)
    modes, not_exact = [], ""
    for mode in MODES:
        try:
            StreamedModel(model, samples.input_shape[0], mode)
            modes.append(mode)
        except SpecError as error:
            if mode == "exact":
                not_exact = str(error).split("; ")[0]
    try:
        build(name, samples, compile=False, outputs="sequence")
        dense = True
    except SpecError:
        dense = False
    lookback, channels = samples.input_shape
    parameters = sum(int(weight.value.shape.num_elements()) for weight in model.trainable_variables)
    return Capability(lookback, channels, parameters, receptive_field(model), tuple(modes), not_exact, dense)
