"""What every store of sealed codes promises: each card's own code and key, each print's own card."""

import pytest

from engine.errors import InvariantBroken
from engine.names import BatchNo, Card, PoolName, card_at
from engine.ports import Append, Journal, SealedCard, SealedCards
from engine.stock.sealing import attachments

FIRST, SECOND = BatchNo(1), BatchNo(2)


def code(card: Card) -> bytes:
    """A card's sealed code in these tests."""
    return b"sealed %d" % card


def print_of(card: Card) -> bytes:
    """A card's fingerprint in these tests."""
    return b"%016d" % card


@pytest.fixture
async def stocked(journal: Journal, pool: PoolName) -> PoolName:
    """A pool with 1,007 cards of one batch, in chunks of 500, 7 and 500, and 40 of another."""
    await journal.claim(pool)
    appends: list[Append] = []
    for batch, first, size in ((FIRST, 0, 500), (FIRST, 500, 7), (FIRST, 507, 500), (SECOND, 0, 40)):
        cards = [card_at(batch, serial) for serial in range(first, first + size)]
        key = b"key %d" % batch if first == 0 else None
        attached = attachments(batch, first, list(map(code, cards)), list(map(print_of, cards)), key)
        appends.append(Append(pool, 1, len(appends), 1, b"chunk", attached))
    assert (await journal.append(appends))[-1].seq == len(appends)
    return pool


async def test_every_card_comes_with_its_code_and_its_batch_s_key(cards: SealedCards, stocked: PoolName) -> None:
    """All cards of both batches in one call, in the order of asking."""
    wanted = [card_at(FIRST, serial) for serial in reversed(range(1007))]
    wanted += [card_at(SECOND, serial) for serial in range(40)]
    expected = [SealedCard(card, b"key %d" % (card >> 32), code(card)) for card in wanted]
    assert await cards.sealed(stocked, wanted) == expected


async def test_no_cards_asked_no_cards_answered(cards: SealedCards, stocked: PoolName) -> None:
    """An empty call has an empty answer."""
    assert await cards.sealed(stocked, []) == []
    assert await cards.known(stocked, []) == []


@pytest.mark.parametrize("card", [card_at(FIRST, 1007), card_at(SECOND, 40), card_at(BatchNo(3), 0)])
async def test_a_card_never_received_is_not_a_code(cards: SealedCards, stocked: PoolName, card: Card) -> None:
    """One past the end of a batch, and a batch that is not there."""
    with pytest.raises(InvariantBroken):
        await cards.sealed(stocked, [card])


async def test_a_batch_s_data_key_is_found_without_its_cards(cards: SealedCards, stocked: PoolName) -> None:
    """Each batch has its own; a batch never opened has none, and that is no empty key."""
    assert [await cards.data_key(stocked, batch) for batch in (FIRST, SECOND)] == [b"key 1", b"key 2"]
    with pytest.raises(InvariantBroken):
        await cards.data_key(stocked, BatchNo(3))


async def test_prints_are_known_and_lead_to_their_cards(cards: SealedCards, stocked: PoolName) -> None:
    """Prints of every chunk are known, more than fit one read; one never seen is not."""
    held = [card_at(FIRST, serial) for serial in range(1007)]
    prints = [*map(print_of, held), b"never seen 12345"]
    assert await cards.known(stocked, prints) == [True] * 1007 + [False]
    assert await cards.trace(stocked, prints) == [*held, None]


async def test_prints_are_known_in_their_own_pool_only(
    cards: SealedCards, stocked: PoolName, next_pool: PoolName
) -> None:
    """Another pool has not seen what this one has."""
    assert await cards.known(next_pool, [print_of(card_at(FIRST, 0))]) == [False]
    assert await cards.known(stocked, [print_of(card_at(FIRST, 0))]) == [True]
