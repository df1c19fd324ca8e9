"""Names: what is one, what is none, and that reading undoes writing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.names import (
    SERIAL_MAX,
    BatchNo,
    HoldNo,
    PoolName,
    SupplierName,
    batch_name,
    batch_of,
    card_at,
    card_name,
    hold_name,
    is_name_part,
    parse_batch,
    parse_card,
    parse_hold,
    parse_pool,
    parse_supplier,
    serial_of,
)

_POOL = PoolName("acme", "STEAM-50")


@given(st.integers(1, 10**9 - 1), st.integers(0, SERIAL_MAX))
def test_a_card_knows_its_batch_and_serial(batch: int, serial: int) -> None:
    """Both halves come back, and the name of the card reads back to the card."""
    card = card_at(BatchNo(batch), serial)
    assert (batch_of(card), serial_of(card)) == (batch, serial)
    assert card < 2**63, "a card fits the store's signed integers"
    assert parse_card(card_name(_POOL, card)) == (_POOL, card)


def test_names_read_back() -> None:
    """Each name reads back to what it was made of."""
    assert parse_pool("tenants/acme/skus/STEAM-50") == _POOL
    assert parse_hold(hold_name(_POOL, HoldNo(17))) == (_POOL, 17)
    assert parse_batch(batch_name(_POOL, BatchNo(3))) == (_POOL, 3)
    assert card_name(_POOL, card_at(BatchNo(3), 17)) == "tenants/acme/skus/STEAM-50/cards/3-17"


@pytest.mark.parametrize("name", ["", "tenants/acme", "tenants/a b/skus/s", "tenants/a/skus/", "skus/s/tenants/t"])
def test_what_is_no_pool_name_is_none(name: str) -> None:
    """Anything that is not exactly the form is no name."""
    assert parse_pool(name) is None


@pytest.mark.parametrize("leaf", ["0", "01", "-1", "x", "", "1/2", "1" * 17, "1\n"])
def test_what_is_no_hold_or_batch_name_is_none(leaf: str) -> None:
    """Numbers are positive, canonical and bounded."""
    assert parse_hold(f"{_POOL}/holds/{leaf}") is None
    assert parse_batch(f"{_POOL}/batches/{leaf}") is None


@pytest.mark.parametrize("leaf", ["1", "0-1", "1-01", "1-4294967296", "1-x", "1-1-1", ""])
def test_what_is_no_card_name_is_none(leaf: str) -> None:
    """One card has one name."""
    assert parse_card(f"{_POOL}/cards/{leaf}") is None


def test_a_name_of_another_kind_is_none() -> None:
    """A hold is no batch, and a child needs a parent."""
    assert parse_hold("tenants/acme/skus/STEAM-50/batches/1") is None
    assert parse_hold("skus/STEAM-50/holds/1") is None
    assert parse_card("1-1") is None


def test_name_parts_are_bounded() -> None:
    """1 to 63 characters, beginning with a letter or digit."""
    assert is_name_part("a" * 63)
    assert not is_name_part("a" * 64)
    assert not is_name_part("")
    assert not is_name_part(".hidden")
    assert not is_name_part("ä")


def test_a_supplier_is_named_and_its_book_is_no_sku() -> None:
    """The name reads back; the journal's name of its ledger cannot be given to a SKU."""
    name = SupplierName("default", "east")
    assert str(name) == "tenants/default/suppliers/east"
    assert parse_supplier(str(name)) == name
    assert parse_pool(str(name.book)) is None


@pytest.mark.parametrize(
    "name", ["", "tenants/t/suppliers/", "tenants/t/skus/s", "tenants//suppliers/s", "suppliers/s"]
)
def test_what_is_no_name_of_a_supplier_is_none(name: str) -> None:
    """As for pools."""
    assert parse_supplier(name) is None
