"""When a purchase is late, and whether others are asked while it goes on.

    late after 2 × the 95th percentile of its supplier's last successes; 100 ms at least,
    2 s while fewer than 5 of them are known; one that the supplier has accepted, after 15 s

A late purchase is no longer counted on, as one in doubt is not: so the shelf is filled by others, and what comes after
all is too much by what was late. Only codes are hedged, for they keep; an account that is topped up twice is a loss.
Passed over are, together, no more units of a SKU than its high-water mark, nor more than eight purchases; whoever
hangs then is waited for.
"""

from engine.supply.attempts import Kind
from engine.supply.routing import Record

late_factor = 2.0
late_after_ms_min = 100.0
late_unknown_ms = 2_000.0
successes_min = 5
accepted_late_ms = 15_000
late_purchases_max = 8


def late_after_ms(record: Record) -> float:
    """How long a desk may take to answer before a purchase is late; see the formula."""
    if record.successes < successes_min:
        return late_unknown_ms
    return max(late_after_ms_min, late_factor * record.latency_usual_ms)


def may_pass_over(kind: Kind, units: int, late: tuple[int, int], high: int) -> bool:
    """Whether others are asked in place of a late purchase of so many units.

    `late` is how many purchases of its SKU are passed over already, and their units; `high` its high-water mark.
    """
    late_purchases, late_units = late
    return kind is Kind.CODES and late_purchases < late_purchases_max and late_units + units <= high
