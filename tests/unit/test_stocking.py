"""Batches arrive: the corners that no story tells (engine.stock.stocking, alone)."""

from typing import Any

from engine.money import Money
from engine.names import BatchNo
from engine.stock.commands import Configure, OpenBatch, Receive
from engine.stock.outcomes import Reason, Refused
from engine.stock.terms import Terms
from tests.unit.desk import MINUTE_MS, NOW_MS, Desk, card, reason

_CHUNK = Receive(BatchNo(1), 0, 0, ((1, NOW_MS + 9), (1, None), (1, NOW_MS + 9)), (b"p",) * 3, (b"c",) * 3)


def test_the_data_key_goes_to_the_store_once_and_never_into_the_journal() -> None:
    """Beside the first record of the batch; a resumed import keeps the key it has."""
    desk = Desk()
    first = desk.step(OpenBatch("r1", "i", "acme", "ann", None, None, b"first key"))
    resumed = desk.step(OpenBatch("r2", "i", "acme", "ann", None, None, b"other key"))
    again = desk.step(OpenBatch("r1", "i", "acme", "ann", None, None, b"third key"))
    assert any(b"first key" in fields.values() for fields in first.attachments.values())
    assert (resumed.attachments, again.attachments) == ({}, {})
    assert again.replayed, "the data key is made by the owner, not by the caller: it is no part of the request"
    assert "key" not in repr(desk.happened).replace("data_key=b''", "")


def test_a_chunk_brings_its_sealed_codes_to_the_store_once() -> None:
    """In the same step as its event; a chunk that came before brings nothing."""
    desk = Desk()
    desk.ask(OpenBatch("r1", "i", "acme", "ann", None, None, b"key"))
    assert desk.step(_CHUNK).attachments
    assert not desk.step(_CHUNK).attachments


def test_cards_of_one_chunk_may_expire_at_different_moments() -> None:
    """Each card keeps its own expiry, and equal ones share a lot."""
    desk = Desk()
    desk.ask(OpenBatch("r1", "i", "acme", "ann", None, None, b"key"))
    desk.ask(_CHUNK)
    assert len(desk.pool.state.batches[BatchNo(1)].lots) == 2
    held = desk.allocate(3)
    assert held.view.cards == (card(0), card(2), card(1))
    assert held.cards_expire_at_ms == (NOW_MS + 9, NOW_MS + 9, None)
    desk.release()
    assert desk.allocate(1, life_ms_min=9).view.cards == (card(1),)


def test_a_sku_is_made_once() -> None:
    """Making it again is refused; setting its terms is not."""
    desk = Desk()
    assert desk.ask(Configure("r1", Terms(title="Steam"), creates=True)).terms.revision == 1
    assert reason(desk.ask(Configure("r2", Terms(title="Other"), creates=True))) == Reason.SKU_EXISTS
    assert desk.ask(Configure("r3", Terms(title="Other"))).terms == Terms(title="Other", revision=2)


def test_a_usual_time_beyond_the_longest_is_refused() -> None:
    """Each Allocate without a time would be refused otherwise."""
    desk = Desk()
    terms = Terms(hold_for_ms=2 * MINUTE_MS, hold_for_ms_max=MINUTE_MS)
    assert reason(desk.ask(Configure("r1", terms))) == Reason.INVALID_DURATION
    assert reason(desk.ask(Configure("r2", terms, fields=("hold_for_ms",)))) == "Configured"
    assert reason(desk.ask(Configure("r3", terms, fields=("title",)))) == "Configured"


def test_the_first_cost_decides_the_currency_of_all() -> None:
    """Costs of one SKU are compared with each other, so they must be comparable."""
    desk = Desk()
    desk.receive(1)
    desk.receive(1, cost=Money(5, "CNY"))
    assert desk.pool.state.terms.cost_currency == "CNY"
    assert reason(desk.ask(OpenBatch("r", "i", "acme", "ann", Money(5, "USD"), None, b""))) == (
        Reason.COST_CURRENCY_MISMATCH
    )


def test_batches_bought_in_different_currencies_compare_by_what_they_landed_at() -> None:
    """Two dollars that landed at 14 yuan come before 15 yuan; without a landed cost a dollar is no yuan."""
    desk = Desk()

    def opened(import_id: str, cost: Money, landed: Money | None) -> Any:
        return desk.ask(OpenBatch(desk.request_id(), import_id, "acme", "ann", cost, None, b"key", landed))

    for batch, (cost, landed) in enumerate([(Money(15, "CNY"), None), (Money(2, "USD"), Money(14, "CNY"))], start=1):
        view = opened(f"import-{batch}", cost, landed).view
        assert (view.unit_cost, view.landed) == (cost, landed or cost)
        desk.ask(Receive(BatchNo(batch), 0, 0, ((1, None),), (b"p",), (b"c",)))
    assert desk.allocate().cards == (card(0, 2),)
    refused = opened("import-3", Money(2, "USD"), None)
    assert refused == Refused(Reason.COST_CURRENCY_MISMATCH, (("expected", "CNY"),))
