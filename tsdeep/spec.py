"""Specs: a data set and a task in one YAML file, validated before anything is read."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tsdeep.errors import DataError, SpecError, TsdeepError, unknown_name
from tsdeep.features import FeatureBank, argument_model, feature_schema, make_feature
from tsdeep.models import hyperparameters, model_names
from tsdeep.panel import Panel
from tsdeep.samples import Samples
from tsdeep.sources import Source, source_class
from tsdeep.sources.base import source_schema
from tsdeep.tasks import Task, get_task, task_class, task_names
from tsdeep.validation.splits import WalkForward


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(_Part):
    """First and last date to use; by default all that the source has."""

    start: str | None = Field(default=None, description="First date, such as 1999-01-04.")
    end: str | None = Field(default=None, description="Last date, itself included.")

    @field_validator("start", "end", mode="before")
    @classmethod
    def _date(cls, value: Any) -> str | None:
        if value is None:
            return None
        try:
            return str(pd.Timestamp(value).date())
        except (ValueError, TypeError):
            raise ValueError("expected a date such as 1999-01-04") from None


class Split(_Part):
    """The folds: the arguments of `tsdeep.WalkForward`."""

    train: int | str = Field(
        description="Size of the (first) training block: rows, '20 sessions' or an offset, '4YE'."
    )
    valid: int | str = Field(default=0, description="Size of the validation block.")
    test: int | str = Field(description="Size of the test block.")
    step: int | str | None = Field(
        default=None, description="From one fold to the next; by default the test block."
    )
    mode: Literal["expanding", "rolling"] = "expanding"
    min_train: int | str | None = None
    max_folds: int | None = Field(default=None, ge=1, description="The last N folds only.")
    purge: Literal["auto"] | int | str = "auto"
    embargo: int | str = 0


class Training(_Part):
    """How each fold is fitted: arguments of `tsdeep.walk_forward`."""

    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float | None = Field(default=None, gt=0)
    patience: int | None = Field(default=3, ge=1)
    refit: bool = True
    warm_start: bool = False
    retrain_every: int = Field(default=1, ge=1)
    seed: int = Field(default=0, ge=0)
    seeds: int = Field(default=1, ge=1)


class Backtest(_Part):
    """The strategy on the predictions: arguments of `tsdeep.evaluation.backtest`."""

    sizing: Literal["sign", "threshold", "probability"] = "sign"
    threshold: float | None = None
    short: bool = True
    execution: Literal["close", "next_open", "next_close"] = "close"
    cost_bps: float = Field(
        default=5.0, ge=0, description="Cost of each fill in basis points of what is traded."
    )


class DataSpec(_Part):
    """A data set and a task, as a file of `data_specs/` describes them.

    `tsdeep.load_spec` reads one; `resolved` gives all settings, defaults included, and `samples` reads the
    data. `source` and `task` are mappings with a `kind`; a feature is a mapping with a `kind` too.
    """

    name: str = Field(description="Name of the study; of its run folders.")
    description: str = Field(default="", description="What is asked, for the reader of a report.")
    source: Any = Field(description="Where the data comes from: a kind and its settings.")
    period: Period = Period()
    fields: list[str] = Field(min_length=1, description="Raw fields to take from the source.")
    features: list[dict[str, Any]] = Field(min_length=1, description="Causal features, in order.")
    task: dict[str, Any] = Field(description="What is predicted: a kind and its settings.")
    lookback: int = Field(ge=1, description="Rows of features a model sees, the current one included.")
    split: Split
    model: str = Field(default="lstm", description="The model that is used unless another is asked for.")
    hparams: dict[str, dict[str, Any]] = Field(default={}, description="Hyperparameters for each model.")
    training: Training = Training()
    backtest: Backtest = Backtest()
    variants: int | None = Field(
        None, ge=1, description="How many settings were tried before these; for the report."
    )

    @field_validator("source", mode="before")
    @classmethod
    def _source(cls, value: Any) -> Source:
        if isinstance(value, Source):
            return value
        if not isinstance(value, Mapping) or "kind" not in value:
            raise ValueError("expected a mapping with 'kind', such as {kind: bundled, symbols: [sp500]}")
        return source_class(value["kind"])(**{k: v for k, v in value.items() if k != "kind"})

    @field_validator("features")
    @classmethod
    def _features(cls, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for number, feature in enumerate(value):
            try:
                make_feature(feature)
            except SpecError as error:
                raise ValueError(f"[{number}]: {error}") from None
        return value

    @field_validator("task")
    @classmethod
    def _task(cls, value: dict[str, Any]) -> dict[str, Any]:
        if "kind" not in value:
            raise ValueError(f"'kind' is missing; known: {', '.join(task_names())}")
        known = argument_model(task_class(value["kind"])).model_fields
        for key in value:
            if key != "kind" and key not in known:
                raise ValueError(unknown_name(f"setting of task {value['kind']}", key, known))
        get_task(**_as_task(value))
        return value

    @field_validator("model")
    @classmethod
    def _model(cls, value: str) -> str:
        if value not in model_names():
            raise ValueError(unknown_name("model", value, model_names()))
        return value

    @field_validator("hparams")
    @classmethod
    def _hparams(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for model, settings in value.items():
            known = hyperparameters(model)
            for key in settings:
                if key not in known:
                    raise ValueError(unknown_name(f"hyperparameter of {model}", key, known))
        return value

    @model_validator(mode="after")
    def _together(self) -> DataSpec:
        bank = FeatureBank(self.features)
        known = {*self.fields, "time"}
        for reader, names in (("features", bank.fields), ("task", self.make_task().fields)):
            for name in names:
                if name not in known:
                    raise ValueError(
                        f"fields: {reader} reads '{name}', which is not among {', '.join(self.fields)}"
                    )
        self.splitter()
        return self

    def make_task(self) -> Task:
        """Return the task."""
        return get_task(**_as_task(self.task))

    def splitter(self) -> WalkForward:
        """Return the folds' splitter."""
        return WalkForward(**self.split.model_dump())

    def samples(self) -> Samples:
        """Read the data and add features and labels.

        Raises
        ------
        DataError
            If the data cannot be read, lacks a field, or has a value that cannot be used.
        """
        bars = self.source.bars()
        missing = [name for name in self.fields if name not in bars.columns]
        if missing:
            raise DataError(
                f"{self.source.describe()}: no field {', '.join(missing)}; it has: "
                f"{', '.join(c for c in bars.columns if c not in ('time', 'symbol'))}"
            )
        keep = pd.Series(True, index=bars.index)
        if self.period.start is not None:
            keep &= bars["time"] >= pd.Timestamp(self.period.start)
        if self.period.end is not None:
            keep &= bars["time"] < pd.Timestamp(self.period.end) + pd.Timedelta(days=1)
        if not keep.any():
            raise DataError(
                f"{self.source.describe()}: no row from {self.period.start} to {self.period.end}; "
                f"it has {bars['time'].min()} to {bars['time'].max()}"
            )
        keys = [key for key in ("time", "symbol", "segment", "session") if key in bars.columns]
        panel = Panel.from_frame(bars.loc[keep, [*keys, *self.fields]])
        return Samples(panel, FeatureBank(self.features), self.make_task(), self.lookback, self)

    def resolved(self) -> dict[str, Any]:
        """Return all settings, defaults included, as they stand in a YAML file."""
        content = self.model_dump(mode="json")
        content["source"] = {"kind": self.source.kind, **self.source.model_dump(mode="json")}
        return content

    def to_yaml(self) -> str:
        """Return the spec as YAML that `load_spec` reads again."""
        return yaml.safe_dump(self.resolved(), sort_keys=False, allow_unicode=True, width=100)

    def replace(self, **changes: Any) -> DataSpec:
        """Return a spec with some settings changed; a mapping changes only the keys it has.

        Examples
        --------
        >>> load_spec("sp500_direction").replace(training={"epochs": 1}).training.epochs
        1
        """
        content = self.resolved()
        for key, value in changes.items():
            merge = isinstance(value, Mapping) and isinstance(content.get(key), Mapping) and key != "source"
            content[key] = {**content[key], **value} if merge else value
        return make_spec(content, where=f"spec '{self.name}'")


