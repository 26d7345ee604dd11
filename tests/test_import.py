import importlib
import subprocess
import sys

import pytest

import tsdeep


def run_python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, **options
    )


def test_importing_tsdeep_loads_nothing_heavy():
    code = "import sys, tsdeep; print([m for m in ('tensorflow', 'keras', 'pandas', 'numpy') if m in sys.modules])"
    assert run_python(code).stdout.strip() == "[]"


def test_help_loads_nothing_heavy():
    code = (
        "import sys, tsdeep.cli\n"
        "try: tsdeep.cli.main(['--help'])\n"
        "except SystemExit as end: print(end.code)\n"
        "print([m for m in ('tensorflow', 'keras', 'pandas', 'numpy') if m in sys.modules])"
    )
    *help_text, code, loaded = run_python(code).stdout.splitlines()
    assert (code, loaded) == ("0", "[]")
    assert help_text[0].startswith("usage: tsdeep")
    for command in ("run", "list", "show", "export", "predict"):
        assert any(line.split()[:1] == [command] for line in help_text), command


def test_scoring_predictions_loads_no_keras():
    code = "import sys, tsdeep.evaluation; print('keras' in sys.modules or 'tensorflow' in sys.modules)"
    assert run_python(code).stdout.strip() == "False"


@pytest.mark.parametrize("name", tsdeep.__all__)
def test_every_public_name_resolves(name):
    assert getattr(tsdeep, name) is not None
    assert name in dir(tsdeep)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'"):
        tsdeep.nothing  # noqa: B018


@pytest.mark.parametrize(
    "room",
    ["evaluation", "features", "layers", "models", "pipeline", "serving", "sources", "tasks", "validation"],
)
def test_a_room_exports_the_names_it_lists(room):
    module = importlib.import_module(f"tsdeep.{room}")
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def test_register_lets_plain_keras_know_the_layers():
    code = (
        "import tsdeep, keras\n"
        "tsdeep.register()\n"
        "print(keras.saving.get_registered_object('tsdeep>StandardScaler').__name__)"
    )
    assert run_python(code).stdout.strip().endswith("StandardScaler")
