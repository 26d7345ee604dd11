"""Keras layers that the models share: causal convolutions, attention, positions and pooling."""

from tsdeep.layers.attention_mlp import AttentionMLP
from tsdeep.layers.bilinear_layer import BilinearLayer
from tsdeep.layers.bilinear_normalization import BilinearNormalization
from tsdeep.layers.causal_conv1d import CausalConv1D
from tsdeep.layers.channel_selection import ChannelSelection
from tsdeep.layers.gated_axial_attention import GatedAxialAttention
from tsdeep.layers.learned_position import LearnedPosition
from tsdeep.layers.patches import Patches
from tsdeep.layers.residual_mlp import ResidualMLP
from tsdeep.layers.row_interpolation import RowInterpolation
from tsdeep.layers.row_pooling import RowPooling
from tsdeep.layers.sequence_pooling import POOLINGS, SequencePooling
from tsdeep.layers.sinusoidal_position import SinusoidalPosition
from tsdeep.layers.tcn import TCN
from tsdeep.layers.temporal_attention_bilinear import TemporalAttentionBilinear, UnitInterval
from tsdeep.layers.temporal_block import TemporalBlock
from tsdeep.layers.transformer_block import TransformerBlock

__all__ = [
    "POOLINGS",
    "TCN",
    "AttentionMLP",
    "BilinearLayer",
    "BilinearNormalization",
    "CausalConv1D",
    "ChannelSelection",
    "GatedAxialAttention",
    "LearnedPosition",
    "Patches",
    "ResidualMLP",
    "RowInterpolation",
    "RowPooling",
    "SequencePooling",
    "SinusoidalPosition",
    "TemporalAttentionBilinear",
    "TemporalBlock",
    "TransformerBlock",
    "UnitInterval",
]
