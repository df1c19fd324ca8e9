"""Page tokens: where the last page ended, and of which listing. Opaque to callers, and nothing in them is secret."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import NamedTuple

from actors.front.refusals import Refusal
from engine import limits
from engine.names import SERIAL_MAX

#: Rows of a page when the caller does not say.
rows_usual = 100

_MARK_BYTES = 6

#: Digits of the largest row number, a serial of 32 bits.
_DIGITS_MAX = 10


class Page(NamedTuple):
    """At most `rows` rows after the one named `after`; empty means from the first."""

    listing: str
    rows: int
    after: str

    def token_after(self, last: str) -> str:
        """The token of the page that follows the row `last`."""
        return urlsafe_b64encode(_mark(self.listing, last) + last.encode()).decode().rstrip("=")


def page(listing: str, page_size: int, page_token: str) -> Page:
    """A page of `listing`, which is the method and what else the caller must repeat from page to page."""
    if page_size < 0:
        raise Refusal("INVALID_FIELD", {"field": "page_size"}, "page_size is 0 for the usual, or how many rows.")
    after = _read(listing, page_token) if page_token else ""
    return Page(listing, min(page_size or rows_usual, limits.page_rows_max), after)


def page_by_number(listing: str, page_size: int, page_token: str) -> tuple[Page, int]:
    """The same for rows that have numbers: the page, and the number of the last row shown (-1 for none)."""
    asked = page(listing, page_size, page_token)
    if not asked.after:
        return asked, -1
    if (
        not (asked.after.isascii() and asked.after.isdigit())
        or len(asked.after) > _DIGITS_MAX
        or int(asked.after) > SERIAL_MAX
    ):
        raise Refusal("BAD_PAGE_TOKEN")
    return asked, int(asked.after)


def _mark(listing: str, last: str) -> bytes:
    return sha256(f"{listing}\n{last}".encode()).digest()[:_MARK_BYTES]


def _read(listing: str, token: str) -> str:
    try:
        decoded = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        after = decoded[_MARK_BYTES:].decode()
    except ValueError:
        raise Refusal("BAD_PAGE_TOKEN") from None
    if decoded[:_MARK_BYTES] != _mark(listing, after):
        raise Refusal("BAD_PAGE_TOKEN")
    return after
