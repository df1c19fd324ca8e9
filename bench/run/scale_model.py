"""What a call should cost on several machines, by the table of docs/scale.md, for whoever measures what it does."""

#: CPU of all processes of the house for one Allocate under load, microseconds: decided where it was read; read by
#: another process; and TLS beside that, when the other process is on another machine.
DECIDED_WHERE_READ_US = 52.0
READ_ELSEWHERE_US = 80.0
TLS_US = 6.0


def call_us(share_sent_on: float) -> float:
    """CPU of one Allocate of which this share (0 to 1) goes on to another machine, microseconds."""
    return (1 - share_sent_on) * DECIDED_WHERE_READ_US + share_sent_on * (READ_ELSEWHERE_US + TLS_US)
