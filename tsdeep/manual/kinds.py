"""The kinds of things that have names, and what is told of each beside its docstring."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import partial
from typing import Any

import tsdeep
from tsdeep.arguments import argument_model
from tsdeep.baselines import OnFeatures, references_for
from tsdeep.features import feature_names, get_feature, get_scaler, make_feature, scaler_names
from tsdeep.manual.docstrings import Docstring, docstring_of
from tsdeep.manual.page import REQUIRED, Argument, Entry
from tsdeep.manual.samples import flow, sample_settings
from tsdeep.models import capability, get_model, hyperparameters, model_names
from tsdeep.sources import source_class, source_names
from tsdeep.spec import load_spec
from tsdeep.spec_files import spec_names
from tsdeep.tasks import get_task, task_class, task_names

EXTRAS = {"alpaca": "alpaca", "alpaca_quotes": "alpaca", "nasdaq": "nasdaq", "yfinance": "yfinance"}
"""The extra that brings the client package of a source."""

_MOST_CHANNELS = 8

# Fields of bars and their context that references read; of books they read all.
_FIELDS = (
    *("open", "high", "low", "close", "volume", "vix"),
    *("basket_close", "asset", "market_high", "market_low"),
)

Facts = list[tuple[str, str]]


@dataclass(frozen=True)
class Kind:
    """A kind of thing that `tsdeep.help` knows.

    Attributes
    ----------
    name, plural : str
        What one is called, and several.
    names : callable
        Lists the names.
    entries : callable
        Gives the entries of a name: one, or one for each task that has a reference of this name.
    summaries : callable
        Gives the one line of each entry of a name.
    """

    name: str
    plural: str
    names: Callable[[], Sequence[str]]
    entries: Callable[[str], list[Entry]]
    summaries: Callable[[str], list[str]]


def _entry(
    kind: str, name: str, target: Any, defaults: dict[str, Any], facts: Facts, doc: Docstring | None = None
) -> Entry:
    """Make an entry of a docstring and of the arguments that the code has, in their order."""
    doc = doc or docstring_of(target)
    described = {each.name: each for each in doc.arguments}
    arguments = tuple(
        Argument(
            argument,
            described[argument].type if argument in described else "",
            described[argument].meaning if argument in described else "",
            default,
        )
        for argument, default in defaults.items()
    )
    place = f"{target.__module__}.{getattr(target, '__qualname__', type(target).__qualname__)}"
    return Entry(
        kind,
        name,
        doc.summary,
        doc.text,
        arguments,
        doc.returns,
        tuple(facts),
        doc.references,
        doc.examples,
        place,
    )


def defaults_of(cls: Any) -> dict[str, Any]:
    """Return the constructor arguments of a class with their defaults, `REQUIRED` where there is none."""
    return {
        name: REQUIRED if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in argument_model(cls).model_fields.items()
    }


def signature_defaults(function: Any) -> dict[str, Any]:
    """Return the arguments of a function, or of a class, with their defaults; `**kwargs` left out."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # a class of exceptions, whose constructor is not written in Python
        return {}
    return {
        each.name: REQUIRED if each.default is each.empty else each.default
        for each in parameters
        if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    }


def model_docstring(name: str) -> Docstring:
    """Return a model's docstring, behind that of its module where the module is called as the model is."""
    body = _written(get_model(name))
    doc = docstring_of(body)
    module = sys.modules.get(body.__module__)
    if body.__module__.split(".")[-1] != getattr(body, "__name__", "") or not getattr(module, "__doc__", ""):
        return doc
    about = docstring_of(module)
    text = "\n\n".join(part for part in (about.text, doc.summary, doc.text) if part)
    return Docstring(about.summary, text, doc.arguments, doc.returns, doc.references, doc.examples)


def _written(body: Any) -> Any:
    """Return what a body was written as: of `functools.partial` the function."""
    while isinstance(body, partial):
        body = body.func
    return body


def _model(name: str) -> list[Entry]:
    body, doc = _written(get_model(name)), model_docstring(name)
    inputs = next(
        (each for each in doc.arguments if each.name == next(iter(inspect.signature(body).parameters))), None
    )
    facts: Facts = [("Use", f'tsdeep.build("{name}", samples) or tsdeep run SPEC --model {name}')]
    if inputs is not None:
        facts.append(("Reads", f"{inputs.type}. {inputs.meaning}"))
    found = capability(name)
    if found is not None:
        rows = (
            "all rows of the window"
            if found.receptive_field is None
            else f"the newest {found.receptive_field} rows"
        )
        if found.receptive_field == 1:
            rows = "the newest row"
        facts += [
            (
                f"At its defaults on {found.lookback} rows of {found.channels} channels",
                f"{found.parameters:,} trainable parameters; receptive field: {rows}",
            ),
            (
                "Streams (tsdeep.Stream)",
                f"mode {', '.join(found.modes)}"
                + (f"; not exact, as {found.not_exact.split(': ', 1)[-1]}" if found.not_exact else ""),
            ),
            ('Trains dense (outputs="sequence")', "yes" if found.dense else "no"),
        ]
    return [_entry("model", name, body, hyperparameters(name), facts, doc)]


