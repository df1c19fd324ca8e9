"""Codes that must turn up nowhere but with their buyer, and the search for them in every dress a leak could wear."""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

#: Codes of several shapes: a gift card, account and password, Chinese, a long token, one with quotes and slashes.
CANARIES = (
    "CANARY-7F3K-Q9ZL-28XW",
    "canary.bird@example.com----Pa55word-Canary",
    "金丝雀密码-8842-金丝雀",
    "canaryTOKEN" + "0123456789abcdef" * 8,
    'canary\\"quoted/and\\slashed"\\7781',
)

#: A plain search must not be beaten by a file's line length or a packet's edge; nor find a mask's four characters.
_SHORTEST_CUT = 12


def disguises(code: str) -> Mapping[str, bytes]:
    """The code as a leak could carry it."""
    plain = code.encode()
    shown: dict[str, bytes] = {
        "plain": plain,
        "reversed": code[::-1].encode(),
        "utf-16 little": code.encode("utf-16-le"),
        "utf-16 big": code.encode("utf-16-be"),
        "hex": plain.hex().encode(),
        "hex capitals": plain.hex().upper().encode(),
        "python": ascii(code)[1:-1].encode(),
        "first half": plain[: max(_SHORTEST_CUT, len(plain) // 2)],
        "second half": plain[-max(_SHORTEST_CUT, len(plain) // 2) :],
    }
    for name, encode in (("base64", base64.b64encode), ("base64 url", base64.urlsafe_b64encode)):
        for shift in range(3):
            # What stands before decides where groups of three begin: the edges vary with it, the middle does not.
            shown[f"{name} at {shift}"] = encode(b"\0" * shift + plain)[4 : 4 * ((shift + len(plain)) // 3)]
    return shown


def leaks(places: Iterable[tuple[str, bytes]]) -> list[str]:
    """Where which canary was found in which dress."""
    sought = [(code, dress, bytes_) for code in CANARIES for dress, bytes_ in disguises(code).items()]
    return [
        f"{code[:6]}… ({dress}) in {name}"
        for name, content in places
        for code, dress, bytes_ in sought
        if bytes_ in content
    ]


def files_below(*folders: Path) -> Iterable[tuple[str, bytes]]:
    """Every readable file with its content."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield str(path), path.read_bytes()
