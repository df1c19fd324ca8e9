"""Duplicates within one file, found without keeping plain codes."""

from hashlib import blake2b

from engine.intake.refusals import Reason, RefusedLine
from engine.intake.rows import Row
from engine.secrecy.normal import normal_code

_DIGEST_BYTES = 16


class FirstLines:
    """Where each code of a file stood first: a 16-byte digest and a line number per code, about 150 bytes.

    The digests have no key, so they are as secret as the file itself: they live while it is read,
    and are neither shown nor stored. Stock is compared by the vault's keyed fingerprints.
    """

    def __init__(self) -> None:
        self._lines: dict[bytes, int] = {}

    def refuse_again(self, row: Row) -> Row | RefusedLine:
        """The row when its code is new to the file, else a refusal that names the first line."""
        digest = blake2b(normal_code(row.code).encode(), digest_size=_DIGEST_BYTES).digest()
        first_line_no = self._lines.setdefault(digest, row.line_no)
        if first_line_no == row.line_no:
            return row
        text = f"The same code stands on line {first_line_no}."
        return RefusedLine(row.line_no, Reason.DUPLICATE_IN_FILE, text, first_line_no)
