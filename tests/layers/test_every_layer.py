"""What holds for every layer that tsdeep registers with Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tsdeep
from tests.features.raw_rows import BASKET, raw_rows
from tests.layer_check import CHECKS, LayerCase, reload_in_fresh_process, save_for_reload
from tsdeep.features import (
    AssetFeatures,
    Feature,
    FeatureBank,
    StandardScaler,
    argument_model,
    feature_names,
    get_feature,
    make_feature,
    make_scaler,
    scaler_names,
)
from tsdeep.layers import (
    TCN,
    AttentionMLP,
    BilinearLayer,
    BilinearNormalization,
    CausalConv1D,
    ChannelSelection,
    GatedAxialAttention,
    LearnedPosition,
    Patches,
    ResidualMLP,
    RowInterpolation,
    RowPooling,
    SequencePooling,
    SinusoidalPosition,
    TemporalAttentionBilinear,
    TemporalBlock,
    TransformerBlock,
)

tsdeep.register()

ROWS = np.random.default_rng(0).normal(size=(3, 12, 8)).astype("float32")
RAW = raw_rows(30, batch=3)
#: What a feature gets for an argument without a default, by the argument's annotation.
REQUIRED = {int: 4, str: "close", Feature: {"kind": "log_return"}}
#: The same by the argument's name.
NAMED = {"assets": BASKET, "symbols": BASKET, "sign": "down"}


def _feature_case(kind: str) -> LayerCase:
    arguments = argument_model(get_feature(kind)).model_fields
    mapping = {"kind": kind} | {
        name: NAMED.get(name, REQUIRED.get(info.annotation, 4))
        for name, info in arguments.items()
        if info.is_required()
    }
    feature = make_feature(mapping)
    if feature.warmup >= 30:
        several = arguments["rows"].annotation is not int
        mapping |= {"rows": [3, 6] if several else 6}  # instead of windows that are longer by default
        feature = make_feature(mapping)
    inputs = {name: RAW[name] for name in feature.fields}
    return LayerCase(
        make_feature,
        {"spec": mapping},
        inputs,
        (3, 30 - feature.warmup, len(feature.names)),
        own_dtype="float64",
    )


CASES = {
    "causal_conv1d": LayerCase(CausalConv1D, {"filters": 5, "kernel_size": 3}, ROWS, (3, 12, 5)),
    "causal_conv1d_normed": LayerCase(
        CausalConv1D,
        {"filters": 5, "kernel_size": 2, "dilation_rate": 4, "weight_norm": True, "activation": "gelu"},
        ROWS,
        (3, 12, 5),
    ),
    "causal_conv1d_longer_than_input": LayerCase(
        CausalConv1D,
        {"filters": 2, "kernel_size": 3, "dilation_rate": 11, "use_bias": False, "kernel_regularizer": "l2"},
        ROWS,
        (3, 12, 2),
    ),
    "temporal_block": LayerCase(TemporalBlock, {"filters": 8, "dropout": 0.2}, ROWS, (3, 12, 8)),
    "temporal_block_projected": LayerCase(
        TemporalBlock, {"filters": 6, "dilation_rate": 2, "weight_norm": True}, ROWS, (3, 12, 6)
    ),
    "tcn": LayerCase(TCN, {"filters": 6, "dilations": (1, 2), "stacks": 2}, ROWS, (3, 12, 6)),
    "tcn_last": LayerCase(
        TCN,
        {"filters": 6, "dilations": [1, 2, 4], "return_sequences": False, "kernel_initializer": "he_normal"},
        ROWS,
        (3, 6),
    ),
    "learned_position": LayerCase(LearnedPosition, {"initializer": "normal"}, ROWS, (3, 12, 8)),
    "sinusoidal_position": LayerCase(SinusoidalPosition, {"max_wavelength": 100.0}, ROWS, (3, 12, 8)),
    "transformer_block": LayerCase(
        TransformerBlock, {"heads": 2, "feedforward_units": 16, "dropout": 0.1}, ROWS, (3, 12, 8)
    ),
    "transformer_block_causal": LayerCase(
        TransformerBlock,
        {"heads": 4, "causal": True, "pre_norm": False, "activation": "relu"},
        ROWS,
        (3, 12, 8),
    ),
    "transformer_block_last": LayerCase(
        TransformerBlock, {"heads": 4, "causal": True, "return_sequences": False}, ROWS, (3, 8)
    ),
    "attention_mlp": LayerCase(AttentionMLP, {"units": 4}, ROWS, (3, 12, 4)),
    "attention_mlp_reprojected": LayerCase(AttentionMLP, {"heads": 2, "reprojected": True}, ROWS, (3, 12, 8)),
    "residual_mlp": LayerCase(ResidualMLP, {"hidden_units": 16, "units": 8}, ROWS, (3, 12, 8)),
    "residual_mlp_narrow": LayerCase(ResidualMLP, {"hidden_units": 6, "units": 2}, ROWS, (3, 12, 2)),
    "bilinear_layer": LayerCase(
        BilinearLayer, {"units": 5, "output_rows": 4, "max_norm": 3.0, "activation": "tanh"}, ROWS, (3, 4, 5)
    ),
    "bilinear_normalization": LayerCase(BilinearNormalization, {"unbiased": True}, ROWS, (3, 12, 8)),
    "temporal_attention_bilinear": LayerCase(
        TemporalAttentionBilinear, {"units": 3, "output_rows": 2, "max_norm": 5.0}, ROWS, (3, 2, 3)
    ),
    "channel_selection": LayerCase(ChannelSelection, {"indices": (5, 0, 5)}, ROWS, (3, 12, 3)),
    "channel_selection_of_one_row": LayerCase(ChannelSelection, {"indices": [7]}, ROWS[:, -1], (3, 1)),
    "patches": LayerCase(Patches, {"rows": 5, "stride": 3}, ROWS, (3, 8, 4, 5)),
    "row_interpolation": LayerCase(RowInterpolation, {"rows": 30}, ROWS, (3, 30, 8)),
    **{
        f"row_pooling_{mode}": LayerCase(RowPooling, {"rate": 5, "mode": mode}, ROWS, (3, 3, 8))
        for mode in ("mean", "max")
    },
    **{
        f"gated_axial_attention_{axis}": LayerCase(
            GatedAxialAttention,
            {"units": 8, "heads": 2, "axis": axis},
            ROWS.reshape(3, 6, 4, 4),
            (3, 6, 4, 8),
        )
        for axis in ("rows", "features")
    },
    **{
        f"sequence_pooling_{mode}": LayerCase(SequencePooling, {"mode": mode}, ROWS, (3, 8))
        for mode in ("last", "mean", "attention")
    },
    **{
        f"{kind}_scaler": LayerCase(
            make_scaler,
            {"spec": {"kind": kind, "clip": 2.0}},
            ROWS,
            (3, 12, 8),
            own_dtype="float32",
            prepare=lambda layer: layer.fit(ROWS.reshape(-1, 8), session=np.arange(36) // 12),
        )
        for kind in scaler_names()
    },
    "feature_bank": LayerCase(
        FeatureBank,
        {"features": [{"kind": "log_return", "rows": 5}, {"kind": "log_volume_change"}]},
        {name: RAW[name] for name in ("close", "volume")},
        (3, 25, 2),
        own_dtype="float32",
    ),
    "asset_features": LayerCase(
        lambda features, **arguments: AssetFeatures(FeatureBank(features), **arguments),
        {
            "features": [
                {"kind": "log_return", "rows": 5},
                {"kind": "signed_return", "rows": 2, "prefix": "market"},
                {"kind": "correlation", "assets": BASKET, "rows": 9},
                {"kind": "log_level", "field": "vix", "lag": 0},
            ],
            "names": BASKET,
            "market": BASKET[1],
            "joined": ["vix"],
        },
        {"close": RAW["basket_close"], "vix": RAW["vix"]},
        (3, 21, 4 * 5),
        own_dtype="float32",
    ),
    **{
        f"feature_{kind}": _feature_case(kind)
        for kind in feature_names()
        if get_feature(kind).__module__.startswith("tsdeep.")
    },
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_layer(check, name):
    check(CASES[name])


def test_every_registered_layer_has_a_case():
    made = {type(case.make()) for case in CASES.values()}
    registered = {
        cls
        for name, cls in keras.saving.get_custom_objects().items()
        if name.startswith("tsdeep>") and cls.__module__.startswith("tsdeep.")
    }
    layers = {cls for cls in registered if issubclass(cls, keras.layers.Layer)}
    assert {TCN, StandardScaler} < layers
    assert any(issubclass(cls, Feature) for cls in layers)
    assert layers - made == set()


def test_every_layer_of_the_room_is_registered():
    registered = set(keras.saving.get_custom_objects().values())
    exported = {value for value in vars(tsdeep.layers).values() if isinstance(value, type)}
    assert len(exported) >= 7
    assert exported - registered == set()


def test_saved_models_reload_equal_in_a_fresh_process(tmp_path):
    for name, case in CASES.items():
        save_for_reload(case, tmp_path, name)
    reloaded = reload_in_fresh_process(tmp_path)
    expected = {name: (True, case.own_dtype or "float32") for name, case in CASES.items()}
    assert reloaded == expected
