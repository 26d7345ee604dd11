"""What an audit finds."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from tsdeep.errors import TsdeepError


class LookAheadError(TsdeepError):
    """Something that must not depend on later rows does; the message lists what."""


@dataclass(frozen=True)
class Finding:
    """One check of one subject.

    Parameters
    ----------
    check : str
        What was checked, such as `"rows after t"`.
    subject : str
        The feature, scaler, fold or model.
    ok : bool
        Whether nothing moved.
    detail : str
        What moved, and where; empty where nothing did.
    """

    check: str
    subject: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Parameters
    ----------
    findings : tuple of Finding
        One for each check and subject.
    """

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(finding.ok for finding in self.findings)

    @property
    def table(self) -> pd.DataFrame:
        """A row a finding: check, subject, ok, detail."""
        return pd.DataFrame(
            [vars(finding) for finding in self.findings], columns=["check", "subject", "ok", "detail"]
        )

    def raise_if_failed(self) -> None:
        """Raise LookAheadError that lists every failed check."""
        failed = [f"{f.subject}: {f.check}: {f.detail}" for f in self.findings if not f.ok]
        if failed:
            raise LookAheadError("\n".join(failed))
