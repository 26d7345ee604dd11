import json

import keras
import pytest
import yaml

import tsdeep
from tests.specs import CONTENT, FOLDER, spec
from tsdeep import SpecError, load_spec, make_spec

# Round trips, changes, files


@pytest.mark.parametrize("name", tsdeep.spec_names())
def test_yaml_reads_back_as_the_same_spec(name, tmp_path):
    first = load_spec(name)
    path = tmp_path / "again.yaml"
    path.write_text(first.to_yaml())
    assert load_spec(path) == first
    assert load_spec(str(path)).resolved() == first.resolved()
    assert json.loads(json.dumps(first.resolved())) == first.resolved()


def test_yaml_with_lists_as_hyperparameters_builds_the_model(tmp_path):
    tcn = spec(model="tcn", hparams={"tcn": {"dilations": [1, 2], "filters": 4, "dropout": "1e-1"}})
    again = make_spec(yaml.safe_load(tcn.to_yaml()))
    assert again.hparams == {"tcn": {"dilations": [1, 2], "filters": 4, "dropout": 0.1}}
    model = tsdeep.build("tcn", input_shape=(8, 3), task=again.make_task(), **again.hparams["tcn"])
    assert isinstance(model, keras.Model)


def test_replace_changes_only_the_keys_of_a_mapping():
    first = load_spec("sp500_direction")
    other = first.replace(training={"epochs": 2}, lookback=9, split={"max_folds": 3})
    assert (other.training.epochs, other.lookback, other.split.max_folds) == (2, 9, 3)
    assert other.training.batch_size == first.training.batch_size
    assert other.split.train == first.split.train
    assert first.training.epochs == CONTENT["training"]["epochs"]


def test_replace_takes_a_mapping_with_a_kind_as_a_whole_and_one_without_as_changes(tmp_path):
    first = load_spec("sp500_direction")
    csv = first.replace(source={"kind": "csv", "path": str(tmp_path), "columns": {"close": "last"}})
    assert csv.source == tsdeep.sources.Csv(path=str(tmp_path), columns={"close": "last"})
    assert csv.replace(source={"time": "day"}).source.columns == {"close": "last"}
    assert first.replace(source=csv.source).source is csv.source
    assert first.replace(task={"horizon_rows": 5}).make_task().horizon_rows == 5
    assert first.replace(task={"kind": "direction"}).task == {"kind": "direction"}


def test_replace_refuses_what_is_wrong_by_the_spec_s_name():
    with pytest.raises(
        SpecError, match=r"^spec 'sp500_direction': training.epochs: found 0, expected a number greater"
    ):
        load_spec("sp500_direction").replace(training={"epochs": 0})


def test_a_spec_does_not_change():
    with pytest.raises(ValueError, match=r"frozen"):
        load_spec("sp500_direction").lookback = 3


def test_a_name_works_from_any_folder_and_a_path_where_a_name_does(tmp_path, monkeypatch):
    (tmp_path / "mine.yml").write_text(load_spec("sp500_direction").replace(name="mine").to_yaml())
    monkeypatch.chdir(tmp_path)
    assert load_spec("sp500_direction").name == "sp500_direction"
    assert load_spec("mine.yml").name == tsdeep.load("./mine.yml").spec.name == "mine"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_spec("~/mine.yml").name == "mine"


def test_dates_are_the_same_quoted_or_not(tmp_path):
    text = (FOLDER / "sp500_direction.yaml").read_text()
    quoted = text.replace("1999-01-01", "'1999-01-01'")
    assert quoted != text
    (tmp_path / "q.yaml").write_text(quoted)
    assert load_spec(tmp_path / "q.yaml") == load_spec("sp500_direction")


@pytest.mark.parametrize(
    ("name", "row"),
    [("sp500_direction", "one bar"), ("lob_midprice", "one book event"), ("fi2010", "ten book events")],
)
def test_a_spec_says_what_its_rows_are(name, row):
    assert load_spec(name).to_yaml().startswith(f"# A row is {row}.\n")


# What is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found NoneType, expected a mapping of keys such as name, source, features"),
        ("- a\n- b\n", "found list, expected a mapping of keys"),
        ("name: [1, 2\n", r"cannot be read as YAML: (?s:.*)line 2"),
        ("name: a\nname: b\n", r"cannot be read as YAML: found the key 'name' twice(?s:.*)line 2, column 1"),
        ("split: {train: 1, test: 2, train: 3}\n", "found the key 'train' twice"),
        ("a: 1\n---\nb: 2\n", "cannot be read as YAML: expected a single document"),
        ("name: !!python/object:os.system x\n", "cannot be read as YAML: could not determine a constructor"),
        ("1: x\n", r"\[1\]: found 1, expected keys should be strings|keys should be strings"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=rf"bad\.yaml: .*{message}"):
        load_spec(path)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    names = "etf_volatility, fi2010, index_volatility, lob_midprice, sp500_direction"
    with pytest.raises(
        SpecError, match=rf"none\.yaml: no such file, expected a YAML spec, or a name: {names}"
    ):
        load_spec(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(SpecError, match=r"bytes\.yaml: cannot be read as YAML: .*utf-8"):
        load_spec(tmp_path / "bytes.yaml")


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(
        SpecError,
        match=r"unknown spec 'sp500_directoin': did you mean 'sp500_direction'\? Known: .* path that ends in \.yaml",
    ):
        load_spec("sp500_directoin")
