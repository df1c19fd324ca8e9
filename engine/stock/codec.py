"""Commands, outcomes, events and answers ↔ bytes: the numbers of things. How they are packed, framing.py says.

The numbers are for ever: a journal outlives a version.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_args

from engine.framing import Family, Reader, Readers, pack, pack_frame, read_frame, read_tagged, unpack
from engine.stock import commands as ask
from engine.stock import events
from engine.stock import outcomes as said
from engine.stock.hold import HoldRecord
from engine.stock.memory import Answer
from engine.stock.prices import PricesRecord

COMMANDS: Family = {
    1: ask.Allocate,
    2: ask.Confirm,
    3: ask.Release,
    4: ask.Extend,
    5: ask.OpenBatch,
    6: ask.Receive,
    7: ask.CloseBatch,
    8: ask.Withdraw,
    9: ask.Replace,
    10: ask.Configure,
    11: ask.Forget,
    16: ask.SetPrices,
    17: ask.SetPriceRule,
    18: ask.Review,
    19: ask.DecideSuggestion,
    20: ask.ProposeClearance,
    21: ask.AcceptClearance,
    22: ask.EndClearance,
    15: ask.Wait,
    32: ask.GetHold,
    33: ask.GetShelf,
    34: ask.ListBatches,
    35: ask.ListSold,
    36: ask.Audit,
    48: ask.GetPrices,
    49: ask.ListExpiring,
    50: ask.ListPriceChanges,
    51: ask.GetAgeing,
    37: ask.GetAvailable,
}
OUTCOMES: Family = {
    0: said.Refused,
    1: said.Held,
    2: said.Confirmed,
    3: said.Released,
    4: said.Extended,
    5: said.ImportReady,
    6: said.Received,
    7: said.ImportWhole,
    8: said.Withdrawn,
    9: said.Replaced,
    10: said.Configured,
    11: said.Forgot,
    16: said.PricesNow,
    17: said.Reviewed,
    18: said.ClearanceFound,
    32: said.HoldFound,
    33: said.Shelf,
    34: said.Batches,
    35: said.Sold,
    36: said.Audited,
    48: said.Expiring,
    49: said.PriceChanges,
    50: said.Ageing,
    37: said.Available,
}
EVENTS: Family = {
    1: events.CardsHeld,
    2: events.HoldConfirmed,
    3: events.HoldReleased,
    4: events.HoldExpired,
    5: events.HoldExtended,
    6: events.HoldRecalled,
    7: events.RefundRaised,
    8: events.BatchOpened,
    9: events.CardsReceived,
    10: events.BatchClosed,
    11: events.CardsWithdrawn,
    12: events.CardReplaced,
    13: events.TermsSet,
    14: events.Answered,
    15: events.Forgotten,
    32: events.PricesSet,
    33: events.PriceRuleSet,
    34: events.PriceSuggested,
    35: events.SuggestionDropped,
    36: events.SuggestionDecided,
    37: events.Repriced,
    38: events.ExpiryWarned,
    39: events.ClearanceProposed,
    40: events.ClearanceAccepted,
    41: events.ClearanceStepped,
    42: events.ClearanceEnded,
}


class Record(NamedTuple):
    """One journal record, read back. `first_seq` is the seq of its first event."""

    epoch: int
    first_seq: int
    events: Sequence[events.Event]


def plain(thing: ask.Command | said.Outcome | events.Event) -> tuple[int, Any]:
    """A command, outcome or event as (number, fields), ready for `pack`."""
    if type(thing) is events.Answered:
        return _NUMBERS[events.Answered], (thing.at_ms, plain(thing.command), plain(thing.outcome))
    return _NUMBERS[type(thing)], thing


def read_command(fields: Any) -> ask.Command:
    """A command from its plain form."""
    command: ask.Command = read_tagged(_COMMAND_READERS, fields)
    return command


def read_commands(items: Sequence[tuple[int, int, Any]]) -> list[tuple[int, ask.Command]]:
    """Commands with their deadlines, from (deadline_ms, number, fields). An unknown number is a LookupError."""
    readers: Any = _COMMAND_READERS
    return [(deadline_ms, readers[number](fields)) for deadline_ms, number, fields in items]


def read_outcome(fields: Any) -> said.Outcome:
    """An outcome from its plain form."""
    outcome: said.Outcome = read_tagged(_OUTCOME_READERS, fields)
    return outcome


def read_event(fields: Any) -> events.Event:
    """An event from its plain form."""
    event: events.Event = read_tagged(_EVENT_READERS, fields)
    return event


def pack_record(epoch: int, first_seq: int, happened: Sequence[events.Event]) -> bytes:
    """A journal record of these events, which get the seqs from `first_seq` on."""
    return pack_frame(epoch, first_seq, [plain(event) for event in happened])


def read_record(record: bytes) -> Record:
    """A journal record. Raises InvariantBroken when length or checksum are not what was written."""
    epoch, first_seq, happened = read_frame(record)
    return Record(epoch, first_seq, [read_tagged(_EVENT_READERS, fields) for fields in happened])


def pack_answer(answer: Answer) -> bytes:
    """An answer for the archive."""
    return pack(plain(answer))


def read_answer(fields: Any) -> Answer:
    """An answer from its plain form."""
    answer: Answer = read_tagged(_ANSWER_READERS, fields)
    return answer


def read_archived(key: str, value: bytes) -> Any:
    """An archive entry by the kind its key names: an Answer, a HoldRecord, or a hold's number."""
    fields = unpack(value)
    match key.partition("/")[0]:
        case "request":
            return read_answer(fields)
        case "hold":
            return READ_HOLD(fields)
    return fields


def _once_a_text(now: Reader) -> Reader:
    """A refund due was only a payment_ref once."""
    return lambda value: said.RefundDue(value) if isinstance(value, str) else now(value)


_NUMBERS: Mapping[type, int] = {
    kind: number for family in (COMMANDS, OUTCOMES, EVENTS) for number, kind in family.items()
}
_READERS = Readers((COMMANDS, OUTCOMES), {said.RefundDue: _once_a_text})
_COMMAND_READERS = _READERS.family(COMMANDS)
_OUTCOME_READERS = _READERS.family(OUTCOMES)
_EVENT_READERS = _READERS.family(EVENTS)
_ANSWER_READERS = {_NUMBERS[kind]: _EVENT_READERS[_NUMBERS[kind]] for kind in get_args(Answer)}
READ_HOLD = _READERS.named_tuple(HoldRecord)
READ_PRICES = _READERS.named_tuple(PricesRecord)
