"""From a fitted model to one that answers on raw rows."""

from tsdeep.serving.client import Client
from tsdeep.serving.export import export
from tsdeep.serving.metadata import latest_version
from tsdeep.serving.predict import predict
from tsdeep.serving.raw_model import raw_model

__all__ = ["Client", "export", "latest_version", "predict", "raw_model"]
