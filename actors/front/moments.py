"""Moments as callers write them: which Timestamps are any, and in milliseconds."""

from google.protobuf.timestamp_pb2 import Timestamp

#: Seconds since 1970 of the years 1 and 9999, which bound a Timestamp.
_FIRST_S, _LAST_S = -62_135_596_800, 253_402_300_799
_NANOS = 1_000_000_000


def is_moment(moment: Timestamp) -> bool:
    """Whether a Timestamp is one: see google/protobuf/timestamp.proto."""
    return _FIRST_S <= moment.seconds <= _LAST_S and 0 <= moment.nanos < _NANOS


def whole_ms(moment: Timestamp) -> int:
    """Milliseconds since 1970, rounded down."""
    return moment.seconds * 1000 + moment.nanos // 1_000_000
