import numpy as np
import pandas as pd
import pytest
from arch.data import nasdaq, sp500

from tsdeep import Panel
from tsdeep.sources import Bundled

HISTORIES = {"sp500": sp500, "nasdaq": nasdaq}


@pytest.fixture(scope="module")
def bars():
    return Bundled(symbols=["nasdaq", "sp500"]).bars()


def test_bars_are_those_of_arch_in_the_order_asked(bars):
    assert list(bars.columns) == ["time", "symbol", "open", "high", "low", "close", "volume"]
    assert list(bars["symbol"].unique()) == ["nasdaq", "sp500"]
    for symbol, part in bars.groupby("symbol"):
        original = HISTORIES[symbol].load()
        np.testing.assert_array_equal(part["time"], original.index)
        for field in ("Open", "High", "Low", "Close", "Volume"):
            np.testing.assert_array_equal(part[field.lower()], original[field])


def test_the_history_is_that_of_twenty_years_and_passes_every_check(bars):
    panel = Panel.from_frame(bars)
    assert panel.symbols == ("nasdaq", "sp500")
    assert pd.Timestamp(panel.time.min()) == pd.Timestamp("1999-01-04")
    assert pd.Timestamp(panel.time.max()) == pd.Timestamp("2018-12-31")
    assert panel.n_rows == 2 * 5031
    assert bars["time"].dtype == "datetime64[ns]"


def test_a_published_close_is_there(bars):
    """The S&P 500's close of 2008-09-15, when Lehman Brothers failed: 1192.70."""
    row = bars[(bars["symbol"] == "sp500") & (bars["time"] == "2008-09-15")]
    assert row["close"].item() == pytest.approx(1192.70, abs=0.005)
