"""Quotes of Alpaca a symbol and a day at a time: pieces, a fetch that goes on, one cache entry each."""

import json
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
import responses
import yaml

import tsdeep
from tests.sources.alpaca_net import set_up
from tsdeep import DataError
from tsdeep.assets import stacked
from tsdeep.books import BOOK_FIELDS
from tsdeep.cli import main
from tsdeep.sources import cache, make_source

QUOTES = "https://data.alpaca.markets/v2/stocks/quotes"
DAYS = [
    "2020-03-05",
    "2020-03-06",
    "2020-03-09",
    "2020-03-10",
]  # a weekend within, at which the clock changes
OPENS = ["14:30", "14:30", "13:30", "13:30"]


class Market:
    """Alpaca in place of the network, with quotes of days by symbol; what was asked stands in `asked`."""

    def __init__(self, net):
        self.quotes = {
            (symbol, day): rows(symbol, day, n) for n, day in enumerate(DAYS) for symbol in ("SPY", "IWM")
        }
        self.refused = set()
        self.asked = []
        net.add_callback(responses.GET, QUOTES, callback=self._answer)

    def _answer(self, request):
        query = {name: value[0] for name, value in parse_qs(urlsplit(request.url).query).items()}
        key = (query["symbols"], query["start"][:10])
        self.asked.append(key)
        if key in self.refused:
            return 403, {}, json.dumps({"message": "no more of this today"})
        number = int(query.get("page_token", "0"))
        pages = [self.quotes.get(key, [])[i : i + 7] for i in range(0, len(self.quotes.get(key, [])), 7)] or [
            []
        ]
        more = str(number + 1) if number + 1 < len(pages) else None
        return 200, {}, json.dumps({"quotes": {key[0]: pages[number]}, "next_page_token": more})


def rows(symbol, day, seed):
    """Twelve quotes of a day, a second apart, with a gap in the middle and one that is crossed."""
    random = np.random.default_rng([seed, ord(symbol[0])])
    start = pd.Timestamp(f"{day} {OPENS[seed]}")
    made = []
    for n in range(12):
        bid = round(100 + random.integers(-9, 9) / 100, 2)
        ask = bid if n == 9 else round(bid + 0.01 * random.integers(1, 4), 2)
        time = start + pd.Timedelta(seconds=n + 600 * (n > 5))
        made.append(
            {"t": f"{time.isoformat()}Z", "ap": ask, "as": n + 1, "bp": bid, "bs": int(random.integers(1, 9))}
        )
    return made


@pytest.fixture
def market(tmp_path, monkeypatch):
    set_up(monkeypatch, tmp_path)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
        yield Market(net)


def source(*symbols, start=DAYS[0], end=DAYS[-1], **settings):
    settings = {"crossed": "remove"} | settings
    return make_source(
        {"kind": "alpaca_quotes", "symbols": list(symbols), "start": start, "end": end, **settings}
    )


def keys():
    return sorted(
        (entry.request["symbols"][0], entry.request["start"]) for entry in map(cache.about, cache.files())
    )


def same(one, other):
    assert one.fingerprint() == other.fingerprint()
    assert (one.row, one.tick, list(one.fields)) == (other.row, other.tick, list(other.fields))


@pytest.mark.parametrize("settings", [{}, {"same_time": "last", "trim_start": "2s"}, {"calendar": None}])
def test_pieces_one_behind_another_are_the_panel(market, settings):
    quotes = source("SPY", "IWM", **settings)
    pieces = quotes.pieces(BOOK_FIELDS)
    assert [piece.name for piece in pieces] == [
        f"{symbol} {day}" for symbol in ("SPY", "IWM") for day in DAYS
    ]
    panels = [piece.read() for piece in reversed(pieces)][::-1]
    together = panels[0]
    for panel in panels[1:]:
        together = stacked(together, panel)
    whole = quotes.panel(BOOK_FIELDS)
    same(together, whole)
    assert whole.fingerprint() == quotes.book().fingerprint()
    assert len(whole.bounds) == 2 * 4 * 2  # symbols, days, and the gap


def test_a_piece_asks_for_its_own_day_alone(market):
    pieces = source("SPY", "IWM").pieces(("bid_price",))
    assert market.asked == []
    panel = pieces[5].read()
    assert set(market.asked) == {("IWM", "2020-03-06")}
    assert set(panel.session_date.astype(str)) == {"2020-03-06"}
    assert any("Left out 1 of 12 rows: the book is locked (crossed)." in note for note in panel.notes)


