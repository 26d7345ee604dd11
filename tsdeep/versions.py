"""Versions of what decides a result."""

from __future__ import annotations

import importlib.metadata
import platform


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide a result."""
    names = ("keras", "numpy", "pandas", "tensorflow", "tsdeep")
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in names}}
