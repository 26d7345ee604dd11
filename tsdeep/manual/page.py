"""A help page: what is known of a name, as text for a terminal and as Markdown for a notebook."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import Any

from tsdeep.manual.docstrings import Documented

WIDTH = 100

REQUIRED: Any = object()
"""The default of an argument that has none."""

_TABLE = re.compile(r"^=+( =+)+$", re.MULTILINE)


@dataclass(frozen=True)
class Argument:
    """An argument as its docstring describes it, with the default that the code has."""

    name: str
    type: str
    meaning: str
    default: Any = REQUIRED

    @property
    def given(self) -> str:
        """Its default in words: "required", "optional" for None, or the value as Python writes it."""
        if self.default is REQUIRED:
            return "required"
        return "optional" if self.default is None else repr(self.default)


@dataclass(frozen=True)
class Entry:
    """What is known of a name of one kind.

    Attributes
    ----------
    kind, name, summary : str
        What it is, in one word, its name, and one line.
    text : str
        Paragraphs.
    arguments : tuple of Argument
        What it takes.
    returns : tuple of Documented
        What it gives, with shapes.
    facts : tuple of (str, str)
        What was found out of the code itself: label and value.
    references, examples : str
        Sources, one or more lines; Python of a prompt.
    place : str
        Module and name in the code; for a spec the file.
    """

    kind: str
    name: str
    summary: str
    text: str = ""
    arguments: tuple[Argument, ...] = ()
    returns: tuple[Documented, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    references: str = ""
    examples: str = ""
    place: str = ""

    def as_text(self) -> str:
        """Lay the entry out for a terminal, at most 100 characters wide where nothing is longer by itself."""
        parts = [f"{self.name} ({self.kind})"]
        parts += [_wrapped(self.summary)] if self.summary else []
        parts += [_paragraph(part) for part in self.text.split("\n\n") if part]
        if self.arguments:
            parts.append("Arguments\n" + "\n".join(map(_argument_text, self.arguments)))
        if self.returns:
            parts.append("Returns\n" + "\n".join(map(_returned_text, self.returns)))
        if self.facts:
            parts.append("\n".join(_fact_text(label, value) for label, value in self.facts))
        if self.references:
            parts.append("Source\n" + _indented(self.references))
        if self.examples:
            parts.append("Example\n" + textwrap.indent(self.examples, "  "))
        if self.place:
            parts.append(f"Code: {self.place}")
        return "\n\n".join(parts)

    def as_markdown(self) -> str:
        """Lay the entry out for a notebook."""
        parts = [f"### `{self.name}` ({self.kind})"]
        parts += [f"**{self.summary}**"] if self.summary else []
        parts += [
            f"```text\n{part}\n```" if _kept(part) else part for part in self.text.split("\n\n") if part
        ]
        if self.arguments:
            head = "| argument | type | default | meaning |\n|---|---|---|---|\n"
            rows = [(f"`{a.name}`", a.type, _code(a), a.meaning) for a in self.arguments]
            parts.append(head + "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows))
        for each in self.returns:
            parts.append(
                f"**Returns** {_cell(': '.join(part for part in (each.type, each.meaning) if part))}"
            )
        if self.facts:
            parts.append("\n".join(f"- **{label}**: {value}" for label, value in self.facts))
        if self.references:
            parts.append(f"**Source** {self.references}")
        if self.examples:
            parts.append(f"```python\n{self.examples}\n```")
        if self.place:
            parts.append(f"Code: `{self.place}`")
        return "\n\n".join(parts)


@dataclass(frozen=True)
class HelpPage:
    """What `tsdeep.help` gives: it shows itself at a prompt and in a notebook; `print` it in a script.

    Attributes
    ----------
    entries : tuple of Entry
        One a kind of thing that has the name.
    """

    entries: tuple[Entry, ...]

    def __str__(self) -> str:
        return "\n\n\n".join(entry.as_text() for entry in self.entries)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return "\n\n---\n\n".join(entry.as_markdown() for entry in self.entries)


def _kept(part: str) -> bool:
    """Whether a paragraph's lines mean something as they stand: a table, a list, a formula set in."""
    return bool(_TABLE.search(part)) or any(
        line.startswith((" ", "- ", ">>> ")) for line in part.splitlines()
    )


def _paragraph(part: str) -> str:
    return part if _kept(part) else _wrapped(" ".join(part.split()))


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indented(text: str, indent: str = "  ") -> str:
    """Wrap each paragraph, and set it in."""
    return "\n".join(_wrapped(" ".join(part.split()), indent) for part in text.split("\n\n"))


def _argument_text(argument: Argument) -> str:
    kind = f" : {argument.type}" if argument.type else ""
    given = argument.given
    default = f", {given}" if given in ("required", "optional") else f" = {given}"
    meaning = "\n" + _indented(argument.meaning, "      ") if argument.meaning else ""
    return f"  {argument.name}{kind}{default}{meaning}"


def _returned_text(returned: Documented) -> str:
    meaning = "\n" + _indented(returned.meaning, "      ") if returned.meaning else ""
    return f"  {' : '.join(part for part in (returned.name, returned.type) if part)}{meaning}"


def _fact_text(label: str, value: str) -> str:
    return textwrap.fill(
        f"{label}: {value}", WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _code(argument: Argument) -> str:
    given = argument.given
    return given if given in ("required", "optional") else f"`{given}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
