"""References read VIX as late as the model does."""

import numpy as np
import pytest

import tsdeep
from tests.asset_bars import bars, several
from tsdeep.assets import Assets, aligned
from tsdeep.baselines import references_for
from tsdeep.joins import joined
from tsdeep.panel import Panel
from tsdeep.validation.settings import references_of


def samples(*features):
    assets = Assets(("A", "B"), market="A", joined=("vix",))
    panel = aligned(Panel.from_frame(several("A", "B", days=500)), assets)
    series = Panel.from_frame(bars("VIX", days=520, start="2003-12-22")[["time", "symbol", "close"]])
    panel = joined(panel, "vix", series, missing="previous")
    bank = tsdeep.FeatureBank([{"kind": "parkinson", "rows": 5}, *features])
    return tsdeep.Samples(panel, bank, tsdeep.get_task("volatility"), 1, assets=assets)


@pytest.mark.parametrize(
    ("features", "lag"),
    [
        ([], 0),
        ([{"kind": "log_level", "field": "vix", "lag": 1}], 1),
        ([{"kind": "rolling_mean", "rows": 5, "of": {"kind": "log_level", "field": "vix", "lag": 2}}], 2),
    ],
)
def test_the_lag_of_vix_is_that_of_the_features(features, lag):
    market = samples(*features)
    fit = market.rows[market.time[market.label_end[market.rows]] < np.datetime64("2005-06-01")]
    ask = market.rows[market.time[market.rows] >= np.datetime64("2005-06-01")]
    fields = tuple(market.panel.fields)
    names = ("log_har_range_vix", "pooled_log_har")
    ours = {r.name: r for r in references_of(market) if r.name in names}
    theirs = {r.name: r for r in references_for(market.task, fields, vix_lag_rows=lag) if r.name in names}
    for name in names:
        found = ours[name].fit(market, fit).predict(market, ask)["variance"]
        np.testing.assert_array_equal(found, theirs[name].fit(market, fit).predict(market, ask)["variance"])
    if lag:
        today = references_for(market.task, fields)
        other = next(r for r in today if r.name == "log_har_range_vix").fit(market, fit).predict(market, ask)
        assert not np.array_equal(
            ours["log_har_range_vix"].predict(market, ask)["variance"], other["variance"]
        )
