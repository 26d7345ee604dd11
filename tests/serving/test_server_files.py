"""Files for the stock TensorFlow Serving image."""

import json

import pytest
import yaml

from tsdeep.errors import RunError
from tsdeep.serving.server_files import FILES, models_in, write_server_files


def version(folder, batch=None):
    folder.mkdir(parents=True)
    inputs = {"close": {"dtype": "float64", "shape": [batch, None]}}
    (folder / "tsdeep.json").write_text(json.dumps({"signatures": {"serving_default": {"inputs": inputs}}}))


def served(folder):
    """What the files say: models by name with their folders in the image, and the folders bound there."""
    from google.protobuf import text_format
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    config = text_format.Parse((folder / "models.config").read_text(), ModelServerConfig())
    models = {each.name: each.base_path for each in config.model_config_list.config}
    service = yaml.safe_load((folder / "compose.yaml").read_text())["services"]["tensorflow-serving"]
    assert all(bind["read_only"] for bind in service["volumes"])
    binds = {bind["target"]: bind["source"] for bind in service["volumes"]}
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
    for flag in ("--model_config_file=", "--batching_parameters_file="):
        (path,) = [part.removeprefix(flag) for part in service["command"] if part.startswith(flag)]
        assert (tmp_path / binds[path]).is_file()
    assert "--enable_batching=true" in service["command"]
    assert "pad_variable_length_inputs: false" in (tmp_path / "batching.config").read_text().splitlines()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted(FILES)


def test_requests_are_not_batched_where_a_signature_has_a_batch_size_of_its_own(tmp_path):
    version(tmp_path / "open" / "1")
    version(tmp_path / "fixed" / "1", batch=1)
    write_server_files(tmp_path)
    _, _, service = served(tmp_path)
    assert service["command"] == ["--model_config_file=/models/models.config"]


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


def test_two_exports_of_one_name_are_refused(tmp_path):
    version(tmp_path / "a b" / "1")
    version(tmp_path / "a_b" / "1")
    with pytest.raises(RunError, match="would both be served as 'a_b'"):
        write_server_files(tmp_path)
