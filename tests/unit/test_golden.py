"""Bytes that an earlier version wrote are read for ever: a pool in which nearly everything happened, before prices."""

from base64 import b64decode
from pathlib import Path

from engine.money import Money
from engine.stock.codec import read_record
from engine.stock.events import CardsHeld, HoldConfirmed
from engine.stock.pool import Pool
from engine.stock.snapshot import dump, load
from engine.stock.terms import HeldQuotas
from tests.unit.desk import NAME
from tests.unit.test_snapshot import lived_in

_GOLDEN = Path(__file__).parent / "golden"


def _written(kind: str) -> bytes:
    return b64decode((_GOLDEN / f"pool_before_prices.{kind}.b64").read_text())


def _replayed() -> Pool:
    pool = Pool(NAME)
    for event in read_record(_written("journal")).events:
        pool.apply(event)
    return pool


def test_an_old_journal_and_an_old_snapshot_are_the_same_pool() -> None:
    """What stands in for the events is what they make, to the byte as it is written today."""
    replayed, loaded = _replayed(), Pool(NAME, load(NAME, _written("snapshot")))
    loaded.check()
    assert dump(loaded.state) == dump(replayed.state)
    assert repr(loaded) == repr(replayed)


def test_an_old_pool_is_what_it_was() -> None:
    """Its terms, cards and holds, from the story that `lived_in` tells; and it has no prices, as it never had."""
    state = load(NAME, _written("snapshot"))
    assert (state.terms.price, state.terms.quotas) == (Money(500, "CNY"), HeldQuotas(user=4))
    assert state.terms.warn_days == (30, 14, 7, 1)
    assert [batch.landed for batch in state.batches.values()] == [Money(100, "CNY"), None]
    assert [batch.view(0).received for batch in state.batches.values()] == [9, 3]
    assert state.prices is None
    assert dict(state.ladder.told) == {}
    assert {hold.channel for hold in (*state.holds.active.values(), *state.holds.ended.values())} == {""}


def test_an_old_event_has_the_channel_that_there_was() -> None:
    """None; and the price of a sale stands with its hold's beginning, as it did."""
    events = read_record(_written("journal")).events
    assert {event.command.channel for event in events if isinstance(event, CardsHeld)} == {""}
    assert {(event.price, event.channel) for event in events if isinstance(event, HoldConfirmed)} == {(None, "")}
    assert {event.price for event in events if isinstance(event, CardsHeld)} == {Money(500, "CNY")}


def test_an_old_pool_goes_on_as_a_new_one_would() -> None:
    """The same command to both, an hour later."""
    old, new = Pool(NAME, load(NAME, _written("snapshot"))), lived_in()
    assert old.sweep(new.now_ms + 3_600_000, 100) == new.pool.sweep(new.now_ms + 3_600_000, 100)
