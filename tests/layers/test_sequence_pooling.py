"""The ways from a sequence to a vector, by NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tsdeep.layers import SequencePooling

X = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
MASK = np.array([[False, False, True, True, True, True], [True, True, True, True, True, True]])


def test_last_is_the_newest_row():
    np.testing.assert_array_equal(SequencePooling("last")(X), X[:, -1])


def test_mean_leaves_masked_rows_out():
    np.testing.assert_allclose(SequencePooling("mean")(X), X.mean(1), atol=1e-6)
    pooled = SequencePooling("mean")(X, mask=MASK)
    np.testing.assert_allclose(pooled, [X[0, 2:].mean(0), X[1].mean(0)], atol=1e-6)


def test_attention_weighs_rows_by_the_softmax_of_their_score_and_leaves_masked_rows_out():
    layer = SequencePooling("attention")
    layer.build(X.shape)
    (score,) = layer.get_weights()
    pooled = layer(X, mask=MASK)
    for sample, first in ((0, 2), (1, 0)):
        weight = np.exp(X[sample, first:] @ score)
        expected = (X[sample, first:] * weight / weight.sum()).sum(0)
        np.testing.assert_allclose(pooled[sample], expected, atol=1e-6)


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="mode: found 'max', expected one of last, mean, attention"):
        SequencePooling("max")
