"""Doubts about a card file, in words: what could be meant otherwise, and the option that says what is meant.

A column that was not seen costs money: a header sold as a card, a card without its PIN, one that ends unnoticed.
"""

# ruff: noqa: PLC0415 - help and completion must not wait for the reader of card files

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clients.cli.failing import CommandFailed, wrong_usage

if TYPE_CHECKING:
    from clients.cli.reading import Looked


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One warning. One that `stops` is an import's end until somebody consents to it."""

    what: str
    do: str
    stops: bool


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What was typed to say that the file is meant as it is read."""

    ignored_columns: tuple[str, ...]
    no_header: bool


def doubts_about(looked: "Looked", consent: Consent) -> list[Doubt]:
    """All doubts, in the order in which one would mend them. Raises CommandFailed for a column the file has not."""
    stream = looked.stream
    names = [name for name, _ in stream.columns.titles]
    for name in consent.ignored_columns:
        if name not in names:
            raise wrong_usage(f"The file has no column {name!r}.", f"It has {', '.join(names)}.")
    found: list[Doubt] = [] if stream.columns.has_header or consent.no_header else _of_the_first_line(looked)
    for _, name, looks_like in stream.doubts.unread:
        if name not in consent.ignored_columns:
            found.append(
                Doubt(
                    what=f"The column {name} is not read, and looks like {looks_like}.",
                    do="Rename it to what it holds (expires, pin, number …), "
                    f"or say --ignore-column {shlex.quote(name)}.",
                    stops=True,
                )
            )
    return found


def require_consent(doubts: Sequence[Doubt]) -> None:
    """Raises CommandFailed for the first doubt that stops an import."""
    stopping = [doubt for doubt in doubts if doubt.stops]
    if stopping:
        raise CommandFailed(
            what="Nothing was imported. " + " ".join(doubt.what for doubt in stopping),
            do="\n".join(doubt.do for doubt in stopping),
            reason="FILE_IN_DOUBT",
        )


def _of_the_first_line(looked: "Looked") -> list[Doubt]:
    from engine.intake import Kind

    stream = looked.stream
    line_no = stream.doubts.first_line_no
    if line_no is not None:
        return [
            Doubt(
                what=f"No header is recognised: line {line_no} counts as a card, though it reads like column names.",
                do="Name the columns in it, for example number, pin, expires; or say --no-header if it is a card.",
                stops=True,
            )
        ]
    if stream.kind is Kind.TXT and len(stream.columns.code) == 1:
        return []  # one code a line, as most lists are: "header none" in the preview says enough
    return [
        Doubt(
            what="No header is recognised: line 1 counts as a card.",
            do="If it is none, name the columns in it, for example number, pin, expires.",
            stops=False,
        )
    ]
