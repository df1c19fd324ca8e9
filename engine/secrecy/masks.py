"""How a code is shown to people who may not read it.

A mask never shows more than four characters nor more than a quarter of the code, and always the same
number of stars, so that it does not tell the length either. Whoever may read the code opens it.
"""

SEPARATOR = "----"
"""Stands between account and password, or card number and secret, in one code."""

_STARS = "****"
_SHOWN_CHARS_MAX = 4
_SHOWN_SHARE = 4


def mask(code: str) -> str:
    """A code as it may be shown: `****WXYZ`, or `****r001----****` for account and password.

    Of a code in two parts or more only the first shows its end: that is the name staff look
    for, and what follows is the secret. Characters that do not print become `?`.
    """
    first, *secrets = code.split(SEPARATOR)
    return SEPARATOR.join([_mask_part(first), *(_STARS for _ in secrets)])


def _mask_part(part: str) -> str:
    shown = min(_SHOWN_CHARS_MAX, len(part) // _SHOWN_SHARE)
    end = part[len(part) - shown :]
    return _STARS + "".join(character if character.isprintable() else "?" for character in end)
