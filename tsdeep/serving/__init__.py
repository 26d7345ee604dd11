"""From a fitted model to one that answers on raw rows."""

from tsdeep.serving.client import Client
from tsdeep.serving.export import export
from tsdeep.serving.metadata import latest_version
from tsdeep.serving.predict import predict
from tsdeep.serving.raw_model import raw_model
from tsdeep.serving.stream import Stream

__all__ = ["Client", "Stream", "export", "latest_version", "predict", "raw_model"]
