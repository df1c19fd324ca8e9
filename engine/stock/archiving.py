"""What the archive must hold before memory may forget it: the counterpart of forgetting.py.

The archivist asks here, makes it durable, and only then sends `Forget` with the same moment. Between
the two nothing older than that moment can appear, because time never steps back inside a pool. Asking
again for what the archive already has writes the same again: harmless.
"""

from typing import NamedTuple

from engine.framing import pack
from engine.stock.codec import pack_answer
from engine.stock.hold import Hold
from engine.stock.outcomes import HoldState
from engine.stock.state import State


class ToArchive(NamedTuple):
    """Archive entries by key. `answers` are kept for `limits.answers_keep_ms`, `records` for ever."""

    answers: dict[str, bytes]
    records: dict[str, bytes]


def to_archive(state: State, before_ms: int) -> ToArchive:
    """Everything that `Forget(before_ms)` would drop, as `codec.read_archived` reads it.

    `request/<id>` is an answer, `hold/<no>` an ended hold; `order/<ref>`, `payment/<ref>` and
    `card/<card>` (sold or replaced) name the hold they belong to. Bound one step's work with
    `forgetting.reach_ms`.
    """
    answers: dict[str, bytes] = {}
    for request_id, answer in state.memory.answers.items():
        if answer.at_ms >= before_ms:
            break
        answers["request/" + request_id] = pack_answer(answer)
    records: dict[str, bytes] = {}
    for hold in state.holds.ended.values():
        if hold.touched_at_ms >= before_ms:
            break
        records.update(_of_hold(hold))
    return ToArchive(answers, records)


def _of_hold(hold: Hold) -> dict[str, bytes]:
    number = pack(hold.hold)
    records = {f"hold/{hold.hold}": pack(hold.record())}
    if hold.order_ref:
        records["order/" + hold.order_ref] = number
    records.update(("payment/" + payment_ref, number) for payment_ref in hold.payment_refs())
    if hold.state is HoldState.CONFIRMED:
        bad = (card for card, _ in hold.replaced)
        records.update((f"card/{card}", number) for card in (*hold.cards, *bad))
    return records
