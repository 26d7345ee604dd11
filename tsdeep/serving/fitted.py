"""Fitted models with what they were trained on and with, as callers give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tsdeep.errors import RunError, SpecError

if TYPE_CHECKING:
    import keras

    from tsdeep.samples import Samples


def fitted(
    what: Any, samples: Samples | None, scaler: Any | None, call: str
) -> tuple[list[keras.Model], Samples, Any | None]:
    """Return the members, samples and scaler of a result, or of models that are given with theirs.

    Parameters
    ----------
    what : Result, keras.Model or sequence of keras.Model
        As given by a caller.
    samples, scaler : Samples, Layer, optional
        What a model given by itself was trained on and with; a result brings its own.
    call : str
        How the caller is called, for messages: `export(model, dir`.

    Raises
    ------
    SpecError
        If it is none of these, or a result is given samples or a scaler.
    RunError
        If a result holds no models, or a model is given without samples.
    """
    import keras

    from tsdeep.validation.result import Result

    if isinstance(what, Result):
        if not what.models:
            raise RunError(
                f"{what.model}: the result holds no models, as an average of several; give its parts"
            )
        refuse_own(samples, scaler, "a result")
        return what.last_models()
    models = list(what) if isinstance(what, Sequence) and not isinstance(what, str) else [what]
    odd = [each for each in models if not isinstance(each, keras.Model)]
    if odd or not models:
        raise SpecError(
            f"model: found {odd[0] if odd else what!r}, expected a walk-forward result, a keras.Model or a list of "
            "several"
        )
    if samples is None:
        raise RunError(f"a model needs the samples it was trained on: {call}, samples=..., scaler=...)")
    return models, samples, scaler


def refuse_own(samples: Any | None, scaler: Any | None, what: str) -> None:
    """Refuse samples and scaler beside what brings its own."""
    given = [name for name, value in (("samples", samples), ("scaler", scaler)) if value is not None]
    if given:
        raise SpecError(f"{', '.join(given)}: expected none, as {what} brings its own")
