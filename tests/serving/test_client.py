"""The client over both APIs, against a server on loopback: answers, checks, tries again, versions."""

import json
import threading
import time

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.serving import served_study
from tests.serving.model_server import Status
from tests.serving.served_study import BARS
from tsdeep.serving import Client


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    served_study.export(folder, compiled=(1, 4))
    return folder


@pytest.fixture(scope="module")
def running(folder):
    with served_study.serving(folder) as server:
        yield server


@pytest.fixture
def server(running):
    running.requests.clear()
    running.faults.clear()
    return running


@pytest.fixture(params=["rest", "grpc"])
def api(request):
    return request.param


def client(server, api, **options):
    return Client(getattr(server, api), options.pop("model", "study"), **options)


WAYS = {
    "rest, columns": ("rest", {"form": "columns"}),
    "rest, rows": ("rest", {"form": "rows"}),
    "grpc": ("grpc", {}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("described", [True, False])
def test_predictions_equal_those_of_the_export_itself(server, folder, way, described):
    api, options = WAYS[way]
    here = tsdeep.predict(folder, BARS, rows=5)
    with client(server, api, metadata=folder if described else None, **options) as asked:
        there = asked.predict(BARS, rows=5, symbol="A")
    pd.testing.assert_frame_equal(there, here, rtol=0, atol=1e-6)
    assert there["up"].dtype == np.float32
    assert np.std(there["up"]) > 1e-3


@pytest.mark.parametrize("way", WAYS)
def test_several_symbols_are_asked_each(server, folder, way):
    api, options = WAYS[way]
    two = pd.concat([BARS.assign(symbol="X"), BARS.iloc[:-7].assign(symbol="Y")])
    with client(server, api, metadata=folder, **options) as asked:
        pd.testing.assert_frame_equal(
            asked.predict(two, rows=2), tsdeep.predict(folder, two, rows=2), rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("way", WAYS)
def test_numbers_arrive_as_they_are_to_the_last_digit_of_float64(server, way):
    api, options = WAYS[way]
    random = np.random.default_rng(0)
    odd = BARS.assign(
        close=np.exp(random.uniform(-80, 80, 60)), volume=np.nextafter(random.uniform(1, 2, 60), 3)
    )
    assert (odd.astype("float32").astype(float) != odd).any().all()
    with client(server, api, **options) as asked:
        asked.predict(odd, symbol="A", rows=3)
    fed = server.models["study"].loaded[1].fed
    for name in ("close", "volume"):
        assert fed[name].dtype == np.float64
        np.testing.assert_array_equal(fed[name], [odd[name][i : 58 + i] for i in range(3)])


def test_a_class_is_said_in_words(server, api, folder):
    with client(server, api, metadata=folder) as asked:
        said = asked.predict(BARS, rows=8, signature="predict_class")
    scores = tsdeep.predict(folder, BARS, rows=8)
    assert list(said.columns) == ["time", "symbol", "label", "down", "up"]
    np.testing.assert_allclose(said["up"], scores["up"], rtol=0, atol=1e-6)
    assert said["label"].tolist() == np.where(scores["up"] > scores["down"], "up", "down").tolist()


@pytest.mark.parametrize("rows", [1, 6])
@pytest.mark.parametrize("signature", ["compiled_1", "compiled_4"])
def test_a_compiled_signature_is_sent_windows_in_its_batches(server, api, folder, signature, rows):
    with client(server, api) as asked:
        there = asked.predict(BARS, rows=rows, symbol="A", signature=signature)
    here = tsdeep.predict(folder, BARS, rows=rows)
    pd.testing.assert_frame_equal(there, here, rtol=0, atol=1e-5)


def test_a_signature_that_is_not_there_is_refused_with_those_that_are(server, api):
    with (
        client(server, api) as asked,
        pytest.raises(
            tsdeep.SpecError, match=r"unknown signature 'predict_clas': did you mean 'predict_class'"
        ),
    ):
        asked.predict(BARS, symbol="A", signature="predict_clas")


@pytest.mark.parametrize("described", [True, False])
def test_bad_bars_are_refused_before_they_are_sent(server, api, folder, described):
    bad = BARS.copy()
    bad.iloc[-3, bad.columns.get_loc("volume")] = np.nan
    word = BARS.astype({"volume": object})
    word.iloc[-3, word.columns.get_loc("volume")] = "many"
    with client(server, api, metadata=folder if described else None) as asked:
        asked.predict(BARS, symbol="A")
        server.requests.clear()
        for table, words in (
            (BARS.drop(columns="volume"), "bars lack volume; the model reads: close, volume"),
            (
                bad,
                f"symbol 'A', row 57, {BARS.index[57].date()}: field 'volume' is nan, expected a finite number",
            ),
            (word, f"symbol 'A', {BARS.index[57].date()}: field 'volume' is 'many', expected a number"),
        ):
            with pytest.raises(tsdeep.DataError, match=words):
                asked.predict(table, symbol="A")
    assert not [each for each in server.requests if "predict" in each[1].lower()]


def test_a_panel_with_values_that_are_not_finite_is_refused_before_it_is_sent(server, api):
    panel = tsdeep.Panel.from_frame(BARS, symbol="A")
    volume = panel.fields["volume"].copy()
    volume[58] = np.inf
    with client(server, api) as asked, pytest.raises(tsdeep.DataError, match=r"row 58.*'volume' is inf"):
        asked.predict(panel.replace(volume=volume))
    levels = np.ones((60, 2))
    with (
        client(server, api) as asked,
        pytest.raises(tsdeep.DataError, match=r"field 'volume': found \[2\] values a row"),
    ):
        asked.predict(panel.replace(volume=levels))


def test_too_few_rows_are_refused_here_with_a_description_and_by_the_server_without(server, api, folder):
    short = BARS.iloc[-10:]
    with client(server, api, metadata=folder) as asked, pytest.raises(tsdeep.DataError) as error:
        asked.predict(short)
    assert "symbol 'A': 1 prediction(s) need 11 rows (11 for one), its newest segment has 10" in str(
        error.value
    )
    with client(server, api) as asked, pytest.raises(tsdeep.DataError) as error:
        asked.predict(short, symbol="A")
    assert "the server refused the request" in str(error.value)
    assert "fields close, volume: expected at least 11 rows, found] [10]" in str(error.value)


def test_what_only_the_graph_knows_is_refused_by_the_server_with_its_words(server, api, folder):
    bad = BARS.copy()
    bad.iloc[-3, bad.columns.get_loc("volume")] = 0.0  # whose logarithm the model takes
    with client(server, api, metadata=folder) as asked:
        server.requests.clear()
        with pytest.raises(tsdeep.DataError, match=r"row 57.*'volume' is 0.0, expected above zero"):
            asked.predict(bad)
    assert not [each for each in server.requests if "predict" in each[1].lower()]
    with client(server, api) as asked, pytest.raises(tsdeep.DataError) as error:
        asked.predict(bad, symbol="A")
    code = {"rest": "HTTP 400", "grpc": "INVALID_ARGUMENT"}[api]
    assert f"model 'study': the server refused the request with {code}" in str(error.value)
    assert "field volume: expected finite numbers above zero, found] [0]" in str(error.value)


def test_a_request_is_tried_again_while_the_server_is_not_ready(server, api):
    with client(server, api) as asked:
        expected = asked.predict(BARS, symbol="A")
        server.requests.clear()
        server.faults[:] = [Status("UNAVAILABLE", "queue is full")] * 2
        pd.testing.assert_frame_equal(asked.predict(BARS, symbol="A"), expected)
        assert len(server.requests) == 3
        server.faults[:] = [Status("UNAVAILABLE", "queue is full")] * 4
        with pytest.raises(tsdeep.RunError, match=r"no answer, asked 4 times within 10 s .*queue is full"):
            asked.predict(BARS, symbol="A")


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "FAILED_PRECONDITION"])
def test_a_refused_request_is_not_sent_again(server, api, code):
    with client(server, api) as asked:
        asked.predict(BARS, symbol="A")
        server.requests.clear()
        server.faults[:] = [Status(code, "no such thing")]
        with pytest.raises(tsdeep.DataError, match=r"refused the request with .*no such thing"):
            asked.predict(BARS, symbol="A")
    assert len([each for each in server.requests if "predict" in each[1].lower()]) == 1


def test_other_faults_are_said_in_the_servers_words_and_not_tried_again(server, api):
    with client(server, api) as asked:
        asked.predict(BARS, symbol="A")
        server.requests.clear()
        server.faults[:] = [Status("INTERNAL", "the disk is on fire")]
        with pytest.raises(tsdeep.RunError, match=r"the disk is on fire"):
            asked.predict(BARS, symbol="A")
        server.faults[:] = [Status("UNAUTHENTICATED", "who are you")]
        with pytest.raises(tsdeep.RunError, match=r"who are you; .* give it with headers="):
            asked.predict(BARS, symbol="A")


def test_a_call_ends_in_its_time_whatever_the_server_does(server, api):
    with client(server, api, timeout=0.5, retries=50) as asked:
        asked.predict(BARS, symbol="A")
        for fault in ([5.0], [Status("UNAVAILABLE", "not yet")] * 100):
            server.faults[:] = fault
            begin = time.monotonic()
            with pytest.raises(tsdeep.RunError, match=r"no answer, asked \d+ times? within 0.5 s"):
                asked.predict(BARS, symbol="A")
            assert time.monotonic() - begin < 2.0
    server.faults.clear()


def test_where_no_server_is_is_said_with_the_address(api):
    address = {"rest": "http://127.0.0.1:1", "grpc": "grpc://127.0.0.1:1"}[api]
    words = rf"{address}, model 'study': no answer, asked 2 times"
    with (
        Client(address, "study", timeout=1.0, retries=1) as asked,
        pytest.raises(tsdeep.RunError, match=words),
    ):
        asked.predict(BARS, symbol="A")


def test_an_unknown_model_version_or_label_is_said(server, api):
    for options, words in (
        ({"model": "other"}, "Servable not found for request: Latest.other."),
        ({"version": 7}, "Servable not found for request: Specific.study, 7."),
    ):
        with client(server, api, **options) as asked, pytest.raises(tsdeep.RunError, match=words):
            asked.predict(BARS, symbol="A")
    with (
        client(server, api, label="canary") as asked,
        pytest.raises(tsdeep.DataError, match=r"label: canary"),
    ):
        asked.predict(BARS, symbol="A")


def test_headers_are_sent_with_every_request(server, api):
    with client(server, api, headers={"Authorization": "Bearer abc"}) as asked:
        asked.predict(BARS, symbol="A")
        asked.status()
    assert len(server.requests) == 3
    for _, _, headers in server.requests:
        assert {name.lower(): value for name, value in headers.items()}["authorization"] == "Bearer abc"


def test_the_description_is_read_from_wherever_it_is(server, folder):
    file = folder / "1" / "tsdeep.json"
    for metadata in (file, str(folder), folder / "1", json.loads(file.read_text())):
        with client(server, "rest", metadata=metadata) as asked:
            assert asked.predict(BARS)["symbol"][0] == "A"


def test_the_description_is_read_from_an_address(server, folder):
    import responses

    with responses.RequestsMock() as web:
        web.add_passthru(server.rest)
        web.get("https://models.example/study/tsdeep.json", body=(folder / "1" / "tsdeep.json").read_text())
        web.get("https://models.example/none.json", status=404)
        with client(server, "rest", metadata="https://models.example/study/tsdeep.json") as asked:
            assert asked.predict(BARS)["symbol"][0] == "A"
        with pytest.raises(tsdeep.RunError, match=r"none\.json: cannot be read as the description.*404"):
            client(server, "rest", metadata="https://models.example/none.json")


def test_a_description_of_another_model_is_refused(server, folder):
    about = json.loads((folder / "1" / "tsdeep.json").read_text())
    for change, words in (
        ({"fields": ["close", "open"]}, "the fields close, open, not close, volume"),
        ({"field_shapes": {"close": [3], "volume": []}}, r"field 'close' with \[3\] values a row, not \[\]"),
        ({"outputs": ["down", "stationary", "up"]}, "the outputs down, stationary, up, not down, up"),
    ):
        with (
            client(server, "rest", metadata={**about, **change}) as asked,
            pytest.raises(tsdeep.RunError, match=f"not of the server's model: it has .*{words}"),
        ):
            asked.predict(BARS, symbol="A")
    del about["fields"]
    with pytest.raises(tsdeep.RunError, match=r"metadata: cannot be read .* it lacks fields"):
        client(server, "rest", metadata=about)


def test_states_of_versions_are_told(server, api):
    with client(server, api) as asked:
        assert [(each.version, each.state, each.error) for each in asked.status()] == [(1, "AVAILABLE", "")]
        assert set(asked.signatures()) == {"serving_default", "predict_class", "compiled_1", "compiled_4"}
        assert asked.signatures()["serving_default"].outputs["up"].dtype == "DT_FLOAT"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"url": "localhost:8501"}, "url: found 'localhost:8501', expected such as 'http://host:8501'"),
        ({"url": "grpc://localhost"}, "url: found 'grpc://localhost', expected a host and a port alone"),
        ({"model": ""}, "model: found ''"),
        ({"version": "1"}, "version: found '1', expected a whole number"),
        ({"version": 1, "label": "stable"}, "found version=1 and label='stable', expected one"),
        ({"timeout": 0}, "timeout: found 0, expected seconds above zero"),
        ({"retries": -1}, "retries: found -1"),
        ({"form": "row"}, "form: found 'row', expected 'columns' or 'rows'"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, words):
    with pytest.raises(tsdeep.SpecError, match=words):
        Client(**{"url": "http://localhost:8501", "model": "study", **arguments})


def test_what_is_no_model_server_is_said():
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>welcome</html>" if "metadata" in self.path else b'{"hello": 1}')

        def log_message(self, *_):
            pass

    other = HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    with Client(f"http://127.0.0.1:{other.server_port}", "study") as asked:
        with pytest.raises(tsdeep.RunError, match=r"found '<html>welcome</html>', expected JSON"):
            asked.predict(BARS, symbol="A")
        with pytest.raises(tsdeep.RunError, match=r'found {"hello": 1} as the status'):
            asked.status()
    other.shutdown()
    other.server_close()


def test_grpc_without_its_packages_names_the_command_that_brings_them(monkeypatch):
    import sys

    for name in [each for each in sys.modules if each.split(".")[0] == "tensorflow_serving"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorflow_serving", None)
    with pytest.raises(
        tsdeep.DataError, match=r'not installed; install it with: pip install "tsdeep\[serving\]"'
    ):
        Client("grpc://localhost:8500", "study")
