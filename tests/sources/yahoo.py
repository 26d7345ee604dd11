"""Yahoo Finance as it answers over HTTP: charts in its JSON, for the real client to read."""

import json
import re
from contextlib import contextmanager
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd
import responses

from tsdeep.sources import fetching

CHART = re.compile(r"https://query2\.finance\.yahoo\.com/v8/finance/chart/.*")
ANYWHERE_ELSE = re.compile(
    r"https://(?!query2\.finance\.yahoo\.com/v8/finance/chart/|fred\.stlouisfed\.org/).*"
)
ZONE = "America/New_York"


def chart(symbol, bars, *, adjusted=None, dividends=None, opening="9:30", zone=ZONE):
    """A chart of daily bars (time, open, high, low, close, volume), or of intraday ones where times are UTC."""
    daily = (bars["time"] == bars["time"].dt.normalize()).all()
    if daily:
        stamps = (bars["time"] + pd.Timedelta(f"{opening}:00")).dt.tz_localize(zone)
    else:
        stamps = bars["time"].dt.tz_localize("UTC")
    seconds = [int(each.timestamp()) for each in stamps]
    fields = ("open", "high", "low", "close", "volume")
    values = {name: [None if pd.isna(v) else float(v) for v in bars[name]] for name in fields if name in bars}
    indicators = {"quote": [values]}
    if adjusted is not None:
        indicators["adjclose"] = [{"adjclose": [float(v) for v in adjusted]}]
    result = {
        "meta": {
            "currency": "USD",
            "symbol": symbol,
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": zone,
            "validRanges": ["1d", "5d", "1mo", "max"],
            "priceHint": 2,
            "tradingPeriods": _trading_periods(stamps),
        },
        "timestamp": seconds,
        "indicators": indicators,
    }
    if dividends:
        paid = {
            str(_second(day, opening)): {"amount": amount, "date": _second(day, opening)}
            for day, amount in dividends.items()
        }
        result["events"] = {"dividends": paid}
    return {"chart": {"result": [result], "error": None}}


def unknown(symbol):
    """The answer for a symbol that Yahoo does not have; its status is 404."""
    error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
    return {"chart": {"result": None, "error": error}}


def _second(day, opening):
    return int(pd.Timestamp(f"{day} {opening}").tz_localize(ZONE).timestamp())


def _trading_periods(stamps):
    days = sorted({each.tz_convert(ZONE).normalize() for each in stamps})
    hours = [(day + pd.Timedelta("9:30:00"), day + pd.Timedelta("16:00:00")) for day in days]
    return [
        [
            {
                "timezone": "EST",
                "start": int(a.timestamp()),
                "end": int(b.timestamp()),
                "gmtoffset": a.utcoffset().seconds,
            }
        ]
        for a, b in hours
    ]


class Yahoo:
    """Answers by symbol; what was asked stands in `asked`; `http` takes answers of others.

    An answer is a chart, or a triple of status, headers and text, or an exception; or a list of them, one a request.
    """

    def __init__(self, http):
        self.answers = {}
        self.asked = []
        self.http = http
        http.add_callback(responses.GET, CHART, callback=self._answer)
        for method in (responses.GET, responses.POST):  # cookies and crumbs, which charts do without
            http.add(method, ANYWHERE_ELSE, body="<html></html>", status=404)

    def serve(self, symbol, bars, **how):
        self.answers[symbol] = chart(symbol, bars, **how)

    def _answer(self, request):
        symbol = unquote(urlsplit(request.url).path.rpartition("/")[2])
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        self.asked.append((symbol, query))
        answer = self.answers.get(symbol, (404, {}, json.dumps(unknown(symbol))))
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, tuple) else (200, {}, json.dumps(answer))


@contextmanager
def yahoo_in_place_of_the_network(folder, patch):
    """Answer every request as Yahoo, with fresh caches in a folder, and no waits between tries."""
    import yfinance

    patch.setenv("TSDEEP_CACHE", str(folder / "cache"))
    patch.setattr(fetching, "FIRST_WAIT", 0.0)
    yfinance.set_tz_cache_location(str(folder / "yfinance"))
    patch.setattr(yfinance.data.YfData, "_instances", {})  # no cookie, no crumb
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        yield Yahoo(http)
