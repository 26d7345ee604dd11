"""From samples to `tf.data`: windows cut when they are needed, never stored."""

from tsdeep.pipeline.windows import windows

__all__ = ["windows"]
