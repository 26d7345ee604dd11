"""The client on order books and on several assets, which a server takes as panels and side by side."""

import keras
import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.asset_bars import several
from tests.serving.model_server import Model, ModelServer
from tsdeep.assets import Assets, aligned
from tsdeep.panel import Panel
from tsdeep.serving import Client
from tsdeep.sources import make_source

NAMES = ("A", "B", "C")


def shaken(model):
    random = np.random.default_rng(0)
    model.set_weights([w + 0.1 * random.normal(size=w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def books():
    fields = ("ask_price", "ask_size", "bid_price", "bid_size")
    return make_source({"kind": "simulated_book", "sessions": 2, "rows": 300, "levels": 3}).panel(fields)


@pytest.fixture(scope="module")
def book_folder(books, tmp_path_factory):
    features = tsdeep.FeatureBank(
        [{"kind": "log_size", "levels": 3}, {"kind": "mid_return", "tick": 100.0, "rows": [5]}]
    )
    samples = tsdeep.Samples(
        books,
        features,
        tsdeep.get_task("movement", horizon_rows=[10, 20]),
        4,
        {"kind": "standard", "by_symbol": True},
    )
    samples = samples.fit_task(samples.rows)
    keras.utils.set_random_seed(0)
    model = shaken(tsdeep.build("mlp", samples, compile=False))
    folder = tmp_path_factory.mktemp("book")
    tsdeep.export(model, folder, samples=samples, scaler=samples.fit_scaler(samples.rows), verify=False)
    return folder


@pytest.fixture(scope="module")
def prices():
    table = several(*NAMES, days=120)
    return table[["time", "symbol", "open", "high", "low", "close"]]


@pytest.fixture(scope="module")
def asset_folder(prices, tmp_path_factory):
    assets = Assets(NAMES)
    panel = aligned(Panel.from_frame(prices), assets)
    features = tsdeep.FeatureBank([{"kind": "log_variance", "estimator": "parkinson", "rows": [1, 5]}])
    samples = tsdeep.Samples(panel, features, tsdeep.get_task("volatility", horizon_rows=5), 3, assets=assets)
    train = samples.rows[: len(samples.rows) // 2]
    samples = samples.fit_task(train)
    scaler = samples.fit_scaler(train)
    keras.utils.set_random_seed(0)
    model = shaken(tsdeep.build("mlp", samples, compile=False, units=(4,)))
    valid = samples.scored(samples.rows[len(samples.rows) // 2 :])
    window = tsdeep.windows(samples, valid, scaler=scaler, batch_size=len(valid), labels=False)
    samples = samples.calibrate(valid, np.asarray(model(next(iter(window)), training=False)))
    folder = tmp_path_factory.mktemp("assets")
    tsdeep.export(model, folder, samples=samples, scaler=scaler, verify=False)
    return folder


@pytest.fixture(scope="module")
def server(book_folder, asset_folder):
    with ModelServer({"book": Model(book_folder), "assets": Model(asset_folder)}) as server:
        yield server


WAYS = [("rest", {"form": "columns"}), ("rest", {"form": "rows"}), ("grpc", {})]


@pytest.mark.parametrize(("api", "options"), WAYS)
def test_book_rows_are_predicted_as_they_are_by_the_export(server, books, book_folder, api, options):
    here = tsdeep.predict(book_folder, books, rows=7)
    with Client(getattr(server, api), "book", metadata=book_folder, **options) as client:
        pd.testing.assert_frame_equal(client.predict(books, rows=7), here, rtol=0, atol=1e-6)
        said = client.predict(books, rows=7, signature="predict_class")
    assert said.columns[2:4].tolist() == ["label_10", "label_20"]
    np.testing.assert_allclose(said["up_20"], here["up_20"], rtol=0, atol=1e-6)
    best = here[["down_10", "stationary_10", "up_10"]].idxmax(axis=1).str.removesuffix("_10")
    assert said["label_10"].tolist() == best.tolist()
    with Client(getattr(server, api), "book", **options) as client:
        there = client.predict(books, rows=7)
    pd.testing.assert_frame_equal(there[here.columns], here, rtol=0, atol=1e-6)


def test_another_instruments_book_and_fewer_levels_are_refused(server, books, book_folder):
    with Client(server.grpc, "book", metadata=book_folder) as client:
        other = make_source(
            {"kind": "simulated_book", "sessions": 1, "rows": 50, "levels": 3, "symbols": ["Z"]}
        )
        with pytest.raises(tsdeep.DataError, match="found rows of Z, expected SIM alone"):
            client.predict(other.panel(tuple(books.fields)))
    with Client(server.grpc, "book") as client:
        fewer = books.replace(ask_size=books.fields["ask_size"][:, :2])
        with pytest.raises(
            tsdeep.DataError, match=r"'ask_size': found \[2\] values a row.* trained on \[3\]"
        ):
            client.predict(fewer)


@pytest.mark.parametrize(("api", "options"), WAYS)
def test_assets_are_predicted_together_in_their_order(server, prices, asset_folder, api, options):
    here = tsdeep.predict(asset_folder, prices, rows=3)
    assert here["symbol"].tolist() == [*NAMES] * 3
    shuffled = prices.iloc[np.argsort(prices["symbol"].map({"C": 0, "A": 1, "B": 2}), kind="stable")]
    with Client(getattr(server, api), "assets", metadata=asset_folder, **options) as client:
        there = client.predict(shuffled, rows=3)
    pd.testing.assert_frame_equal(there, here, rtol=0, atol=1e-6)
    assert here.groupby("symbol")["volatility"].mean().nunique() == 3


def test_assets_without_a_description_are_refused(server, prices):
    with (
        Client(server.rest, "assets") as client,
        pytest.raises(tsdeep.SpecError, match=r"expected metadata="),
    ):
        client.predict(prices)
