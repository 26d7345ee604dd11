"""From a fitted model to one that answers on raw rows."""

from tsdeep.serving.export import export
from tsdeep.serving.predict import latest_version, predict
from tsdeep.serving.raw_model import raw_model

__all__ = ["export", "latest_version", "predict", "raw_model"]
