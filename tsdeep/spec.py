"""Specs: a data set and a task in one YAML file, validated before anything is read."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator

from tsdeep.errors import DataError, SpecError, invalid_keys, unknown_name
from tsdeep.features import FeatureBank, argument_model, get_feature, make_feature, make_scaler
from tsdeep.models import model_names
from tsdeep.samples import Samples
from tsdeep.sources import OneOrMore, Source, make_source
from tsdeep.spec_parts import Backtest, Count, Part, Period, Split, Training, hyperparameter_model
from tsdeep.tables import KEYS
from tsdeep.tasks import Task, get_task, task_names
from tsdeep.validation import WalkForward

#: Arguments of features that a spec may leave out: the data tells them.
FROM_DATA = ("tick", "levels")


def _feature(value: dict[str, Any]) -> dict[str, Any]:
    if "kind" in value and not isinstance(value["kind"], str):
        raise ValueError(f"found the kind {value['kind']!r}, expected a name")
    make_feature(*_for_data([value], 1.0, 1))
    return value


def _for_data(features: list[dict[str, Any]], tick: float | None, levels: int | None) -> list[dict[str, Any]]:
    """Give features of order books the tick and the levels of the data where the spec leaves them out."""
    known = {name: value for name, value in zip(FROM_DATA, (tick, levels), strict=True) if value is not None}
    filled = []
    for feature in features:
        asked = argument_model(get_feature(feature["kind"])).model_fields if "kind" in feature else {}
        filled.append({**{name: value for name, value in known.items() if name in asked}, **feature})
    return filled


def _field(value: str) -> str:
    if value in KEYS:
        raise ValueError(
            f"found {value!r}, which is no field: every table has it, and features may read 'time'"
        )
    return value


class DataSpec(Part):
    """A data set and a task, as a file of `data_specs/` describes them.

    `tsdeep.load_spec` reads one; `resolved` gives all settings, defaults included, and `samples` reads the
    data. `source` and `task` are mappings with a `kind`; a feature is a mapping with a `kind` too.
    """

    name: str = Field(
        pattern=r"^\w[\w.-]*$",
        description="Name of the study, and of the folder of its runs: letters, digits, . - _",
    )
    description: str = Field(default="", description="What is asked, for the reader of a report.")
    source: Annotated[Source, BeforeValidator(make_source)] = Field(
        description="Where the data comes from: a kind and its settings."
    )
    period: Period = Field(default=Period(), description="First and last date to use.")
    fields: OneOrMore[Annotated[str, AfterValidator(_field)]] = Field(
        description="Raw fields to take from the source."
    )
    features: list[Annotated[dict[str, Any], AfterValidator(_feature)]] = Field(
        min_length=1, description="Causal features, in order."
    )
    scaler: dict[str, Any] = Field(
        default={"kind": "standard"},
        description="How features are scaled by training rows: a kind and its settings; by_symbol for one each.",
    )
    task: dict[str, Any] = Field(description="What is predicted: a kind and its settings.")
    lookback: Count = Field(description="Rows of features a model sees, the current one included.")
    split: Split
    model: str = Field(default="lstm", description="The model that is used unless another is asked for.")
    hparams: dict[str, dict[str, Any]] = Field(default={}, description="Hyperparameters for each model.")
    training: Training = Training()
    backtest: Backtest = Backtest()
    variants: Count | None = Field(
        default=None, description="How many settings were tried before these; for the report."
    )

    @field_validator("task")
    @classmethod
    def _task(cls, value: dict[str, Any]) -> dict[str, Any]:
        if "kind" not in value:
            raise ValueError(f"'kind' is missing; known: {', '.join(task_names())}")
        get_task(**_as_task(value))
        return value

    @field_validator("scaler")
    @classmethod
    def _scaler(cls, value: dict[str, Any]) -> dict[str, Any]:
        settings = dict(value)
        by_symbol = settings.pop("by_symbol", False)
        if not isinstance(by_symbol, bool):
            raise ValueError(f"by_symbol: found {by_symbol!r}, expected true or false")
        make_scaler(settings)
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
        checked = {}
        for model, settings in value.items():
            known = hyperparameter_model(model)
            try:
                checked[model] = known.model_validate(settings).model_dump(exclude_unset=True)
            except ValidationError as error:
                raise ValueError(f"model '{model}': " + "; ".join(invalid_keys(error, known))) from None
        return checked

    @model_validator(mode="after")
    def _together(self) -> DataSpec:
        readers = {
            "the features read": FeatureBank(_for_data(self.features, 1.0, 1)).fields,
            "the task reads": self.make_task().fields,
        }
        if self.backtest.execution == "next_open":
            readers["the execution 'next_open' reads"] = ("open",)
        for reader, names in readers.items():
            for name in names:
                if name not in (*self.fields, "time"):
                    raise ValueError(
                        f"fields: found {', '.join(self.fields)}, expected '{name}' too, which {reader}"
                    )
        return self

    def make_task(self) -> Task:
        """Return the task."""
        return get_task(**_as_task(self.task))

    def splitter(self) -> WalkForward:
        """Return the folds' splitter."""
        return self.split.splitter()

    def samples(self) -> Samples:
        """Read the data and add features and labels.

        Raises
        ------
        DataError
            If the data cannot be read, lacks a field, or has a value that cannot be used.
        """
        try:
            panel = self.source.panel(tuple(self.fields), *self.period.timestamps())
            levels = panel.fields["ask_price"].shape[1] if "ask_price" in panel.fields else None
            bank = FeatureBank(_for_data(self.features, panel.tick, levels))
            return Samples(panel, bank, self.make_task(), self.lookback, self.scaler, self)
        except DataError as error:
            raise DataError(f"{self.source.describe()}: {error}") from None

    def resolved(self) -> dict[str, Any]:
        """Return all settings, defaults included, as they stand in a YAML file."""
        content = self.model_dump(mode="json")
        content["source"] = {"kind": self.source.kind, **self.source.model_dump(mode="json")}
        return content

    def to_yaml(self) -> str:
        """Return the spec as YAML that `load_spec` reads again, headed by what a row is."""
        return f"# A row is {self.source.a_row}.\n" + yaml.safe_dump(
            self.resolved(), sort_keys=False, allow_unicode=True, width=100
        )

    def replace(self, **changes: Any) -> DataSpec:
        """Return a spec with some settings changed; a mapping changes only the keys it has.

        A mapping with a `kind` (of `source` or `task`) stands for the whole: another kind has other settings.

        Raises
        ------
        SpecError
            If a key or value is wrong.

        Examples
        --------
        >>> load_spec("sp500_direction").replace(training={"epochs": 1}).training.epochs
        1
        """
        content = self.resolved()
        for key, value in changes.items():
            merge = (
                isinstance(value, Mapping) and isinstance(content.get(key), Mapping) and "kind" not in value
            )
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
    if not isinstance(content, Mapping):
        raise SpecError(
            f"{where}: found {type(content).__name__}, expected a mapping of keys such as name, source, features"
        )
    try:
        return DataSpec.model_validate(dict(content))
    except ValidationError as error:
        raise SpecError("\n".join(f"{where}: {fault}" for fault in invalid_keys(error, DataSpec))) from None


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
        return _from_file(Path(text).expanduser(), text)
    if text not in spec_names():
        raise SpecError(
            unknown_name("spec", text, spec_names()) + ". A file is given as a path that ends in .yaml"
        )
    return _from_file(_folder() / f"{text}.yaml", f"{text}.yaml")


def _from_file(path: Any, where: str) -> DataSpec:
    """Read a file; `where` is what messages call it."""
    if not path.is_file():
        raise SpecError(f"{where}: no such file, expected a YAML spec, or a name: {', '.join(spec_names())}")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_SpecLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SpecError(f"{where}: cannot be read as YAML: {error}") from None
    source = content.get("source") if isinstance(content, dict) else None
    if isinstance(source, dict) and isinstance(source.get("path"), str):
        # Beside the file that names it, wherever the command is run.
        source["path"] = str(path.absolute().parent / Path(source["path"]).expanduser())
    return make_spec(content, where=where)


class _SpecLoader(yaml.SafeLoader):
    """YAML that refuses a key given twice, of which the plain loader would drop one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                problem = f"found the key '{name}' twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


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


def _as_task(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"task": value["kind"], **{k: v for k, v in value.items() if k != "kind"}}


def _folder() -> Any:
    """Give the packaged specs; in a checkout they stand beside the package."""
    packaged = resources.files("tsdeep") / "data_specs"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parent.parent / "data_specs"
