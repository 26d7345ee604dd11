"""Servers that are slow, elsewhere or not there, and what the client says of bad bars whatever the server does."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.serving import served_study
from tests.serving.served_study import BARS
from tsdeep.serving import Client

NOWHERE = {"rest": "http://127.0.0.1:1", "grpc": "grpc://127.0.0.1:1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    served_study.export(folder)
    return folder


@pytest.fixture(params=["rest", "grpc"])
def api(request):
    return request.param


@contextmanager
def dribbling(first):
    """A server that sends `first` at once and then a byte every 0.2 s; gives its host and port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(connection):
        try:
            connection.recv(65536)
            connection.sendall(first)
            for _ in range(40):
                time.sleep(0.2)
                connection.sendall(b" ")
        except OSError:  # the client went away
            pass
        finally:
            connection.close()

    def accept():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # closed
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield "{}:{}".format(*listening.getsockname())
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


@pytest.mark.parametrize(
    ("scheme", "first"),
    [
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"),
        ("http", b"HTTP/1.1 200 OK\r\nServer: "),
        ("grpc", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
    ],
    ids=["body", "head", "grpc"],
)
def test_the_time_of_a_call_is_a_total_though_the_server_sends_a_byte_now_and_then(scheme, first):
    with dribbling(first) as place, Client(f"{scheme}://{place}", "study", timeout=1.0) as asked:
        begin = time.monotonic()
        with pytest.raises(tsdeep.RunError, match=r"no answer, asked \d+ times? within 1 s"):
            asked.predict(BARS, symbol="A")
        assert 0.9 < time.monotonic() - begin < 3.0


def test_the_time_of_a_description_is_a_total_too():
    with dribbling(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n") as place:
        begin = time.monotonic()
        with pytest.raises(
            tsdeep.RunError, match=r"tsdeep\.json: cannot be read .*no whole answer within 1 s"
        ):
            Client("http://localhost:1", "study", metadata=f"http://{place}/tsdeep.json", timeout=1.0)
        assert time.monotonic() - begin < 3.0


@contextmanager
def http(answer):
    """A server whose answers are `answer(handler)`; gives its address and the headers that it was sent."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(dict(self.headers))
            answer(self)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()


def test_a_redirect_is_an_error_and_no_other_host_is_sent_the_headers():
    def elsewhere(handler):
        handler.send_response(307)
        handler.send_header("Location", f"{other}/login")
        handler.end_headers()
        handler.wfile.write(b"sign in first")

    with http(lambda handler: handler.send_error(500)) as (other, leaked), http(elsewhere) as (address, seen):
        asked = Client(address, "study", headers={"X-Key": "secret"})
        words = (
            rf"HTTP 307: sign in first; found a redirect to {other}/login, expected the server's own address"
        )
        with pytest.raises(tsdeep.RunError, match=words):
            asked.status()
    assert [each["X-Key"] for each in seen] == ["secret"]
    assert leaked == []


def test_a_closed_client_says_so_or_connects_anew(folder):
    with served_study.serving(folder) as server:
        asked = Client(server.grpc, "study")
        asked.status()
        asked.close()
        with pytest.raises(tsdeep.RunError, match=r"model 'study': the request could not be sent: .*closed"):
            asked.status()
        asked = Client(server.rest, "study")
        asked.close()
        assert [each.version for each in asked.status()] == [1]


def bad(value):
    table = BARS.astype({"volume": object})
    table.iloc[-3, table.columns.get_loc("volume")] = value
    return table


FAULTS = {
    "not finite": (bad(np.nan), r"row 57.*'volume' is nan, expected a finite number"),
    "a word": (bad("many"), "field 'volume' is 'many', expected a number"),
    "zero": (bad(0.0), r"row 57.*'volume' is 0.0, expected above zero"),
    "too few": (BARS.iloc[-10:], r"1 prediction\(s\) need 11 rows .* has 10"),
    "no table": ({"close": [1.0]}, "bars: found dict, expected a DataFrame or a Panel"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_bad_bars_are_told_though_no_server_is_there(folder, api, case):
    bars, words = FAULTS[case]
    with Client(NOWHERE[api], "study", metadata=folder, retries=0) as asked:
        with pytest.raises(tsdeep.DataError, match=words):
            asked.predict(bars)
        with pytest.raises(tsdeep.SpecError, match="rows: found 0"):
            asked.predict(BARS, rows=0)


@pytest.mark.parametrize("described", [True, False])
def test_bad_bars_are_told_though_the_server_went_away(folder, api, described):
    with served_study.serving(folder) as server:
        metadata = folder if described else None
        asked = Client(getattr(server, api), "study", metadata=metadata, retries=0)
        asked.predict(BARS, symbol="A")
    with pytest.raises(tsdeep.DataError, match="'volume' is nan"):
        asked.predict(bad(np.nan), symbol="A")
    asked.close()


@pytest.mark.parametrize("form", ["columns", "rows"])
def test_a_word_for_a_number_is_told_with_its_field_in_every_form(folder, form):
    with served_study.serving(folder) as server, Client(server.rest, "study", form=form) as asked:
        with pytest.raises(tsdeep.DataError, match=r"field 'volume' is 'many', expected a number"):
            asked.predict(bad("many"), symbol="A")
        assert not [each for each in server.requests if "predict" in each[1]]


def test_a_pinned_client_reads_its_own_version_of_the_description(folder, tmp_path):
    import shutil

    shutil.copytree(folder / "1", tmp_path / "1")
    shutil.copytree(folder / "1", tmp_path / "2")
    about = json.loads((folder / "1" / "tsdeep.json").read_text())
    (tmp_path / "2" / "tsdeep.json").write_text(json.dumps(about | {"fields": ["close", "open", "volume"]}))
    with served_study.serving(folder) as server:
        for metadata in (tmp_path, str(tmp_path)):
            with Client(server.rest, "study", version=1, metadata=metadata) as pinned:
                pd.testing.assert_frame_equal(pinned.predict(BARS), tsdeep.predict(folder, BARS), atol=1e-6)
    with pytest.raises(tsdeep.RunError, match=r"/3/tsdeep\.json: cannot be read"):
        Client("http://localhost:1", "study", version=3, metadata=tmp_path)


def test_a_description_that_is_none_is_refused():
    with pytest.raises(tsdeep.SpecError, match="metadata: found 3, expected a path, an address"):
        Client("http://localhost:1", "study", metadata=3)
