"""The manual: what `tsdeep.help` and `tsdeep list` know of every name."""

from tsdeep.manual.docstrings import Docstring, Documented, docstring_of
from tsdeep.manual.helping import help, names, overview
from tsdeep.manual.page import Argument, Entry, HelpPage

__all__ = [
    "Argument",
    "Docstring",
    "Documented",
    "Entry",
    "HelpPage",
    "docstring_of",
    "help",
    "names",
    "overview",
]
