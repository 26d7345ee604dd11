import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

import tsdeep
from tests.serving.model_server import Model, ModelServer

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_two_commands_stand_first():
    assert [block.strip() for block in blocks("bash")[:2]] == [
        "pip install . && tsdeep run sp500_direction",
        'pip install -e ".[test]" && pytest',
    ]


def test_links_and_pictures_lead_to_files():
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    for target in targets:
        assert (ROOT / target).is_file(), target


def test_the_specs_shown_are_valid():
    specs = {spec.name: spec for spec in map(tsdeep.make_spec, map(yaml.safe_load, blocks("yaml")))}
    assert list(specs) == ["spy_with_vix"]
    fetched = specs["spy_with_vix"]
    assert (fetched.source.kind, fetched.join["vix"].source.kind) == ("yfinance", "datareader")


def test_python_blocks_run_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "readme"}
    with ExitStack() as servers:
        for number, block in enumerate(blocks("python"), 1):
            if "http://localhost:8501" in block:  # where `docker compose up` would have started one
                model = Model(tmp_path / "models" / "sp500_tcn")
                server = servers.enter_context(ModelServer({"sp500_tcn": model}))
                block = block.replace("http://localhost:8501", server.rest)
            exec(compile(block, f"README.md, Python block {number}", "exec"), names)
    assert [each[1].split(":")[-1] for each in server.requests].count("predict") == 2
    assert (tmp_path / "out" / "report.html").is_file()
    assert (tmp_path / "models" / "sp500_tcn" / "1" / "saved_model.pb").is_file()


@pytest.mark.slow
def test_shell_blocks_beside_the_two_commands_run(tmp_path):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for block in blocks("bash")[2:]:
        subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "models" / "sp500_tcn" / "1" / "tsdeep.json").is_file()


def test_it_stays_short():
    shown = re.sub(r"<details>.*?</details>", "", README, flags=re.DOTALL)
    assert len(shown.splitlines()) < 250


def test_names_that_it_sends_the_reader_to_have_help():
    names = re.findall(r"`tsdeep help (\w+)`", README)
    assert len(names) > 5
    for name in names:
        assert tsdeep.help(name).entries[0].summary, name


def test_nothing_is_left_to_be_filled_in():
    assert not re.findall(r"^[A-Z]{5,}$", README, flags=re.MULTILINE)