def make_spec(content: Mapping[str, Any], *, where: str = "spec") -> DataSpec:
    """Validate a mapping as a spec.

    Parameters
    ----------
    content : mapping
        As in a YAML file.
    where : str
        What a message calls its origin, such as the file.

    Returns
    -------
    DataSpec

    Raises
    ------
    SpecError
        With a line for each wrong key: what was found, what was expected, and the nearest valid name.
    """
    try:
        return DataSpec.model_validate(dict(content))
    except ValidationError as error:
        lines = [f"{where}: {_sentence(detail)}" for detail in error.errors(include_url=False)]
        raise SpecError("\n".join(lines)) from None
    except TsdeepError as error:
        raise SpecError(f"{where}: {error}") from None


def spec_names() -> list[str]:
    """List the specs that come with tsdeep."""
    return sorted(Path(entry.name).stem for entry in _folder().iterdir() if entry.name.endswith(".yaml"))


def load_spec(spec: str | os.PathLike[str]) -> DataSpec:
    """Read a spec by its name, or from a YAML file of the user's own.

    Parameters
    ----------
    spec : str or path
        A name of `tsdeep list`, or a path: anything that ends in .yaml or .yml or has a folder in it.

    Returns
    -------
    DataSpec

    Raises
    ------
    SpecError
        If there is no such name or file, or a key or value in it is wrong; the message says what, where,
        and what was expected.

    Examples
    --------
    >>> load_spec("sp500_direction").task
    {'kind': 'direction', 'horizon_rows': 1}
    """
    text = os.fspath(spec)
    if text.endswith((".yaml", ".yml")) or os.sep in text:
        path = Path(text).expanduser()
        if not path.is_file():
            raise SpecError(
                f"{path}: no such file; expected a YAML spec, or a name: {', '.join(spec_names())}"
            )
        return make_spec(_read_yaml(path.read_text(encoding="utf-8"), path.name), where=path.name)
    if text not in spec_names():
        raise SpecError(
            unknown_name("spec", text, spec_names()) + ". A file is given as a path that ends in .yaml"
        )
    entry = _folder() / f"{text}.yaml"
    return make_spec(_read_yaml(entry.read_text(encoding="utf-8"), entry.name), where=entry.name)


