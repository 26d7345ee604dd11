"""One channel an asset."""

from __future__ import annotations

import numpy as np
import pytest

from tests.features.etf_rows import computed
from tsdeep.errors import SpecError
from tsdeep.features import AssetOneHot


@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_one_on_the_rows_of_the_asset(dtype):
    feature = AssetOneHot(["SPY", "TLT", "GLD"])
    assert feature.names == ("asset_SPY", "asset_TLT", "asset_GLD")
    values = computed(feature, {"asset": np.array([2, 0, 1, 1], dtype)})
    np.testing.assert_array_equal(values, [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0]])


def test_assets_beyond_those_named_are_zero_everywhere():
    values = computed(AssetOneHot(["SPY", "TLT"]), {"asset": np.array([1, 2, 7])})
    np.testing.assert_array_equal(values, [[0, 1], [0, 0], [0, 0]])


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(SpecError, match="'asset': argument 'symbols' is missing"):
        AssetOneHot()
    with pytest.raises(SpecError, match="'asset': found the asset 'SPY' twice, expected each once"):
        AssetOneHot(["SPY", "TLT", "SPY"])
    with pytest.raises(SpecError, match="'asset': symbols = "):
        AssetOneHot([])
