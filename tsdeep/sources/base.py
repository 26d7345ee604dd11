"""The base of every source, and the names under which sources are known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict

from tsdeep.errors import SpecError, unknown_name

S = TypeVar("S", bound="type[Source]")


class Source(BaseModel, ABC):
    """Where bars come from. A subclass declares its settings as pydantic fields and reads bars.

    The table that `bars` returns is canonical: the columns `time` (datetime64[ns]; for daily bars the
    session's date, without a zone) and `symbol`, then fields in lower case (`open`, `high`, `low`, `close`,
    `volume`), float64, in the order of the symbols asked for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[str]

    @abstractmethod
    def bars(self) -> pd.DataFrame:
        """Read all bars.

        Raises
        ------
        DataError
            If they cannot be read; the message says what to do.
        """

    def describe(self) -> str:
        """Say in a line where the bars come from."""
        settings = ", ".join(f"{name}={value}" for name, value in self.model_dump(mode="json").items())
        return f"{self.kind} ({settings})"


_SOURCES: dict[str, type[Source]] = {}


def register_source(kind: str) -> Callable[[S], S]:
    """Make a source known by a name, so that a spec can ask for it: `source: {kind: ...}`."""

    def register(cls: S) -> S:
        cls.kind = kind
        _SOURCES[kind] = cls
        return cls

    return register


def source_names() -> list[str]:
    """List the names of the registered sources."""
    return sorted(_SOURCES)


def source_class(kind: str) -> type[Source]:
    """Return a source's class by its name; SpecError lists the names that exist."""
    if kind not in _SOURCES:
        raise SpecError(unknown_name("source", kind, _SOURCES))
    return _SOURCES[kind]


def source_schema() -> dict[str, Any]:
    """Describe in JSON schema what a spec's `source` may be."""
    kinds = []
    for kind in source_names():
        schema = _SOURCES[kind].model_json_schema()
        schema["title"] = kind
        schema["properties"] = {"kind": {"const": kind}, **schema["properties"]}
        schema["required"] = ["kind", *schema.get("required", [])]
        kinds.append(schema)
    return {"oneOf": kinds}
