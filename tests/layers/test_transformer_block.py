"""The transformer block: by NumPy from its weights, causal where asked, masks, the last row alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tsdeep.layers import TransformerBlock

X = np.random.default_rng(0).normal(size=(2, 7, 8)).astype("float32")


def layer_norm(x, gain, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6) * gain + bias


def by_hand(block, x):
    weights = {v.path.split("/", 1)[1]: v.numpy().astype(float) for v in block.weights}

    def project(name, values):
        return (
            np.einsum("btc,chd->bthd", values, weights[f"attention/{name}/kernel"])
            + weights[f"attention/{name}/bias"]
        )

    def norm(name, values):
        return layer_norm(values, weights[f"{name}/gamma"], weights[f"{name}/beta"])

    def dense(name, values):
        return values @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]

    source = norm("attention_norm", x) if block.pre_norm else x
    query, key, value = (project(name, source) for name in ("query", "key", "value"))
    score = np.einsum("bthd,bshd->bhts", query, key) / math.sqrt(query.shape[-1])
    if block.causal:
        score = np.where(np.tri(x.shape[1], dtype=bool), score, -np.inf)
    weight = np.exp(score - score.max(-1, keepdims=True))
    weight /= weight.sum(-1, keepdims=True)
    mixed = np.einsum("bhts,bshd->bthd", weight, value)
    mixed = np.einsum("bthd,hdc->btc", mixed, weights["attention/attention_output/kernel"])
    hidden = x + mixed + weights["attention/attention_output/bias"]
    if not block.pre_norm:
        hidden = norm("attention_norm", hidden)
    branch = norm("feedforward_norm", hidden) if block.pre_norm else hidden
    outputs = hidden + dense("contract", np.maximum(dense("expand", branch), 0))
    return outputs if block.pre_norm else norm("feedforward_norm", outputs)


@pytest.mark.parametrize("pre_norm", [True, False])
@pytest.mark.parametrize("causal", [True, False])
def test_equals_the_formulas_on_its_weights(causal, pre_norm):
    block = TransformerBlock(2, 16, causal=causal, pre_norm=pre_norm, activation="relu", name="block")
    outputs = block(X)
    np.testing.assert_allclose(outputs, by_hand(block, X.astype(float)), atol=2e-5)


@pytest.mark.parametrize("pre_norm", [True, False])
def test_causal_attention_ignores_later_rows_exactly(pre_norm):
    block = TransformerBlock(2, 16, causal=True, pre_norm=pre_norm)
    before = np.asarray(block(X))
    for t in range(6):
        changed = X.copy()
        changed[:, t + 1 :] += 100 * np.random.default_rng(t).normal(size=changed[:, t + 1 :].shape)
        assert np.abs(np.asarray(block(changed))[:, : t + 1] - before[:, : t + 1]).max() == 0.0


def test_full_attention_reads_later_rows():
    block = TransformerBlock(2, 16, causal=False)
    changed = X.copy()
    changed[:, -1] += 1
    assert np.all(np.any(np.asarray(block(changed))[:, 0] != np.asarray(block(X))[:, 0], axis=-1))


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("pre_norm", [True, False])
def test_the_last_row_alone_equals_the_last_row_of_all(causal, pre_norm):
    arguments = {"heads": 2, "feedforward_units": 16, "causal": causal, "pre_norm": pre_norm}
    every, last = TransformerBlock(**arguments), TransformerBlock(**arguments, return_sequences=False)
    every.build(X.shape)
    last.build(X.shape)
    last.set_weights(every.get_weights())
    mask = np.repeat([np.arange(7) >= 3], 2, axis=0)
    for given_mask in (None, mask):
        np.testing.assert_allclose(last(X, mask=given_mask), every(X, mask=given_mask)[:, -1], atol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_rows_masked_at_the_front_are_as_if_they_were_not_there(causal):
    block = TransformerBlock(2, 16, causal=causal)
    block.build(X.shape)
    mask = np.repeat([np.arange(7) >= 3], 2, axis=0)
    np.testing.assert_allclose(block(X, mask=mask)[:, 3:], block(X[:, 3:]), atol=1e-5)


def test_heads_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ValueError, match="heads: found 3 for 8 channels"):
        TransformerBlock(3).build((None, 7, 8))