def _feature(name: str) -> list[Entry]:
    cls = get_feature(name)
    defaults = defaults_of(cls)
    facts: Facts = []
    settings = sample_settings(name, (argument for argument, value in defaults.items() if value is REQUIRED))
    if settings is not None:
        feature = make_feature(settings)
        channels = list(feature.names)
        shown = channels if len(channels) <= _MOST_CHANNELS else [*channels[: _MOST_CHANNELS - 1], "..."]
        facts = [
            ("In a spec", flow(settings)),
            ("Reads", ", ".join(feature.fields)),
            ("Warm-up", f"{feature.warmup} row{'' if feature.warmup == 1 else 's'} before the current one"),
            ("Gives", f"[batch, rows - {feature.warmup}, {len(channels)}]: {', '.join(shown)}"),
        ]
    return [_entry("feature", name, cls, defaults, facts)]


def _scaler(name: str) -> list[Entry]:
    cls = get_scaler(name)
    facts = [
        ("In a spec", f"scaler: {flow({'kind': name})}; with by_symbol: true one for each instrument"),
        ("Found by fit on training rows", ", ".join(cls.statistics)),
    ]
    defaults = {
        argument: value for argument, value in defaults_of(cls).items() if argument not in cls.statistics
    }
    return [_entry("scaler", name, cls, defaults, facts)]


def _task(name: str) -> list[Entry]:
    cls: Any = task_class(name)
    defaults = {each.name: _default(each) for each in fields(cls) if each.init}
    facts: Facts = []
    if REQUIRED not in defaults.values():
        facts = _task_facts(name)
    return [_entry("task", name, cls, defaults, facts)]


def _default(field: Any) -> Any:
    """Return the default of a field of a dataclass."""
    if field.default is not MISSING:
        return field.default
    return REQUIRED if field.default_factory is MISSING else field.default_factory()


def _task_facts(name: str) -> Facts:
    task = get_task(name)
    facts = [
        ("In a spec", f"task: {flow({'kind': name})}"),
        ("Label reads", ", ".join(task.fields)),
        ("A model's logits", f"[batch, {', '.join(map(str, task.logit_shape))}]"),
        ("A served model gives", ", ".join(task.output_names)),
    ]
    beside = [method for method, tasks in references().items() if name in dict(tasks)]
    return [*facts, ("Shown beside", ", ".join(beside))] if beside else facts


def _source(name: str) -> list[Entry]:
    cls = source_class(name)
    defaults = {
        setting: REQUIRED if field.is_required() else field.get_default(call_default_factory=True)
        for setting, field in cls.model_fields.items()
    }
    settings = sample_settings(name, (setting for setting, value in defaults.items() if value is REQUIRED))
    facts: Facts = [] if settings is None else [("In a spec", f"source: {flow(settings)}")]
    if name in EXTRAS:
        facts.append(("Install", f'pip install "tsdeep[{EXTRAS[name]}]"'))
    return [_entry("source", name, cls, defaults, facts)]


