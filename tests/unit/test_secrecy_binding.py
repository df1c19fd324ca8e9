"""Bindings: no two cards, SKUs, tenants or purposes share one, and the bytes never change."""

from hypothesis import given
from hypothesis import strategies as st

from engine.names import SERIAL_MAX, BatchNo, Card, PoolName, batch_of, card_at, serial_of
from engine.secrecy.binding import (
    card_binding,
    code_binding,
    code_binding_start,
    data_key_binding,
    print_binding,
    secret_binding,
    secrets_key_binding,
)

PARTS = st.text(alphabet="ab-.1", min_size=1, max_size=6)
POOLS = st.builds(PoolName, PARTS, PARTS)
CARDS = st.builds(card_at, st.builds(BatchNo, st.integers(1, 10**9)), st.integers(0, SERIAL_MAX))


def test_the_bytes_of_a_binding_are_as_they_were_in_the_first_release() -> None:
    """Every sealed code rests on these bytes: another layout would make all of them unreadable."""
    pool = PoolName("shop", "vip-30")
    card = card_at(BatchNo(3), 17)
    assert code_binding(pool, card) == (
        b"\x01" + b"\x00\x04code" + b"\x00\x04shop" + b"\x00\x06vip-30" + b"\x00\x0c" + bytes(7) + b"\x03\0\0\0\x11"
    )
    assert data_key_binding(pool) == b"\x01" + b"\x00\x08data key" + b"\x00\x04shop" + b"\x00\x06vip-30"
    assert print_binding(pool) == b"\x01" + b"\x00\x05print" + b"\x00\x04shop" + b"\x00\x06vip-30"
    assert secret_binding("acme/key") == b"\x01" + b"\x00\x06secret" + b"\x00\x08acme/key"
    assert secrets_key_binding() == b"\x01" + b"\x00\x0bsecrets key"


@given(POOLS, CARDS, POOLS, CARDS)
def test_two_bindings_are_equal_only_for_the_same_card_of_the_same_pool(
    pool: PoolName, card: Card, other_pool: PoolName, other_card: Card
) -> None:
    """Lengths stand before parts, so `ab` + `c` and `a` + `bc` differ."""
    same = (pool, card) == (other_pool, other_card)
    assert (code_binding(pool, card) == code_binding(other_pool, other_card)) == same
    assert (data_key_binding(pool) == data_key_binding(other_pool)) == (pool == other_pool)


@given(POOLS, POOLS)
def test_a_code_a_data_key_and_a_print_never_share_a_binding(pool: PoolName, other: PoolName) -> None:
    """One key used for one purpose must not answer for another."""
    purposes = {code_binding(pool, card_at(BatchNo(1), 0)), data_key_binding(other), print_binding(other)}
    assert len(purposes) == 3


def test_moving_a_boundary_between_tenant_and_sku_changes_the_binding() -> None:
    """The case that plain joining gets wrong."""
    assert data_key_binding(PoolName("ab", "c")) != data_key_binding(PoolName("a", "bc"))
    assert data_key_binding(PoolName("a-b", "c")) != data_key_binding(PoolName("a", "b-c"))


@given(POOLS, CARDS)
def test_the_two_halves_of_a_binding_make_the_whole(pool: PoolName, card: Card) -> None:
    """Whoever seals many cards joins the halves itself."""
    own = card_binding(card)
    assert len(own) == 12
    assert int.from_bytes(own[:8]) == batch_of(card)
    assert int.from_bytes(own[8:]) == serial_of(card)
    assert code_binding(pool, card) == code_binding_start(pool) + own
