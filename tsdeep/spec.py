"""Specs: a data set and a task in one YAML file, validated before anything is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator

from tsdeep.assets import BASKET, MARKET, Assets
from tsdeep.errors import DataError, SpecError, invalid_keys, unknown_name
from tsdeep.features import FeatureBank, make_feature, make_scaler
from tsdeep.models import model_names
from tsdeep.panel import Panel
from tsdeep.samples import Samples
from tsdeep.sources import OneOrMore, Source, make_source
from tsdeep.spec_assets import (
    AssetRules,
    Joined,
    clock_fault,
    context_fields,
    dump_source,
    read_panel,
    read_series,
    with_series,
)
from tsdeep.spec_features import ANY_DATA, for_data, known_feature
from tsdeep.spec_files import read_spec_file, spec_folder, spec_names
from tsdeep.spec_parts import Backtest, Count, Part, Period, Replay, Split, Training, hyperparameter_model
from tsdeep.tables import KEYS
from tsdeep.tasks import Task, get_task, task_names
from tsdeep.validation import WalkForward


def _field(value: str) -> str:
    if value in KEYS:
        raise ValueError(
            f"found {value!r}, which is no field: every table has it, and features may read 'time'"
        )
    return value


class SamplesPiece(NamedTuple):
    """A part of a spec's samples: its name, and how to read its raw rows and its samples.

    The rows are None where the source's options leave none, the samples where no segment is long enough for a window.
    """

    name: str
    read: Callable[[], tuple[Panel | None, Samples | None]]


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
    assets: AssetRules | None = Field(
        default=None, description="Where several assets belong together: how they come to the same days."
    )
    join: dict[Annotated[str, AfterValidator(_field)], Joined] = Field(
        default={}, description="Other series by the field that they become on every row, such as vix."
    )
    features: list[Annotated[dict[str, Any], AfterValidator(known_feature)]] = Field(
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
    replay: Replay = Replay()
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
            "the features read": FeatureBank(for_data(self.features, ANY_DATA)).fields,
            "the task reads": self.make_task().fields,
        }
        if self.backtest.execution == "next_open":
            readers["the execution 'next_open' reads"] = ("open",)
        for name in self.join:
            if name in (*self.fields, *context_fields(tuple(self.fields), self.assets)) or name.startswith(
                (MARKET, BASKET)
            ):
                raise ValueError(
                    f"join: found '{name}', which is a field of the bars already, expected another name"
                )
        there = (*self.fields, *self.join, *context_fields(tuple(self.fields), self.assets), "time")
        for reader, names in readers.items():
            for name in names:
                if name not in there:
                    raise ValueError(
                        f"fields: found {', '.join(self.fields)}, expected '{name}' too, which {reader}"
                    )
        fault = clock_fault(self.source, self.assets, self.join)
        if fault is not None:
            raise ValueError(fault)
        if self.assets is not None and self.scaler.get("by_symbol"):
            raise ValueError("scaler: found by_symbol with assets, expected one scaler for all of them")
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
        panel, assets = self.read()
        return self._samples_of(panel, assets)

    def _samples_of(self, panel: Panel, assets: Assets | None) -> Samples:
        """Add features and labels to raw rows."""
        known: dict[str, Any] = {"tick": panel.tick}
        if "ask_price" in panel.fields:
            known["levels"] = panel.fields["ask_price"].shape[1]
        if assets is not None:
            known |= {"assets": assets.names, "symbols": assets.symbols}
        known = {name: value for name, value in known.items() if value is not None}
        features, notes = self._features_in_use(known)
        panel = replace(panel, notes=(*panel.notes, *notes))
        try:
            samples = Samples(
                panel, FeatureBank(features), self.make_task(), self.lookback, self.scaler, self, assets
            )
        except DataError as error:
            raise DataError(f"{self.source.describe()}: {error}") from None
        side_by_side = self.assets is not None and self.assets.learn == "side_by_side"
        return samples.side_by_side() if side_by_side else samples

    def data_state(self) -> dict[str, Any]:
        """Tell the data of all sources as it is now from what it was, see `Source.state`."""
        sources = {"source": self.source}
        sources |= {f"join.{n}": each.source for n, each in self.join.items() if each.used}
        if self.assets is not None and self.assets.train_only is not None:
            sources["assets.train_only"] = self.assets.train_only
        return {name: source.state() for name, source in sources.items()}

    def pieces(self) -> list[SamplesPiece]:
        """List the parts in which the samples can be read, each in memory of its own size.

        The rows of the pieces, one behind another in this order, are those of `samples()`. There is one piece, the
        whole, unless the source has several and no assets belong together; other series are read once for all.
        """
        if self.assets is not None:
            return [SamplesPiece("all", lambda: self._read_piece(self.read))]
        start, end = self.period.timestamps()
        series: dict[str, Panel] = {}

        def of(read: Callable[[], Panel | None]) -> tuple[Panel | None, None]:
            panel = read()
            if panel is None:
                return None, None
            if not series:
                series.update(read_series(self.join, end))
            return with_series(panel, self.join, series), None

        pieces = self.source.pieces(tuple(self.fields), start, end)
        return [
            SamplesPiece(each.name, lambda read=each.read: self._read_piece(lambda: of(read)))  # type: ignore[misc]
            for each in pieces
        ]

    def _read_piece(
        self, read: Callable[[], tuple[Panel | None, Assets | None]]
    ) -> tuple[Panel | None, Samples | None]:
        try:
            panel, assets = read()
        except DataError as error:
            raise DataError(f"{self.source.describe()}: {error}") from None
        if panel is None:
            return None, None
        longest = int(np.diff(panel.bounds).max())
        warmup = FeatureBank(for_data(self.features, ANY_DATA)).warmup
        if longest < self.lookback + warmup:  # a day that is too short for a window is none's mistake
            return panel, None
        samples = self._samples_of(panel, assets)
        return samples.panel, samples

    def read(self) -> tuple[Panel, Assets | None]:
        """Read the data, with its assets on the same days and other series joined.

        Raises
        ------
        DataError
            If the data cannot be read, lacks a field, or has a value that cannot be used.
        """
        return read_panel(self.source, tuple(self.fields), *self.period.timestamps(), self.assets, self.join)

    def _features_in_use(self, known: Mapping[str, Any]) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """Leave out the features of optional series that are not there, and say so."""
        absent = [name for name, each in self.join.items() if not each.used]
        features = for_data(self.features, known)
        if not absent:
            return features, ()
        used = [each for each in features if not set(absent) & set(make_feature(each).fields)]
        note = (
            f"Without {', '.join(absent)}, which is optional and was not given: "
            f"{len(features) - len(used)} of {len(features)} features are left out."
        )
        return used, (note,)

    def resolved(self) -> dict[str, Any]:
        """Return all settings, defaults included, as they stand in a YAML file."""
        content = self.model_dump(mode="json")
        content["source"] = dump_source(self.source)
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
    return _from_file(spec_folder() / f"{text}.yaml", f"{text}.yaml")


def _from_file(path: Any, where: str) -> DataSpec:
    return make_spec(read_spec_file(path, where), where=where)


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
