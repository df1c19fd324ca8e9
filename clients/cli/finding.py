"""What one check of the doctor found, and the command that mends it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's list. `fix` is a command or a sentence; empty when there is nothing to mend."""

    check: str
    verdict: Verdict
    what: str
    fix: str = ""


def fine(check: str, what: str) -> Finding:
    """As it should be."""
    return Finding(check, Verdict.OK, what)


def warning(check: str, what: str, fix: str) -> Finding:
    """It works, but not well."""
    return Finding(check, Verdict.WARNING, what, fix)


def broken(check: str, what: str, fix: str) -> Finding:
    """It will not work."""
    return Finding(check, Verdict.BROKEN, what, fix)
