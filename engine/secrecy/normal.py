"""The normal form of a code, under which two codes count as the same card.

Both mistakes cost money. Too little, and one card bought twice, once typed with full-width letters, is
stock twice. Too much, and a good card is turned away as a duplicate of another. So only that
goes which cannot be part of a code a buyer can type:

- white space at both ends, and characters nobody sees (zero-width, soft hyphen, byte order mark),
  which chats and web pages add when text is copied;
- the difference between a character and its compatibility forms (Unicode NFKC): `Ａ１` typed with a
  Chinese input method is `A1`.

What stays, although other systems drop it: **case**, because base-62 codes and passwords differ by it
alone; **inner hyphens and spaces**, because `a----b-c` and `a----bc` are two passwords; look-alikes
(`O` and `0`), because both occur. A card that arrives once as `ABCD-EFGH` and once as `ABCDEFGH` is
thus taken for two; its supplier writes it one way, and the provider refuses the second use.
"""

import re
import unicodedata

from engine import limits

#: Unicode's control characters (category Cc) but the tabulator.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")

_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))


def normal_code(code: str) -> str:
    """The form under which codes are compared and fingerprinted; never the form that is delivered."""
    if code.isascii():
        return code.strip()
    return unicodedata.normalize("NFKC", code.translate(_UNSEEN)).strip()


def code_fault(code: str) -> str:
    """Why a text can be no card's code: the word of an import's refusal; empty when it can."""
    if not normal_code(code):
        return "EMPTY_CODE"
    if len(code) > limits.code_chars_max:
        return "CODE_TOO_LONG"
    return "CODE_NOT_TEXT" if _CONTROL.search(code) else ""
