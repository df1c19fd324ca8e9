"""What every book of suppliers promises: what was entered is read back whole, and every change moves the version."""

from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.pricing.landing import Fees
from engine.pricing.rates import EnteredRate
from engine.supply.breaker import Override
from engine.supply.ledger import Caution
from engine.supply.ports import SupplierBook
from engine.supply.refilling import Marks
from engine.supply.suppliers import Idempotency, Source, Sourcing, Supplier

ACME, OTHER = SupplierName("shop", "acme"), SupplierName("shop", "other")
POOL = PoolName("shop", "vip-30")


def supplier(name: SupplierName = ACME, title: str = "Acme 卡密") -> Supplier:
    """A profile with something in every field."""
    return Supplier(
        name=name,
        title=title,
        protocol="signed-http",
        endpoint="https://acme.example/api",
        currency="CNY",
        options={"sign": "md5", "path": "/order"},
        credentials=b"\x01sealed\xff",
        idempotency=Idempotency.REJECT_BLIND,
        replay_for_ms=0,
        caution=Caution(600_000, 100, Money(50_000, "CNY"), 86_400_000),
        per_s=2.5,
        answer_within_ms=10_000,
        fees=Fees(3, 12_000),
        priority=1,
        weight=0.5,
        is_paused=True,
        override=Override.HELD_OPEN,
        balance_min=Money(10_000, "CNY"),
    )


def sourcing(pool: PoolName = POOL, *, high: int = 20) -> Sourcing:
    """A SKU bought from two."""
    sources = (Source(ACME, "P-1", Money(900, "CNY")), Source(OTHER, "77", Money(130, "USD")))
    return Sourcing(pool, sources, Marks(10, high, 5), Money(1_000, "CNY"), life_ms_min=86_400_000)


def rate(**others: object) -> EnteredRate:
    """From dollars to yuan."""
    usual = EnteredRate("shop", "USD", "CNY", "7.21", 7, 7, "ann", "the bank's, at noon")
    return usual._replace(**others)  # type: ignore[arg-type]


async def test_an_empty_book_is_empty(book: SupplierBook) -> None:
    """Version nought, nobody in it."""
    assert (await book.suppliers(), await book.sourcings(), await book.version()) == ({}, {}, 0)
    assert list(await book.rates()) == []


async def test_what_was_entered_reads_back_whole(book: SupplierBook) -> None:
    """Every field, of its own type; the last word counts."""
    await book.put_supplier(supplier(title="before"))
    await book.put_supplier(supplier())
    await book.put_supplier(supplier(OTHER)._replace(balance_min=None, credentials=b"", options={}))
    await book.put_sourcing(sourcing(high=10))
    await book.put_sourcing(sourcing())
    found = await book.suppliers()
    assert found == {
        ACME: supplier(),
        OTHER: supplier(OTHER)._replace(balance_min=None, credentials=b"", options={}),
    }
    assert found[ACME].override is Override.HELD_OPEN
    assert found[ACME].idempotency is Idempotency.REJECT_BLIND
    assert type(found[ACME].caution.exposure_max) is Money
    assert await book.sourcings() == {POOL: sourcing()}
    assert type((await book.sourcings())[POOL].sources[1].supplier) is SupplierName


async def test_every_change_moves_the_version_and_saying_it_again_does_not(book: SupplierBook) -> None:
    """So that whoever looks each second reads the book only when there is something new in it."""
    versions = []
    for put in (
        book.put_supplier(supplier()),
        book.put_supplier(supplier()),
        book.put_supplier(supplier()._replace(is_paused=False)),
        book.put_sourcing(sourcing()),
        book.put_sourcing(sourcing()),
        book.put_sourcing(sourcing(high=50)),
        book.enter_rate(rate()),
        book.enter_rate(rate()),
        book.enter_rate(rate(entered_at_ms=8)),
    ):
        await put
        versions.append(await book.version())
    assert versions == [1, 1, 2, 3, 3, 4, 5, 5, 6]


async def test_every_rate_stays_until_it_is_dropped(book: SupplierBook) -> None:
    """Those for one moment, too: who said what is an audit. What is dropped is gone, and the rest is not."""
    first, mended, other = rate(), rate(entered_at_ms=8, figures="7.3"), rate(source="EUR")
    for each in (first, mended, other):
        await book.enter_rate(each)
    assert set(await book.rates()) == {first, mended, other}
    last = rate(from_ms=9)
    await book.enter_rate(last, [first, other])
    found = await book.rates()
    assert set(found) == {mended, last}
    assert {type(each) for each in found} == {EnteredRate}