def references() -> dict[str, list[tuple[str, Any]]]:
    """Return the reference methods by name, each with the task that it belongs to."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for task in task_names():
        try:
            methods = references_for(get_task(task), _FIELDS)
        except tsdeep.SpecError:
            continue  # a task of the user's own has none
        for method in methods:
            bare = method.method if isinstance(method, OnFeatures) else method
            found.setdefault(method.name, []).append((task, bare))
    return found


def _reference(name: str) -> list[Entry]:
    entries = []
    for task, method in references()[name]:
        defaults = signature_defaults(type(method))
        made = _made(method)
        facts: Facts = [("Shown beside", f"every model of the task {task}")]
        if made:
            facts.append(("As", f"{type(method).__name__}({made})"))
        if hasattr(method, "needs"):
            facts.append(("Reads", ", ".join(method.needs)))
        doc = replace(docstring_of(type(method)), summary=_reference_line(method))
        entries.append(_entry("reference", name, type(method), defaults, facts, doc))
    return entries


def _made(method: Any) -> str:
    """Return the arguments of a reference that differ from its defaults, as they are written."""
    return ", ".join(
        f"{key}={getattr(method, key)!r}"
        for key, value in signature_defaults(type(method)).items()
        if _differs(method, key, value)
    )


def _reference_line(method: Any) -> str:
    """Return its one line, with what sets it apart from others of its class."""
    summary, made = docstring_of(type(method)).summary, _made(method)
    return f"{summary.removesuffix('.')} ({made})." if made else summary


def _differs(method: Any, key: str, default: Any) -> bool:
    value = getattr(method, key, default)
    return default is not REQUIRED and value != default


def _spec(name: str) -> list[Entry]:
    spec = load_spec(name)
    features = ", ".join(dict.fromkeys(each["kind"] for each in spec.features))
    split = spec.split.model_dump(exclude_unset=True)
    facts = [
        ("Use", f"tsdeep run {name}, or tsdeep.load_spec({name!r}); tsdeep show {name} has all settings"),
        ("Source", spec.source.describe()),
        ("A row", spec.source.a_row),
        ("Features", features),
        ("Task", flow(spec.task)),
        ("Lookback", f"{spec.lookback} rows"),
        ("Folds", flow(split)),
        ("Model", spec.model),
        ("Settings tried before these", "not said" if spec.variants is None else str(spec.variants)),
    ]
    first, _, rest = spec.description.partition("? ")
    summary = f"{first}?" if rest else first
    return [Entry("spec", name, summary, rest, facts=tuple(facts), place=f"data_specs/{name}.yaml")]


def _public_names() -> list[str]:
    return [name for name in tsdeep.__all__ if not name.startswith("_")]


_ROOMS = (
    *("baselines", "evaluation", "features", "layers", "models"),
    *("pipeline", "serving", "sources", "tasks", "validation"),
)


def public(name: str) -> tuple[Any, str] | None:
    """Find a public name in tsdeep or in one of its rooms; return what it is and where, or None."""
    if name in tsdeep.__all__:
        return getattr(tsdeep, name), "tsdeep"
    for room in _ROOMS:
        module = importlib.import_module(f"tsdeep.{room}")
        if name in module.__all__:
            return getattr(module, name), f"tsdeep.{room}"
    return None


def _public(name: str) -> list[Entry]:
    found = public(name)
    if found is None or not callable(found[0]):
        return []
    target, where = found
    facts: Facts = [("Import", f"from {where} import {name}")] if where != "tsdeep" else []
    if inspect.isclass(target):
        facts += [(f".{method}", summary) for method, summary in _methods(target)]
    return [
        _entry(
            "class" if inspect.isclass(target) else "function",
            name,
            target,
            signature_defaults(target),
            facts,
        )
    ]


def _methods(cls: type) -> list[tuple[str, str]]:
    """List the public methods that tsdeep gives a class, with their one line."""
    found: dict[str, str] = {}
    for base in cls.__mro__:
        if not base.__module__.startswith("tsdeep."):
            continue
        for name, member in vars(base).items():
            function = getattr(member, "__func__", getattr(member, "fget", member))
            if not name.startswith("_") and inspect.isfunction(function) and name not in found:
                found[name] = docstring_of(function).summary
    return list(found.items())


def _first_lines(docstring: Callable[[str], Docstring], name: str) -> list[str]:
    return [docstring(name).summary]


KINDS = (
    Kind("spec", "specs", spec_names, _spec, lambda name: [entry.summary for entry in _spec(name)]),
    Kind("model", "models", model_names, _model, partial(_first_lines, model_docstring)),
    Kind(
        "feature", "features", feature_names, _feature, lambda name: [docstring_of(get_feature(name)).summary]
    ),
    Kind("scaler", "scalers", scaler_names, _scaler, lambda name: [docstring_of(get_scaler(name)).summary]),
    Kind("task", "tasks", task_names, _task, lambda name: [docstring_of(task_class(name)).summary]),
    Kind("source", "sources", source_names, _source, lambda name: [docstring_of(source_class(name)).summary]),
    Kind(
        "reference",
        "references",
        lambda: sorted(references()),
        _reference,
        lambda name: [_reference_line(method) for _, method in references()[name]],
    ),
)
"""The kinds that specs and reports name things of."""

PUBLIC = Kind(
    "public name",
    "public names",
    _public_names,
    _public,
    lambda name: [entry.summary for entry in _public(name)],
)
"""Functions and classes; of those of a room only the ones of `tsdeep` itself are listed."""
