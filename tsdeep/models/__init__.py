"""Models: one architecture a file, known by name, built and compiled by `build`."""

from tsdeep.models.axiallob import axiallob
from tsdeep.models.binctabl import binctabl
from tsdeep.models.build import build
from tsdeep.models.capability import Capability, capability
from tsdeep.models.ctabl import ctabl
from tsdeep.models.deeplob import deeplob
from tsdeep.models.deeplob_attention import deeplob_attention
from tsdeep.models.gru import gru
from tsdeep.models.har_network import har_network
from tsdeep.models.initialise import initialise
from tsdeep.models.itransformer import itransformer
from tsdeep.models.load import load_model
from tsdeep.models.lstm import lstm
from tsdeep.models.mlp import mlp
from tsdeep.models.mlplob import mlplob
from tsdeep.models.nhits import nhits
from tsdeep.models.oflow import oflow
from tsdeep.models.patchtst import patchtst
from tsdeep.models.receptive_field import receptive_field
from tsdeep.models.registry import (
    get_model,
    hyperparameters,
    initialiser_of,
    model_names,
    register_model,
    xla_on_cpu,
)
from tsdeep.models.tcn import tcn
from tsdeep.models.tlob import tlob
from tsdeep.models.transformer import transformer
from tsdeep.models.translob import translob

__all__ = [
    "Capability",
    "axiallob",
    "binctabl",
    "build",
    "capability",
    "ctabl",
    "deeplob",
    "deeplob_attention",
    "get_model",
    "gru",
    "har_network",
    "hyperparameters",
    "initialise",
    "initialiser_of",
    "itransformer",
    "load_model",
    "lstm",
    "mlp",
    "mlplob",
    "model_names",
    "nhits",
    "oflow",
    "patchtst",
    "receptive_field",
    "register_model",
    "tcn",
    "tlob",
    "transformer",
    "translob",
    "xla_on_cpu",
]
