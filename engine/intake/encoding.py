"""Which encoding a card file is in: UTF-8, else GB18030 (all of GBK and GB2312), or what its byte order mark says.

Strict throughout: a replaced character in a code is a dead card. Statistics are not consulted, since
card files are short and mostly ASCII; a file that is valid UTF-8 is UTF-8.
"""

import codecs
from collections.abc import Iterable

from engine.intake.refusals import CardFileRefused
from engine.limits import card_line_bytes_max

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNMARKED = ("utf-8", "gb18030")


def find_encoding(pieces: Iterable[bytes]) -> str:
    """The encoding in which all of the file, given in pieces, can be read: a name that Python knows.

    Pieces are of any size, the first at least three bytes if the file has them.
    Raises CardFileRefused when there is none, or when the bytes are no text.
    """
    decoders: dict[str, codecs.IncrementalDecoder] | None = None
    for piece in pieces:
        if decoders is None:
            decoders = {name: codecs.getincrementaldecoder(name)() for name in _candidates(piece)}
        if "utf-16" not in decoders:
            _refuse_what_is_no_text(piece)
        _feed(decoders, piece, final=False)
    if decoders is None:
        raise CardFileRefused("the file is empty")
    _feed(decoders, b"", final=True)
    return next(iter(decoders))


def _candidates(start: bytes) -> tuple[str, ...]:
    return next(((name,) for mark, name in _MARKS if start.startswith(mark)), _UNMARKED)


def _feed(decoders: dict[str, codecs.IncrementalDecoder], piece: bytes, *, final: bool) -> None:
    for name, decoder in list(decoders.items()):
        try:
            decoder.decode(piece, final)
        except UnicodeDecodeError:
            del decoders[name]
            if not decoders:
                raise CardFileRefused(
                    "the file is in neither UTF-8 nor GBK (GB18030), or was cut short: save it again as UTF-8"
                ) from None


def _refuse_what_is_no_text(piece: bytes) -> None:
    if b"\0" in piece:
        raise CardFileRefused("the file holds zero bytes, so it is no text: save it again as UTF-8 (.txt or .csv)")
    if len(piece) >= card_line_bytes_max and b"\n" not in piece and b"\r" not in piece:
        raise CardFileRefused("the file has a line of more than 1 MB, so it is no list of cards")
