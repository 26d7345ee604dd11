"""Keras layers that the models share: causal convolutions, attention, positions and pooling."""

from tsdeep.layers.causal_conv1d import CausalConv1D
from tsdeep.layers.learned_position import LearnedPosition
from tsdeep.layers.sequence_pooling import POOLINGS, SequencePooling
from tsdeep.layers.sinusoidal_position import SinusoidalPosition
from tsdeep.layers.tcn import TCN
from tsdeep.layers.temporal_block import TemporalBlock
from tsdeep.layers.transformer_block import TransformerBlock

__all__ = [
    "POOLINGS",
    "TCN",
    "CausalConv1D",
    "LearnedPosition",
    "SequencePooling",
    "SinusoidalPosition",
    "TemporalBlock",
    "TransformerBlock",
]
