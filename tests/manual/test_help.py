"""Help on every name: that it reads well, that what it says is so, and how an unknown name is answered."""

import dataclasses
import functools
import inspect
import random

import keras
import pytest

import tsdeep
from tsdeep.cli import main
from tsdeep.features import get_feature, get_scaler, make_feature
from tsdeep.manual import docstring_of, names, overview
from tsdeep.manual.kinds import KINDS, defaults_of, model_docstring, references
from tsdeep.manual.page import REQUIRED
from tsdeep.manual.samples import sample_settings
from tsdeep.models import get_model, hyperparameters
from tsdeep.sources import source_class
from tsdeep.tasks import task_class

#: Constructions of tsdeep's own, elementary ones, and files in the user's hands, which have no source to name.
OWN = {
    "model": {"mlp", "oflow"},
    "feature": {
        *("asset", "book_levels", "correlation", "depth", "elapsed_time", "event_count", "field", "lag"),
        *("log_level", "log_return", "log_size", "log_volume_change", "mid_deviation", "mid_return"),
        *("mid_volatility", "overnight_variance", "price_distance", "rolling_mean", "rolling_z_score"),
        *("signed_return", "spread", "squared_return", "trade_flow"),
    },
    "scaler": {"signed_log", "standard"},
    "task": {"direction"},
    "source": {"book_table", "csv", "parquet"},
    "reference": {"always_up", "base_rate", "fifty_days", "majority", "persistence", "random_walk", "rule"},
}


def ours(target):
    return target.__module__.startswith("tsdeep.")


def our_names(plural, get):
    """Names of a kind that tsdeep registers; other tests of the process may have registered more."""
    return [name for name in names()[plural] if ours(get(name))]


def targets():
    """Every registered thing but the specs: kind, name, docstring, names of its arguments."""
    for name in our_names("models", get_model):
        yield "model", name, model_docstring(name), list(hyperparameters(name))
    for kind, get in (("feature", get_feature), ("scaler", get_scaler)):
        for name in our_names(f"{kind}s", get):
            yield kind, name, docstring_of(get(name)), list(defaults_of(get(name)))
    for name in our_names("tasks", task_class):
        fields = inspect.signature(task_class(name)).parameters
        yield "task", name, docstring_of(task_class(name)), list(fields)
    for name in our_names("sources", source_class):
        yield "source", name, docstring_of(source_class(name)), list(source_class(name).model_fields)
    for name, methods in references().items():
        for _, method in methods:
            arguments = [each for each in inspect.signature(type(method)).parameters if each != "_"]
            yield "reference", name, docstring_of(type(method)), arguments


TARGETS = [pytest.param(*each, id=f"{each[0]}-{each[1]}") for each in targets()]


@pytest.mark.parametrize(("kind", "name", "doc", "arguments"), TARGETS)
def test_every_name_has_a_line_its_arguments_and_its_source(kind, name, doc, arguments):
    assert doc.summary.endswith(".")
    assert len(doc.summary) <= 120
    described = {each.name: each for each in doc.arguments}
    assert set(arguments) <= set(described)
    for argument in arguments:
        assert described[argument].type, argument
        assert described[argument].meaning, argument
        assert not described[argument].meaning.startswith("See `"), argument
    assert bool(doc.references) != (name in OWN[kind]), "a source, or a name in OWN"


def shown(name, kind):
    """The entry of a name, seen to be in both forms of its page."""
    page = tsdeep.help(name)
    entry = next(entry for entry in page.entries if entry.kind == kind.name)
    assert entry.summary == kind.summaries(name)[0]
    text, markdown = str(page), page._repr_markdown_()
    assert repr(page) == text
    for argument in entry.arguments:
        assert f"  {argument.name} : " in text
        assert f"| `{argument.name}` |" in markdown
    for label, _ in entry.facts:
        assert f"{label}: " in text
        assert f"**{label}**: " in markdown
    return entry


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.name != "model"], ids=lambda kind: kind.plural
)
def test_every_name_of_a_kind_has_an_entry_that_both_forms_show(kind):
    found = {name: kind.entries(name)[0].place for name in kind.names()}
    own = [name for name, place in found.items() if place.startswith(("tsdeep.", "data_specs/"))]
    assert own
    for name in own:
        assert shown(name, kind).facts


MODELS = our_names("models", get_model)
QUICK = ("lstm", "mlp", "tcn")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_a_model_says_how_far_it_reads_and_how_it_streams(name):
    facts = dict(shown(name, KINDS[1]).facts)
    reads = {
        "tcn": "the newest 61 rows",
        "mlp": "the newest row",
        "oflow": "the newest row",
        "har_network": "the newest row",
    }
    at = next(value for label, value in facts.items() if label.startswith("At its defaults"))
    assert at.endswith(f"receptive field: {reads.get(name, 'all rows of the window')}")
    modes = facts["Streams (tsdeep.Stream)"]
    assert modes.startswith("mode exact, window, carry") == (name in reads)
    assert ("carry" in modes) == (name in (*reads, "lstm", "gru"))
    assert ("; not exact, as " in modes) == (name not in reads)
    assert facts['Trains dense (outputs="sequence")'] == ("yes" if name in ("mlp", "oflow", "tcn") else "no")


def test_help_leaves_the_generators_as_they_were():
    keras.utils.set_random_seed(3)
    before = random.getstate()
    tsdeep.help("mlp")
    assert random.getstate() == before


