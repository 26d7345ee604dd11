"""What sources share that ask a provider: over the real client `requests`."""

import pytest
import requests
import responses

from tsdeep.errors import DataError
from tsdeep.sources import fetching
from tsdeep.sources.fetching import asking, check_columns, import_extra, require_keys

URL = "https://provider.example/bars"


@pytest.fixture
def waits(monkeypatch):
    """The seconds that are waited between tries, none of which passes."""
    seconds = []
    monkeypatch.setattr("tenacity.nap.time.sleep", seconds.append)
    return seconds


@pytest.fixture
def http():
    with responses.RequestsMock() as mock:
        yield mock


def ask():
    def call():
        response = requests.get(URL, timeout=5)
        response.raise_for_status()
        return response.json()

    return asking("provider", "daily bars of SPY", call)


def test_an_answer_is_returned_at_once(http, waits):
    http.get(URL, json={"close": [1.0]})
    assert ask() == {"close": [1.0]}
    assert waits == []


def test_too_many_requests_are_asked_again_with_growing_waits(http, waits):
    for _ in range(2):
        http.get(URL, status=429)
    http.get(URL, json=[1])
    assert ask() == [1]
    assert waits == [2.0, 8.0]


def test_the_wait_is_at_least_what_the_provider_asks_for_and_not_beyond_the_longest(http, waits):
    http.get(URL, status=429, headers={"Retry-After": "30"})
    http.get(URL, status=429, headers={"Retry-After": "4000"})
    http.get(URL, json=[])
    ask()
    assert waits == [30.0, fetching.LONGEST_WAIT]


def test_after_the_last_try_a_rate_limit_is_said_with_the_provider_s_words(http, waits):
    http.get(URL, status=429, body="slow down,\nplease")
    with pytest.raises(
        DataError, match=r"daily bars of SPY: too many requests, asked 4 times .*slow down, please"
    ):
        ask()
    assert len(http.calls) == fetching.TRIES
    assert waits == [2.0, 8.0, 32.0]


@pytest.mark.parametrize(
    "fault", [requests.ConnectionError("no route to host"), requests.Timeout("after 5 s")]
)
def test_without_a_network_the_cache_is_named_and_how_to_fill_it(http, waits, fault):
    http.get(URL, body=fault)
    with pytest.raises(DataError) as refused:
        ask()
    said = str(refused.value)
    assert said.startswith("provider: daily bars of SPY: no answer from the provider, asked 4 times (")
    assert str(fault) in said
    assert "`tsdeep data fetch SPEC`" in said
    assert len(http.calls) == fetching.TRIES


def test_a_fault_of_the_provider_is_asked_again(http, waits):
    http.get(URL, status=503, body="maintenance")
    http.get(URL, json=[2])
    assert ask() == [2]


def test_a_refused_request_is_said_at_once_with_the_provider_s_words(http, waits):
    http.get(URL, status=403, body="subscription does not permit it")
    with pytest.raises(
        DataError, match=r"refused with HTTP 403: subscription does not permit it; check the key"
    ):
        ask()
    assert len(http.calls) == 1


def test_an_answer_that_is_no_json_is_shown(http, waits):
    http.get(URL, body="<html>moved</html>")
    with pytest.raises(DataError, match="answer is no JSON: '<html>moved</html>'"):
        ask()


def test_a_fault_of_the_code_is_not_taken_for_the_provider_s(waits):
    with pytest.raises(ZeroDivisionError):
        asking("provider", "bars", lambda: 1 / 0)


def test_missing_keys_are_named_by_their_environment_variables(monkeypatch):
    monkeypatch.setenv("A_KEY", "a")
    monkeypatch.delenv("B_KEY", raising=False)
    monkeypatch.setenv("C_KEY", " ")
    assert require_keys("provider", "A_KEY") == ("a",)
    with pytest.raises(DataError, match="provider: no key: set the environment variable B_KEY to what"):
        require_keys("provider", "A_KEY", "B_KEY")
    with pytest.raises(DataError, match="environment variables B_KEY and C_KEY to"):
        require_keys("provider", "B_KEY", "C_KEY")


def test_changed_columns_are_refused_with_found_and_expected():
    check_columns(["open", "close", "more"], ("open", "close"), "provider")
    with pytest.raises(
        DataError, match="no column close in the provider's answer: found open, last, expected open, close"
    ):
        check_columns(["open", "last"], ("open", "close"), "provider")


def test_an_absent_package_is_named_with_the_command_that_installs_it(monkeypatch):
    assert import_extra("json", "none") is __import__("json")
    with pytest.raises(
        DataError, match=r"'no_such_client' is not installed; .*: pip install \"tsdeep\[provider\]\""
    ):
        import_extra("no_such_client", "provider")