def load(spec: DataSpec | str | os.PathLike[str]) -> Samples:
    """Read the data of a spec: a Panel with features, labels and label ends.

    Parameters
    ----------
    spec : DataSpec, str or path
        A spec, its name, or its file.

    Returns
    -------
    Samples
    """
    return (spec if isinstance(spec, DataSpec) else load_spec(spec)).samples()


def json_schema() -> dict[str, Any]:
    """Describe a spec file in JSON schema, so that an editor completes and checks it."""
    schema = DataSpec.model_json_schema()
    features = feature_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "tsdeep data spec"
    schema.setdefault("$defs", {}).update(features["$defs"])
    schema["properties"]["features"]["items"] = {"$ref": "#/$defs/Feature"}
    schema["properties"]["source"] = source_schema()
    schema["properties"]["model"]["enum"] = model_names()
    schema["properties"]["task"] = {"oneOf": [_task_schema(kind) for kind in task_names()]}
    schema["properties"]["hparams"]["properties"] = {
        model: {
            "type": "object",
            "additionalProperties": False,
            "properties": {k: {"default": v} for k, v in hyperparameters(model).items()},
        }
        for model in model_names()
    }
    return schema


def _task_schema(kind: str) -> dict[str, Any]:
    schema = argument_model(task_class(kind)).model_json_schema()
    schema["title"] = kind
    schema["properties"] = {"kind": {"const": kind}, **schema["properties"]}
    schema["required"] = ["kind", *schema.get("required", [])]
    return schema


def _as_task(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"task": value["kind"], **{k: v for k, v in value.items() if k != "kind"}}


def _folder() -> Any:
    """Give the packaged specs; in a checkout they stand beside the package."""
    packaged = resources.files("tsdeep") / "data_specs"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parent.parent / "data_specs"


def _read_yaml(text: str, name: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SpecError(f"{name}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise SpecError(
            f"{name}: found {type(content).__name__}, expected a mapping of keys such as name, source"
        )
    return content


_ADVICE = {"missing": "is missing", "extra_forbidden": "unknown key"}


def _sentence(detail: Any) -> str:
    """Say one error of pydantic as: key, found, expected."""
    key = ".".join(str(part) for part in detail["loc"]) or "spec"
    if detail["type"] == "missing":
        return f"{key} is missing"
    if detail["type"] == "extra_forbidden":
        parent, last = detail["loc"][:-1], str(detail["loc"][-1])
        known = _keys_at(parent)
        near = difflib.get_close_matches(last, known, n=1, cutoff=0.5)
        hint = f" did you mean '{near[0]}'?" if near else ""
        return f"unknown key '{key}':{hint} Known: {', '.join(known)}"
    message = detail["msg"].removeprefix("Value error, ")
    found = (
        ""
        if detail["type"] == "value_error" and not _is_short(detail["input"])
        else f"found {detail['input']!r}, "
    )
    return f"{key}: {found}{message[:1].lower()}{message[1:]}"


def _is_short(value: Any) -> bool:
    return len(repr(value)) <= 60 and not isinstance(value, (dict, list))


def _keys_at(location: tuple[Any, ...]) -> list[str]:
    parts: dict[str, type[BaseModel]] = {
        "period": Period,
        "split": Split,
        "training": Training,
        "backtest": Backtest,
    }
    part = parts.get(str(location[0]), DataSpec) if location else DataSpec
    return list(part.model_fields)
