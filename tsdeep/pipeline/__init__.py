"""From samples, in memory or on disk, to `tf.data`: windows cut when they are needed, or dense stretches of rows."""

from tsdeep.pipeline.dense import dense_rows, dense_windows
from tsdeep.pipeline.prepared import Prepared
from tsdeep.pipeline.row_ranges import RowRanges
from tsdeep.pipeline.windows import windows

__all__ = ["Prepared", "RowRanges", "dense_rows", "dense_windows", "windows"]
