"""From samples to `tf.data`: windows cut when they are needed, never stored, or dense stretches of rows."""

from tsdeep.pipeline.dense import dense_rows, dense_windows
from tsdeep.pipeline.windows import windows

__all__ = ["dense_rows", "dense_windows", "windows"]