def test_a_period_reads_its_own_days_alone(market):
    quotes = source("SPY")
    period = (pd.Timestamp("2020-03-06"), pd.Timestamp("2020-03-09 23:59"))
    panel = quotes.panel(("ask_price",), *period)
    assert {day for _, day in market.asked} == {"2020-03-06", "2020-03-09"}
    same(panel, stacked(*(piece.read() for piece in quotes.pieces(("ask_price",), *period))))
    with pytest.raises(DataError, match="no session in the period 2021-01-01"):
        quotes.pieces(("ask_price",), pd.Timestamp("2021-01-01"))


def test_a_day_of_which_options_leave_nothing_is_no_piece_and_no_error(market):
    market.quotes["SPY", "2020-03-06"] = market.quotes["SPY", "2020-03-06"][9:10]  # locked
    quotes = source("SPY")
    assert [piece.read() is None for piece in quotes.pieces(BOOK_FIELDS)] == [False, True, False, False]
    assert len(np.unique(quotes.book().session_date)) == 3


def test_days_are_kept_one_by_one_and_shared_by_longer_periods(market):
    source("SPY", start=DAYS[1], end=DAYS[2]).book()
    assert keys() == [("SPY", DAYS[1]), ("SPY", DAYS[2])]
    market.asked.clear()
    source("IWM", "SPY").book()
    assert ("SPY", DAYS[1]) not in market.asked
    assert len(keys()) == 8
    market.asked.clear()
    source("SPY", crossed="remove", max_gap="2h", tick=0.01).book()
    assert market.asked == []


def test_a_read_that_fails_keeps_the_days_before_and_goes_on_there(market):
    market.refused = {("SPY", DAYS[2])}
    with pytest.raises(
        DataError, match="quotes of SPY of 2020-03-09: refused with HTTP 403: no more of this today"
    ):
        source("SPY").book()
    assert keys() == [("SPY", DAYS[0]), ("SPY", DAYS[1])]
    market.refused, market.asked = set(), []
    source("SPY").book()
    assert {day for _, day in market.asked} == set(DAYS[2:])


def test_a_session_without_quotes_is_refused(market):
    del market.quotes["SPY", DAYS[2]]
    with pytest.raises(DataError, match=r"quotes of SPY of 2020-03-09: no row in the period; .* listed then"):
        source("SPY").book()
    with pytest.raises(DataError, match="XNYS has no session from 2020-03-07 to 2020-03-08"):
        source("SPY", start="2020-03-07", end="2020-03-08").book()


# tsdeep data


@pytest.fixture
def spec(market, tmp_path):
    content = tsdeep.load_spec("lob_midprice").resolved()
    content["source"] = {"kind": "alpaca_quotes", "symbols": ["SPY"], "start": DAYS[0], "end": DAYS[-1]}
    content["source"]["crossed"] = "remove"
    file = tmp_path / "quotes.yaml"
    file.write_text(yaml.safe_dump(content))
    return str(file)


def test_fetch_goes_on_where_it_failed_and_asks_for_cached_days_where_told_to(market, spec, capsys):
    market.refused = {("SPY", DAYS[2])}
    assert main(["data", "fetch", spec]) == 2
    said = capsys.readouterr().err
    assert "HTTP 403: no more of this today" in said
    assert "2 of 4 parts are in the cache now; the same command goes on from there" in said
    market.refused, market.asked = set(), []
    assert main(["data", "fetch", spec]) == 0
    assert {day for _, day in market.asked} == set(DAYS[2:])
    said = capsys.readouterr().out
    assert (
        "4 parts, 48 rows, 2020-03-05 to 2020-03-10; 2 were in the cache already (--anew asks for them too)"
        in said
    )
    market.quotes["SPY", DAYS[0]][3]["bs"] = 77
    assert main(["data", "fetch", spec, "--anew"]) == 0
    said = capsys.readouterr().out
    assert (
        "SPY, 2020-03-05: 1 of 12 rows changed; the first, symbol 'SPY', 2020-03-05 14:30:03: bid_size"
        in said
    )
    assert "-> 77" in said
    assert "History has changed" in said
    assert len(cache.files()) == 5


def test_rm_removes_all_days_of_a_spec(market, spec, capsys):
    assert main(["data", "fetch", spec]) == 0
    source("IWM", start=DAYS[0], end=DAYS[0]).book()
    assert main(["data", "rm", spec]) == 0
    assert "removed 4 files" in capsys.readouterr().out
    assert keys() == [("IWM", DAYS[0])]


def test_fetch_shows_on_a_terminal_how_far_it_is(market, spec, capsys, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert main(["data", "fetch", spec]) == 0
    shown = capsys.readouterr().err
    assert "4/4" in shown
    assert "alpaca_quotes: quotes of SPY of 2020-03-10 (request 8)" in shown  # two pages a day
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    assert main(["data", "fetch", spec]) == 0
    assert capsys.readouterr().err == ""
