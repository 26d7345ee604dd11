"""Models: one architecture a file, known by name, built and compiled by `build`."""

from tsdeep.models.build import build
from tsdeep.models.gru import gru
from tsdeep.models.load import load_model
from tsdeep.models.lstm import lstm
from tsdeep.models.mlp import mlp
from tsdeep.models.oflow import oflow
from tsdeep.models.receptive_field import receptive_field
from tsdeep.models.registry import get_model, hyperparameters, model_names, register_model
from tsdeep.models.tcn import tcn
from tsdeep.models.transformer import transformer

__all__ = [
    "build",
    "get_model",
    "gru",
    "hyperparameters",
    "load_model",
    "lstm",
    "mlp",
    "model_names",
    "oflow",
    "receptive_field",
    "register_model",
    "tcn",
    "transformer",
]
