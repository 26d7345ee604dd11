"""Docstrings taken apart: summary, text, arguments, what is returned, references, examples."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

import docstring_parser
from docstring_parser import DocstringParam, DocstringReturns, DocstringStyle
from docstring_parser.common import DocstringExample

_AFTER_TYPE = re.compile(r",\s*(?:optional|default\b.*)$", re.DOTALL)


@dataclass(frozen=True)
class Documented:
    """A name, its type and what it means, as a docstring has them; any may be empty."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Docstring:
    """A docstring in the form of numpydoc, taken apart.

    Attributes
    ----------
    summary : str
        Its first line.
    text : str
        What follows up to the first section, and the notes.
    arguments : tuple of Documented
        One a name, where several share a line too; without `**kwargs`.
    returns : tuple of Documented
        As in its section.
    references, examples : str
        The sections as they are written.
    """

    summary: str
    text: str = ""
    arguments: tuple[Documented, ...] = ()
    returns: tuple[Documented, ...] = ()
    references: str = ""
    examples: str = ""


def docstring_of(target: Any) -> Docstring:
    """Take the docstring of an object apart.

    Parameters
    ----------
    target : object
        A function, class or module. A docstring that it inherits is not its own, and not read.

    Returns
    -------
    Docstring
        With an empty summary where there is no docstring.

    Examples
    --------
    >>> from tsdeep.models import tcn
    >>> docstring_of(tcn).arguments[1]
    Documented(name='filters', type='int', meaning='Channels of every block.')
    """
    parsed = docstring_parser.parse(inspect.cleandoc(target.__doc__ or ""), DocstringStyle.NUMPYDOC)
    sections = {meta.args[0]: (meta.description or "").strip() for meta in parsed.meta if len(meta.args) == 1}
    texts = (parsed.long_description, sections.get("notes"))
    return Docstring(
        summary=(parsed.short_description or "").replace("\n", " "),
        text="\n\n".join(text for text in texts if text),
        arguments=_each(
            meta for meta in parsed.meta if isinstance(meta, DocstringParam) and meta.args[0] == "param"
        ),
        returns=tuple(
            Documented(meta.return_name or "", meta.type_name or "", meta.description or "")
            for meta in parsed.meta
            if isinstance(meta, DocstringReturns)
        ),
        references=sections.get("references", ""),
        examples="\n".join(
            line
            for meta in parsed.meta
            if isinstance(meta, DocstringExample)
            for line in (meta.snippet, meta.description)
            if line
        ),
    )


def _each(params: Any) -> tuple[Documented, ...]:
    """Give each name of a line that several share its own entry, and its own type where there are as many."""
    found = []
    for meta in params:
        names = re.split(r",\s*", meta.arg_name)
        kind = _AFTER_TYPE.sub("", meta.type_name or "")
        kinds = kind.split(", ")
        if len(kinds) != len(names):
            kinds = [kind] * len(names)
        found += [
            Documented(name, each, meta.description or "")
            for name, each in zip(names, kinds, strict=True)
            if not name.startswith("*")
        ]
    return tuple(found)