@pytest.mark.parametrize("name", our_names("features", get_feature))
def test_the_spec_line_of_a_feature_makes_it(name):
    required = [argument for argument, value in defaults_of(get_feature(name)).items() if value is REQUIRED]
    feature = make_feature(sample_settings(name, required))
    facts = dict(tsdeep.help(name).entries[0].facts)
    assert facts["Reads"].split(", ") == list(feature.fields)
    assert facts["Gives"].startswith(
        f"[batch, rows - {feature.warmup}, {len(feature.names)}]: {feature.names[0]}"
    )


def test_a_name_of_two_kinds_has_both():
    assert [entry.kind for entry in tsdeep.help("volatility").entries] == ["task"]
    tasks = [dict(entry.facts)["Shown beside"] for entry in tsdeep.help("logistic").entries]
    assert tasks == ["every model of the task direction", "every model of the task movement"]


def test_public_functions_and_classes_have_help_too():
    (page,) = tsdeep.help("Stream").entries
    assert page.kind == "class"
    assert dict(page.facts)[".push"] == "Take the next row and predict."
    (page,) = tsdeep.help("Client").entries
    assert dict(page.facts)["Import"] == "from tsdeep.serving import Client"
    for name in tsdeep.__all__:
        if not name.startswith("_"):
            assert tsdeep.help(name).entries[0].summary, name


def test_what_users_register_has_help(monkeypatch):
    monkeypatch.setattr(tsdeep.features.registry, "_FEATURES", dict(tsdeep.features.registry._FEATURES))

    @tsdeep.register_feature("bare")
    class Bare(tsdeep.Feature):
        def __init__(self, threshold: float, **kwargs):
            super().__init__(**kwargs)

    (entry,) = tsdeep.help("bare").entries
    assert (entry.summary, entry.arguments[0].name, entry.arguments[0].given) == ("", "threshold", "required")
    assert "threshold, required" in str(tsdeep.help("bare"))
    assert str(tsdeep.help("bare")).startswith("bare (feature)\n\nArguments")
    assert "**" not in tsdeep.help("bare")._repr_markdown_()


def test_a_model_and_a_task_of_the_users_have_help_without_docstrings(monkeypatch):
    monkeypatch.setattr(tsdeep.models.registry, "_BODIES", dict(tsdeep.models.registry._BODIES))
    monkeypatch.setattr(tsdeep.tasks.base, "_TASKS", dict(tsdeep.tasks.base._TASKS))
    body = tsdeep.register_model("bare")(lambda inputs, *, units=3: inputs[:, -1])
    body.__module__ = "nowhere"

    @tsdeep.register_task("bare")
    @dataclasses.dataclass(frozen=True)
    class Bare(tsdeep.Task):
        level: float

    model, task = tsdeep.help("bare").entries
    assert (model.kind, [each.given for each in model.arguments]) == ("model", ["3"])
    assert (task.kind, [each.given for each in task.arguments]) == ("task", ["required"])
    assert main(["list", "-v"]) == 0


def test_models_that_are_no_functions_have_help(monkeypatch):
    monkeypatch.setattr(tsdeep.models.registry, "_BODIES", dict(tsdeep.models.registry._BODIES))

    class Newest:
        """The newest row."""

        def __call__(self, inputs, *, units=3):
            return inputs[:, -1]

    tsdeep.register_model("instance")(Newest())
    tsdeep.register_model("part")(functools.partial(tsdeep.models.get_model("mlp"), units=(5,)))
    assert tsdeep.help("instance").entries[0].summary == "The newest row."
    assert tsdeep.help("part").entries[0].summary == tsdeep.help("mlp").entries[0].summary
    given = {each.name: each.given for each in tsdeep.help("part").entries[0].arguments}
    assert given["units"] == "(5,)"
    assert overview()["models"]["part"]


def test_references_of_one_class_are_told_apart_by_their_lines():
    for kind, lines in overview().items():
        told = [line for line in lines.values() if line]
        assert len(set(told)) == len(told), kind


def test_an_unknown_name_is_answered_with_near_ones_and_the_kinds():
    with pytest.raises(
        tsdeep.SpecError, match=r"unknown name 'tnc': did you mean 'tcn' \(model\).*references"
    ):
        tsdeep.help("tnc")
    with pytest.raises(tsdeep.SpecError, match=r"expected a name as text, such as tsdeep.help\('Stream'\)"):
        tsdeep.help(tsdeep.Stream)


def test_list_names_all_that_there_is(capsys):
    assert main(["list"]) == 0
    listed = dict(line.split(":", 1) for line in capsys.readouterr().out.splitlines())
    known = {
        "specs": tsdeep.spec_names(),
        "models": tsdeep.model_names(),
        "features": list(tsdeep.feature_names()),
        "scalers": list(tsdeep.scaler_names()),
        "tasks": tsdeep.task_names(),
        "sources": tsdeep.source_names(),
        "references": sorted(references()),
    }
    assert {title: found.strip().split(", ") for title, found in listed.items()} == known


def test_list_v_gives_each_name_its_line(capsys):
    assert main(["list", "-v"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for kind, lines in overview().items():
        assert kind in printed
        for name, line in lines.items():
            assert f"{name} {line[:40]}".strip() in printed, name


def test_the_command_help_prints_the_page_and_refuses_unknown_names(capsys):
    assert main(["help", "parkinson"]) == 0
    assert capsys.readouterr().out == f"{tsdeep.help('parkinson')}\n"
    assert main(["help", "parkinsons"]) == 2
    assert "did you mean 'parkinson' (feature)" in capsys.readouterr().err
