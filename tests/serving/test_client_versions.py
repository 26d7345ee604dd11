"""Versions that come and go under a client's hands, labels, and several threads."""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tsdeep
from tests.serving import served_study
from tests.serving.model_server import Model, ModelServer
from tests.serving.served_study import BARS
from tests.synthetic import FEATURES, samples
from tsdeep.serving import Client


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Three versions of one study, the third of more fields and rows."""
    folder = tmp_path_factory.mktemp("exports")
    served_study.export(folder, seed=1)
    served_study.export(folder, seed=2)
    market = samples(200, lookback=8)
    wider = market.replace(features=tsdeep.FeatureBank([*FEATURES, {"kind": "parkinson", "rows": 7}]))
    model = tsdeep.build("tiny", wider, compile=False)
    tsdeep.export(model, folder, samples=wider, scaler=wider.fit_scaler(wider.rows), verify=False)
    return folder


@pytest.fixture(params=["rest", "grpc"])
def api(request):
    return request.param


def release(exports, folder, version):
    """Let a version appear in a folder as an export does: whole."""
    shutil.copytree(exports / str(version), folder / f".writing-{version}")
    (folder / f".writing-{version}").rename(folder / str(version))


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def up(folder):
    return tsdeep.predict(folder, BARS)["up"][0]


def test_predictions_switch_to_a_new_version_and_a_pinned_client_keeps_its_own(exports, tmp_path, api):
    release(exports, tmp_path, 1)
    with ModelServer({"study": Model(tmp_path, policy="all", labels={"stable": 1})}) as server:
        address = getattr(server, api)
        newest, pinned, stable = (
            Client(address, "study", **which, metadata=exports / "1")
            for which in ({}, {"version": 1}, {"label": "stable"})
        )
        one, two = up(exports / "1"), up(exports / "2")
        assert abs(one - two) > 1e-3
        assert newest.predict(BARS)["up"][0] == pytest.approx(one, abs=1e-6)
        release(exports, tmp_path, 2)
        until(lambda: [each.version for each in newest.status() if each.state == "AVAILABLE"] == [2, 1])
        assert newest.predict(BARS)["up"][0] == pytest.approx(two, abs=1e-6)
        for kept in (pinned, stable):
            assert kept.predict(BARS)["up"][0] == pytest.approx(one, abs=1e-6)
        assert [each.version for each in pinned.status()] == [1]
        server.models["study"].labels["stable"] = 2
        assert stable.predict(BARS)["up"][0] == pytest.approx(two, abs=1e-6)


@pytest.mark.parametrize("described", [True, False])
def test_a_version_that_reads_other_fields_is_learnt_when_it_is_there(exports, tmp_path, api, described):
    release(exports, tmp_path, 1)
    with ModelServer({"study": Model(tmp_path)}) as server:
        client = Client(getattr(server, api), "study", metadata=tmp_path if described else None)
        narrow = BARS[["close", "volume"]]
        assert client.predict(narrow, symbol="A")["up"][0] == pytest.approx(up(exports / "1"), abs=1e-6)
        release(exports, tmp_path, 3)
        until(lambda: 3 in server.models["study"].loaded and 1 not in server.models["study"].loaded)
        assert client.predict(BARS, symbol="A")["up"][0] == pytest.approx(up(exports / "3"), abs=1e-6)
        with pytest.raises(tsdeep.DataError, match="bars lack high, low"):
            client.predict(narrow, symbol="A")
        # And back: what the client knows must not refuse what the server would take.
        shutil.copytree(exports / "1", tmp_path / ".writing-4")
        (tmp_path / ".writing-4").rename(tmp_path / "4")
        until(lambda: 3 not in server.models["study"].loaded)
        assert client.predict(narrow, symbol="A")["up"][0] == pytest.approx(up(exports / "1"), abs=1e-6)


def test_a_version_that_cannot_be_loaded_leaves_the_one_before_it_and_is_told(exports, tmp_path, api):
    release(exports, tmp_path, 1)
    (tmp_path / "2").mkdir()
    with ModelServer({"study": Model(tmp_path, policy="all")}) as server:
        client = Client(getattr(server, api), "study")
        assert client.predict(BARS, symbol="A")["up"][0] == pytest.approx(up(exports / "1"), abs=1e-6)
        broken, sound = client.status()
    assert (broken.version, broken.state) == (2, "END")
    assert "SavedModel file does not exist" in broken.error
    assert (sound.version, sound.state, sound.error) == (1, "AVAILABLE", "")


def test_threads_share_a_client_while_versions_change(exports, tmp_path, api):
    release(exports, tmp_path, 1)
    expected = {
        version: tsdeep.predict(exports / str(version), BARS, rows=40)["up"].to_numpy() for version in (1, 2)
    }
    answers = []
    switched = threading.Event()
    with ModelServer({"study": Model(tmp_path)}) as server:
        address = getattr(server, api)
        shared = Client(address, "study", metadata=exports / "1")
        own = [Client(address, "study", metadata=exports / "1") for _ in range(2)]

        def ask(number):
            client = own[number] if number < 2 else shared
            until_switched = 0
            while until_switched < 3:
                until_switched += switched.is_set()
                end = 21 + len(answers) % 40
                answers.append((end, client.predict(BARS.iloc[:end])["up"][0]))

        with ThreadPoolExecutor(6) as pool:
            threads = [pool.submit(ask, number) for number in range(6)]
            until(lambda: len(answers) > 30 or any(each.done() for each in threads))
            release(exports, tmp_path, 2)
            until(lambda: 1 not in server.models["study"].loaded)
            switched.set()
            for each in threads:
                each.result()
    by = np.array(
        [[abs(value - expected[version][end - 21]) < 1e-6 for version in (1, 2)] for end, value in answers]
    )
    assert by.any(axis=1).all(), "an answer was neither version's"
    assert by[:, 0].sum() > 20
    assert by[-6:, 1].all()
