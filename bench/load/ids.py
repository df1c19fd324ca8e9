"""Request ids: true UUIDv7s (RFC 9562, section 5.7) whose first 32 characters are the call's, the last 4 the item's.

    tttttttt-tttt-7rrr-vrrr-cccccccciiii     time, random bits of this process, call, item

A house treats a UUIDv7 by its age, so the time is that of the call. What in a library's id would be chance is here a
number no process of a run shares, and a count: ids differ for certain, and a whole batch is patched with one `join`.
"""

#: Characters of an id that all items of a call share.
CALL_CHARS = 32

_MS_NS = 1_000_000


class Ids:
    """The ids of one process. `process` is 26 bits that no other process has."""

    def __init__(self, process: int) -> None:
        self._high = process >> 14 & 0xFFF
        self._low = 0x8000 | process & 0x3FFF
        self._calls = 0
        self._unix_ms = -1
        self._stamp = b""

    def at(self, unix_ns: int) -> None:
        """It is now this time."""
        unix_ms = unix_ns // _MS_NS
        if unix_ms != self._unix_ms:
            self._unix_ms = unix_ms
            high, low = unix_ms >> 16, unix_ms & 0xFFFF
            self._stamp = b"%08x-%04x-7%03x-%04x-" % (high, low, self._high, self._low)

    def take(self) -> bytes:
        """The next call's."""
        self._calls += 1
        return b"%b%08x" % (self._stamp, self._calls & 0xFFFF_FFFF)


def item_chars(item: int) -> bytes:
    """The last characters of the id of an item."""
    return b"%04x" % item
