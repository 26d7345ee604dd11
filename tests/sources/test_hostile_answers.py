"""Every online source against what networks and providers do at their worst, through its real client.

Each fault is answered in place of the network and must end as one error that says what was asked for, what came, and
what to do; a fault that passes must not be noticed.
"""

import json
import re
import socket
import threading
from contextlib import contextmanager

import pytest
import requests
import responses

from tests.sources.yahoo import yahoo_in_place_of_the_network
from tsdeep import DataError
from tsdeep.sources import cache, fetching, make_source, time_limits

DAY = {"start": "2020-03-06", "end": "2020-03-06"}
SOURCES = {
    "yfinance": {"symbols": ["SPY"]},
    "alpaca": {"symbols": ["SPY"]},
    "alpaca_quotes": {"symbols": ["SPY"], **DAY},
    "nasdaq": {"symbols": ["LBMA/GOLD"]},
    "nasdaq table": {"symbols": ["SPY"], "table": "SHARADAR/SEP"},
    "fred": {"symbols": ["VIXCLS"], "reader": "fred"},
    "famafrench": {"symbols": ["F-F_Research_Data_Factors_daily"], "reader": "famafrench"},
}
NAMED = {
    "nasdaq": "LBMA/GOLD",
    "nasdaq table": "SHARADAR/SEP",
    "fred": "VIXCLS",
    "famafrench": "F-F_Research_Data_Factors_daily",
}
PAGE = "<!DOCTYPE html><html><title>Please sign in</title></html>"
AGAIN = r"no answer from the provider, asked 4 times \(.*{}.*`tsdeep data fetch SPEC`"
KEYS = {
    "APCA_API_KEY_ID": "an-id",
    "APCA_API_SECRET_KEY": "a-secret",
    "NASDAQ_DATA_LINK_API_KEY": "a-key-of-a-test",
}


@pytest.fixture(autouse=True)
def account(tmp_path, monkeypatch):
    monkeypatch.setenv("TSDEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.0)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def ask(name):
    kind = {"nasdaq table": "nasdaq", "fred": "datareader", "famafrench": "datareader"}.get(name, name)
    source = make_source({"kind": kind, **SOURCES[name]})
    return source.book() if name == "alpaca_quotes" else source.bars()


@contextmanager
def network(name, folder, patch, **answer):
    """Answer every request of a source in the same way."""
    if name != "yfinance":
        with responses.RequestsMock() as net:
            net.get(re.compile(".*"), **answer)
            yield
        return
    body = answer["body"]
    with yahoo_in_place_of_the_network(folder, patch) as yahoo:
        yahoo.answers["SPY"] = body if isinstance(body, Exception) else (answer.get("status", 200), {}, body)
        yield


def refused(name, folder, patch, **answer):
    """The error of a source to whose every request the network has the same answer."""
    with network(name, folder, patch, **answer), pytest.raises(DataError) as error:
        ask(name)
    said = str(error.value)
    assert cache.files() == []
    assert NAMED.get(name, "SPY") in said
    assert not any(secret in said for secret in KEYS.values())
    return said


each_source = pytest.mark.parametrize("name", SOURCES)


@each_source
def test_a_page_of_html_in_place_of_data(name, tmp_path, monkeypatch):
    said = refused(name, tmp_path, monkeypatch, body=PAGE, content_type="text/html")
    assert "<!doctype html><html>" in said.lower()
    assert "no JSON" in said or "has changed" in said


@each_source
def test_an_empty_answer(name, tmp_path, monkeypatch):
    said = refused(name, tmp_path, monkeypatch, body="")
    assert re.search("no JSON|has changed|answer that begins ''|cannot be read", said)


@each_source
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_said_with_the_provider_s_words_and_asked_once(name, status, tmp_path, monkeypatch):
    said = refused(name, tmp_path, monkeypatch, status=status, body=json.dumps({"message": "not for you"}))
    assert f"HTTP {status}" in said
    assert "not for you" in said
    assert "asked 4 times" not in said


@each_source
def test_what_is_not_there_is_no_fault_of_the_network(name, tmp_path, monkeypatch):
    said = refused(name, tmp_path, monkeypatch, status=404, body=json.dumps({"message": "no such thing"}))
    assert re.search("there is no|HTTP 404: .*no such thing", said)
    assert "asked 4 times" not in said


@each_source
def test_too_many_requests(name, tmp_path, monkeypatch):
    said = refused(name, tmp_path, monkeypatch, status=429, body=json.dumps({"message": "slow down"}))
    assert "too many requests, asked 4 times with growing waits" in said
    assert "ask again later" in said


@each_source
@pytest.mark.parametrize("status", [500, 503])
def test_a_fault_of_the_provider(name, status, tmp_path, monkeypatch):
    said = refused(name, tmp_path, monkeypatch, status=status, body="upstream is down")
    assert re.search(AGAIN.format("upstream is down"), said)


@each_source
@pytest.mark.parametrize(
    "fault", [requests.ConnectTimeout("no answer in 60 s"), requests.ReadTimeout("no answer in 60 s")]
)
def test_a_time_out(name, fault, tmp_path, monkeypatch):
    assert re.search(AGAIN.format("no answer in 60 s"), refused(name, tmp_path, monkeypatch, body=fault))


@each_source
def test_a_body_that_breaks_off(name, tmp_path, monkeypatch):
    broken = requests.exceptions.ChunkedEncodingError(
        "Connection broken: IncompleteRead(37 bytes read, 4059 more expected)"
    )
    assert re.search(AGAIN.format("4059 more expected"), refused(name, tmp_path, monkeypatch, body=broken))


# A server that takes a request and says nothing, and one that hangs up half-way: real sockets, not `responses`


class Server:
    """A server on this machine that says `reply` to each request, then waits or hangs up."""

    def __init__(self, reply, hang_up):
        self.asked = 0
        self._reply, self._hang_up = reply, hang_up
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open = []
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.recv(65536)
            self.asked += 1
            connection.sendall(self._reply)
            if self._hang_up:
                connection.close()
            else:
                self._open.append(connection)

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for each in self._open:
            each.close()


@pytest.fixture
def serve(monkeypatch):
    """Start a server that stands for Alpaca and for Nasdaq Data Link."""
    import nasdaqdatalink

    started = []

    def start(reply=b"", *, hang_up):
        server = Server(reply, hang_up)
        started.append(server)
        monkeypatch.setenv("APCA_API_DATA_URL", server.address)
        monkeypatch.setattr(nasdaqdatalink.ApiConfig, "api_base", f"{server.address}/api/v3")
        monkeypatch.setattr(nasdaqdatalink.ApiConfig, "api_protocol", "http://")
        return server

    yield start
    for server in started:
        server.close()


ON_SOCKETS = pytest.mark.parametrize("name", ["alpaca", "alpaca_quotes", "nasdaq", "nasdaq table"])


@ON_SOCKETS
def test_a_server_that_never_answers_is_not_waited_for(name, serve, monkeypatch):
    monkeypatch.setattr(time_limits, "SECONDS", 0.2)
    server = serve(hang_up=False)
    with pytest.raises(DataError, match=AGAIN.format("Read timed out")):
        ask(name)
    assert server.asked == fetching.TRIES


@ON_SOCKETS
def test_a_server_that_hangs_up_within_a_body_is_no_short_answer(name, serve):
    body = b'{"bars": {"SPY": []}, "quotes": {}, "next_page_token": null'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
    server = serve(head + body, hang_up=True)
    with pytest.raises(DataError, match=AGAIN.format("IncompleteRead|Connection broken")):
        ask(name)
    assert server.asked == fetching.TRIES
