"""Files for the stock TensorFlow Serving image."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

import tsdeep
from tests.synthetic import samples
from tsdeep.errors import RunError
from tsdeep.serving.server_files import FILES, check_server_files, models_in, write_server_files


def version(folder):
    folder.mkdir(parents=True)
    (folder / "tsdeep.json").write_text("{}")


def composed(text, **environment):
    """What docker compose makes of a value: `$$` is `$`, and `${NAME:-default}` of the environment."""

    def value(found):
        return "$" if found[0] == "$$" else environment.get(found["name"]) or found["default"]

    return re.sub(r"\$\$|\$\{(?P<name>\w+):-(?P<default>[^}]*)\}", value, text)


def served(folder):
    """What the files say: models by name with their folders in the image, and the folders bound there."""
    from google.protobuf import text_format
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    config = text_format.Parse((folder / "models.config").read_text(), ModelServerConfig())
    models = {each.name: each.base_path for each in config.model_config_list.config}
    service = yaml.safe_load((folder / "compose.yaml").read_text())["services"]["tensorflow-serving"]
    assert all(bind["read_only"] for bind in service["volumes"])
    binds = {composed(bind["target"]): composed(bind["source"]) for bind in service["volumes"]}
    return models, binds, service


def test_every_export_in_the_folder_is_a_model_and_bound_where_the_configuration_looks(tmp_path):
    version(tmp_path / "sp500_tcn" / "1")
    version(tmp_path / "books" / "symbol=A" / "3")
    version(tmp_path / "books" / "symbol=BRK%2FB" / "1")
    (tmp_path / "notes").mkdir()
    assert write_server_files(tmp_path) == tmp_path / "compose.yaml"
    models, binds, service = served(tmp_path)
    assert list(models) == ["books-A", "books-BRK_2FB", "sp500_tcn"]
    for name, folder in {
        "sp500_tcn": "./sp500_tcn",
        "books-A": "./books/symbol=A",
        "books-BRK_2FB": "./books/symbol=BRK%2FB",
    }.items():
        assert binds[models[name]] == folder
    (path,) = flags(service, "--model_config_file=")
    assert (tmp_path / binds[path]).is_file()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted(FILES)


def flags(service, start, **environment):
    parts = composed(service["command"], **environment).split()
    return [part.removeprefix(start) for part in parts if part.startswith(start)]


def test_requests_are_batched_only_where_it_is_asked_for_as_the_file_says(tmp_path):
    version(tmp_path / "model" / "1")
    write_server_files(tmp_path)
    _, binds, service = served(tmp_path)
    assert flags(service, "") == ["--model_config_file=/models/models.config"]
    (said,) = re.findall(r'# +TENSORFLOW_SERVING_FLAGS="(.*)"', (tmp_path / "compose.yaml").read_text())
    assert flags(service, "--enable_batching=", TENSORFLOW_SERVING_FLAGS=said) == ["true"]
    (path,) = flags(service, "--batching_parameters_file=", TENSORFLOW_SERVING_FLAGS=said)
    assert "pad_variable_length_inputs: false" in (tmp_path / binds[path]).read_text().splitlines()


def test_a_folder_is_bound_by_its_name_whatever_is_in_it(tmp_path):
    name = 'a$USER ${HOME} "b" $$'
    version(tmp_path / name / "1")
    write_server_files(tmp_path)
    models, binds, _ = served(tmp_path)
    assert binds[models["a_USER___HOME___b____"]] == f"./{name}"


def test_a_description_that_cannot_be_read_beside_a_model_does_not_keep_it_from_being_served(tmp_path):
    version(tmp_path / "sound" / "1")
    version(tmp_path / "broken" / "1")
    (tmp_path / "broken" / "1" / "tsdeep.json").write_text('{"fields": [')
    write_server_files(tmp_path)
    assert list(served(tmp_path)[0]) == ["broken", "sound"]  # whose graph is read by the server alone


def test_files_are_whole_whenever_they_are_read_while_several_processes_write_them(tmp_path):
    version(tmp_path / "model" / "1")
    write_server_files(tmp_path)
    whole = {name: (tmp_path / name).read_text() for name in FILES}
    ended = threading.Event()

    def write():
        for _ in range(60):
            write_server_files(tmp_path)

    def read():
        while not ended.is_set():
            assert {name: (tmp_path / name).read_text() for name in FILES} == whole

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(write) for _ in range(4)]
        try:
            for each in writers:
                each.result()
        finally:
            ended.set()
        reader.result()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "model"])


def test_a_model_that_appears_while_the_files_are_written_is_in_them(tmp_path, monkeypatch):
    version(tmp_path / "first" / "1")
    write = tsdeep.serving.server_files._write

    def late(file, content):
        if not (tmp_path / "second").exists():
            version(tmp_path / "second" / "1")
        write(file, content)

    monkeypatch.setattr("tsdeep.serving.server_files._write", late)
    write_server_files(tmp_path)
    assert list(served(tmp_path)[0]) == ["first", "second"]


def test_files_of_others_are_refused_and_ours_are_written_anew(tmp_path):
    version(tmp_path / "model" / "1")
    write_server_files(tmp_path)
    version(tmp_path / "second" / "1")
    write_server_files(tmp_path)
    assert set(models_in(tmp_path)) == {"model", "second"} == set(served(tmp_path)[0])
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    with pytest.raises(RunError, match=r"compose\.yaml: was not written by tsdeep"):
        write_server_files(tmp_path)
    assert (tmp_path / "compose.yaml").read_text() == "services: {}\n"


def test_two_exports_of_one_name_are_refused_before_the_second_is_made(tmp_path):
    version(tmp_path / "a b" / "1")
    market = samples(200)
    words = "a_b and .*a b would both be served as 'a_b'"
    with pytest.raises(RunError, match=words):
        tsdeep.export(
            tsdeep.build("tiny", market),
            tmp_path / "a_b",
            samples=market,
            scaler=market.fit_scaler(market.rows),
            verify=False,
            serving=True,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["a b"]
    check_server_files(tmp_path, [tmp_path / "a b"])
    version(tmp_path / "a_b" / "1")
    with pytest.raises(RunError, match=words):
        write_server_files(tmp_path)
    assert not (tmp_path / "compose.yaml").exists()
