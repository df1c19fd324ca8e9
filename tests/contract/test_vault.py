"""The vault: what was sealed opens for its own card only, under every key the ring still has."""

import hmac
import itertools
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.adapters import local_vault
from actors.adapters.key_ring import KeyRingFile, Purpose
from actors.adapters.local_vault import LocalVault, derive_key
from engine.errors import UnreadableCard, UnreadableSecret
from engine.names import BatchNo, Card, PoolName, card_at
from engine.ports import SealedCard, Vault

POOL = PoolName("shop", "vip-30")
BATCH = BatchNo(3)
CARD = card_at(BATCH, 17)
CODE = "ABCD-EFGH-IJKL-WXYZ"
NOW_MS = 1_790_000_000_000


@pytest.fixture
def rings(tmp_path: Path) -> KeyRingFile:
    """A new ring on disk."""
    file = KeyRingFile(tmp_path / "keys")
    file.create_if_missing(may_create=True, now_ms=NOW_MS)
    return file


@pytest.fixture
def vault(rings: KeyRingFile) -> Vault:
    """A vault over that ring."""
    return LocalVault(rings)


async def sealed_card(vault: Vault, pool: PoolName = POOL, card: Card = CARD, code: str = CODE) -> SealedCard:
    """One code sealed as the 18th card of batch 3, under a data key of its own."""
    data_key = await vault.new_data_key(pool)
    (sealed,) = await vault.seal(pool, BATCH, data_key, card & 0xFFFFFFFF, [code])
    return SealedCard(card, data_key, sealed)


async def test_codes_of_a_batch_open_in_the_order_asked(vault: Vault) -> None:
    """Serials count up from the first; asking in another order gives the codes in that order."""
    data_key = await vault.new_data_key(POOL)
    codes = [f"CODE-{place:04}" for place in range(100)]
    sealed = await vault.seal(POOL, BATCH, data_key, 1_000, codes)
    cards = [SealedCard(card_at(BATCH, 1_000 + place), data_key, code) for place, code in enumerate(sealed)]
    assert await vault.open(POOL, cards) == codes
    assert await vault.open(POOL, cards[::-3]) == codes[::-3]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(codes=st.lists(st.text(st.characters(), max_size=600), max_size=20), serial=st.integers(0, 2**32 - 21))
async def test_any_text_comes_back_as_it_was(vault: Vault, codes: list[str], serial: int) -> None:
    """Empty codes, any script, zero bytes: sealing changes nothing."""
    data_key = await vault.new_data_key(POOL)
    sealed = await vault.seal(POOL, BATCH, data_key, serial, codes)
    cards = [SealedCard(card_at(BATCH, serial + place), data_key, code) for place, code in enumerate(sealed)]
    assert await vault.open(POOL, cards) == codes


async def test_a_lone_surrogate_does_not_stop_its_chunk(vault: Vault) -> None:
    """JSON may carry one; it is sealed, printed and opened like any text."""
    card = await sealed_card(vault, code="\ud800A\udfff")
    assert await vault.open(POOL, [card]) == ["\ud800A\udfff"]
    assert len((await vault.fingerprint(POOL, ["\ud800A"]))[0]) == 16


async def test_the_layout_is_version_nonce_ciphertext_and_tag(vault: Vault, rings: KeyRingFile) -> None:
    """A data key names its wrap key; a sealed code is 29 bytes longer than its text."""
    card = await sealed_card(vault)
    primary = rings.current().primary(Purpose.WRAP)
    assert card.data_key[:5] == b"\x01" + primary.key_id.to_bytes(4)
    assert len(card.data_key) == 1 + 4 + 12 + 32 + 16
    assert card.code[:1] == b"\x01"
    assert len(card.code) == 1 + 12 + len(CODE) + 16
    assert CODE.encode() not in card.code


async def test_sealing_twice_never_repeats_a_nonce(vault: Vault) -> None:
    """A repeated nonce under one key would give both codes away."""
    data_key = await vault.new_data_key(POOL)
    twice = [sealed for _ in range(2) for sealed in await vault.seal(POOL, BATCH, data_key, 0, [CODE] * 500)]
    assert len({sealed[1:13] for sealed in twice}) == 1_000


@pytest.mark.parametrize(
    ("pool", "card"),
    [
        (POOL, card_at(BATCH, 18)),
        (POOL, card_at(BatchNo(4), 17)),
    ],
)
async def test_a_code_moved_to_another_card_does_not_open(vault: Vault, pool: PoolName, card: Card) -> None:
    """Neither another serial nor another batch of the same SKU."""
    moved = (await sealed_card(vault))._replace(card=card)
    with pytest.raises(UnreadableCard, match=f"cards/{card >> 32}-{card & 0xFFFFFFFF} does not open"):
        await vault.open(pool, [moved])


@pytest.mark.parametrize("pool", [PoolName("shop", "vip-90"), PoolName("other", "vip-30")])
async def test_a_card_moved_to_another_sku_or_tenant_does_not_open(vault: Vault, pool: PoolName) -> None:
    """Its data key is bound to the pool, so it stops there; and so does sealing with it."""
    card = await sealed_card(vault)
    assert await vault.open(POOL, [card]) == [CODE]
    with pytest.raises(UnreadableCard, match="another SKU"):
        await vault.open(pool, [card])
    with pytest.raises(UnreadableCard, match="another SKU"):
        await vault.seal(pool, BATCH, card.data_key, 0, [CODE])


async def test_a_code_sealed_in_one_sku_does_not_open_under_the_data_key_of_another(vault: Vault) -> None:
    """Swapping only the sealed code between pools is caught by the code's own binding."""
    other = PoolName("other", "vip-30")
    card, foreign = await sealed_card(vault), await sealed_card(vault, other)
    with pytest.raises(UnreadableCard, match="does not open"):
        await vault.open(other, [card._replace(data_key=foreign.data_key)])


async def test_a_code_is_bound_to_its_pool_even_under_the_same_data_key(vault: Vault, rings: KeyRingFile) -> None:
    """The data key alone is not trusted to keep pools apart: the code names its pool too."""
    card = await sealed_card(vault)
    assert isinstance(vault, LocalVault)
    plain_key = vault._unwrap(POOL, card.data_key)
    other = PoolName("other", "vip-30")
    with pytest.raises(UnreadableCard, match="does not open"):
        await LocalVault(rings).open(other, [card._replace(data_key=vault._wrap(other, plain_key))])


async def test_any_changed_byte_of_a_sealed_code_is_noticed(vault: Vault) -> None:
    """Version, nonce, ciphertext and tag: each byte counts, and so does each missing one."""
    card = await sealed_card(vault)
    for place in range(len(card.code)):
        changed = bytearray(card.code)
        changed[place] ^= 1
        with pytest.raises(UnreadableCard):
            await vault.open(POOL, [card._replace(code=bytes(changed))])
        with pytest.raises(UnreadableCard):
            await vault.open(POOL, [card._replace(code=card.code[:place])])


async def test_any_changed_byte_of_a_data_key_is_noticed(vault: Vault) -> None:
    """Also when the true key is still in memory: the cache is asked with the bytes as they came."""
    card = await sealed_card(vault)
    for place in range(len(card.data_key)):
        changed = bytearray(card.data_key)
        changed[place] ^= 1
        with pytest.raises(UnreadableCard):
            await vault.open(POOL, [card._replace(data_key=bytes(changed))])
        with pytest.raises(UnreadableCard):
            await vault.open(POOL, [card._replace(data_key=card.data_key[:place])])


async def test_the_error_names_the_card_and_shows_nothing_else(vault: Vault) -> None:
    """Staff need to know which; nobody may learn the code or the key from it."""
    good, bad = await sealed_card(vault), await sealed_card(vault, card=card_at(BATCH, 18))
    with pytest.raises(UnreadableCard) as caught:
        await vault.open(POOL, [good, bad._replace(code=bad.code[:-1])])
    text = str(caught.value)
    assert text.startswith("tenants/shop/skus/vip-30/cards/3-18 does not open")
    assert CODE not in text
    assert caught.value.__cause__ is None


async def test_old_batches_open_after_a_rotation_and_new_ones_use_the_new_key(vault: Vault, rings: KeyRingFile) -> None:
    """A vault that runs takes the new ring with its next call."""
    old = await sealed_card(vault)
    former = rings.current().primary(Purpose.WRAP)
    rings.rotate(now_ms=NOW_MS + 1)
    fresh = await sealed_card(vault)
    assert await vault.open(POOL, [old, fresh]) == [CODE, CODE]
    assert old.data_key[1:5] == former.key_id.to_bytes(4)
    assert fresh.data_key[1:5] == rings.current().primary(Purpose.WRAP).key_id.to_bytes(4)
    assert fresh.data_key[1:5] != old.data_key[1:5]


async def test_a_rewrapped_batch_opens_without_the_old_key(vault: Vault, rings: KeyRingFile) -> None:
    """Rotate, rewrap, disable: the sealed codes were not touched."""
    old = await sealed_card(vault)
    former = rings.current().primary(Purpose.WRAP)
    rings.rotate(now_ms=NOW_MS + 1)
    rewrapped = old._replace(data_key=await vault.rewrap(POOL, old.data_key))
    rings.disable(former.key_id)
    assert await vault.open(POOL, [rewrapped]) == [CODE]
    assert rewrapped.code == old.code


async def test_a_disabled_key_opens_nothing_until_it_is_enabled_again(vault: Vault, rings: KeyRingFile) -> None:
    """Even though its data key was in memory a moment ago; and the error says which key and what to do."""
    old = await sealed_card(vault)
    assert await vault.open(POOL, [old]) == [CODE]
    former = rings.current().primary(Purpose.WRAP)
    rings.rotate(now_ms=NOW_MS + 1)
    rings.disable(former.key_id)
    with pytest.raises(UnreadableCard, match=f"cards/3-17: .*{former.name}, which is disabled: enable it"):
        await vault.open(POOL, [old])
    with pytest.raises(UnreadableCard, match="is disabled"):
        await vault.rewrap(POOL, old.data_key)
    rings.enable(former.key_id)
    assert await vault.open(POOL, [old]) == [CODE]


async def test_another_ring_opens_nothing_and_says_which_key_it_lacks(vault: Vault, tmp_path: Path) -> None:
    """The cards of a store put beside the wrong ring stay shut, and the ring to look for has a name."""
    card = await sealed_card(vault)
    others = KeyRingFile(tmp_path / "others")
    others.create_if_missing(may_create=True, now_ms=NOW_MS)
    with pytest.raises(UnreadableCard, match=f"{card.data_key[1:5].hex()}, which this key ring lacks"):
        await LocalVault(others).open(POOL, [card])


async def test_the_print_key_never_opens_a_data_key(vault: Vault, rings: KeyRingFile) -> None:
    """One key, one purpose."""
    card = await sealed_card(vault)
    prints = rings.current().primary(Purpose.PRINT).key_id.to_bytes(4)
    with pytest.raises(UnreadableCard, match="lacks"):
        await vault.open(POOL, [card._replace(data_key=card.data_key[:1] + prints + card.data_key[5:])])


async def test_the_data_keys_in_memory_are_bounded_and_the_forgotten_ones_open_again(
    rings: KeyRingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three batches through a vault that keeps two; a print key goes the same way."""
    monkeypatch.setattr(local_vault, "DATA_KEYS_KEPT_MAX", 2)
    monkeypatch.setattr(local_vault, "PRINT_KEYS_KEPT_MAX", 2)
    vault = LocalVault(rings)
    pools = [PoolName("shop", f"sku-{number}") for number in range(3)]
    cards = [await sealed_card(vault, pool) for pool in pools]
    prints = [await vault.fingerprint(pool, [CODE]) for pool in pools]
    for _ in range(2):
        for pool, card, expected in zip(pools, cards, prints, strict=True):
            assert await vault.open(pool, [card]) == [CODE]
            assert await vault.fingerprint(pool, [CODE]) == expected
    assert len(vault._ciphers) == 2
    assert len(vault._print_starts) == 2
    assert repr(vault) == "<LocalVault 2 keys, 2 data keys open>"


async def test_the_key_used_last_is_the_one_kept(rings: KeyRingFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy batch is not pushed out by a visitor."""
    monkeypatch.setattr(local_vault, "DATA_KEYS_KEPT_MAX", 2)
    busy, quiet, visitor = [await sealed_card(LocalVault(rings)) for _ in range(3)]
    vault = LocalVault(rings)
    for card in (quiet, busy, visitor):
        await vault.open(POOL, [card])
    assert {data_key for _, data_key in vault._ciphers._kept} == {busy.data_key, visitor.data_key}
    await vault.open(POOL, [busy])
    await vault.open(POOL, [quiet])
    assert {data_key for _, data_key in vault._ciphers._kept} == {busy.data_key, quiet.data_key}


async def test_prints_are_equal_for_equal_codes_and_within_one_pool_only(vault: Vault) -> None:
    """One code written twice has one print; another SKU or tenant cannot tell that it has the same."""
    one, twice, lower = await vault.fingerprint(POOL, [CODE, f"  {CODE}\u200b\n", CODE.lower()])
    assert one == twice
    assert one != lower
    elsewhere = [await vault.fingerprint(pool, [CODE]) for pool in (PoolName("shop", "x"), PoolName("x", "vip-30"))]
    assert len({one, *itertools.chain.from_iterable(elsewhere)}) == 3


async def test_a_print_is_the_hmac_of_the_code_under_the_pools_own_key(vault: Vault, rings: KeyRingFile) -> None:
    """Reckoned here from RFC 2104 and RFC 5869 by hand: prints in stores must stay comparable for ever."""
    secret = rings.current().primary(Purpose.PRINT).secret
    info = b"\x01\x00\x05print\x00\x04shop\x00\x06vip-30"
    extracted = hmac.new(bytes(32), secret, sha256).digest()
    key = hmac.new(extracted, info + b"\x01", sha256).digest()
    assert await vault.fingerprint(POOL, [CODE]) == [hmac.new(key, CODE.encode(), sha256).digest()[:16]]


async def test_prints_survive_a_rotation(vault: Vault, rings: KeyRingFile) -> None:
    """Otherwise the first import after a rotation would let every duplicate in."""
    before = await vault.fingerprint(POOL, [CODE])
    rings.rotate(now_ms=NOW_MS + 1)
    assert await vault.fingerprint(POOL, [CODE]) == before


def test_key_derivation_agrees_with_rfc_5869() -> None:
    """Appendix A.3, the case without salt and info, as far as our 32 bytes go."""
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert derive_key(bytes.fromhex("0b" * 22), b"").hex() == expected


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
        (b"Jefe".hex(), b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
        ("0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    ],
)
async def test_prints_agree_with_rfc_4231(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, key: str, text: bytes, expected: str
) -> None:
    """Test cases 1, 2 and 5, through the vault's own print with the pool's key put in place."""
    monkeypatch.setattr(local_vault, "derive_key", lambda *_: bytes.fromhex(key))
    assert [print_.hex() for print_ in await vault.fingerprint(POOL, [text.decode()])] == [expected]


PLACE = "suppliers/shop/acme/credentials"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plain=st.binary(max_size=2_000))
async def test_a_secret_opens_at_its_own_place_only(vault: Vault, plain: bytes) -> None:
    """Any bytes; moved to another place they are of no use."""
    sealed = await vault.seal_secret(PLACE, plain)
    assert await vault.open_secret(PLACE, sealed) == plain
    with pytest.raises(UnreadableSecret, match="another place"):
        await vault.open_secret(PLACE + "/", sealed)


async def test_a_sealed_secret_shows_nothing_and_is_never_the_same(vault: Vault, rings: KeyRingFile) -> None:
    """Version, key id, nonce, ciphertext and tag; the nonce is new each time."""
    first, second = [await vault.seal_secret(PLACE, CODE.encode()) for _ in range(2)]
    assert first[:5] == b"\x01" + rings.current().primary(Purpose.WRAP).key_id.to_bytes(4)
    assert len(first) == 1 + 4 + 12 + len(CODE) + 16
    assert CODE.encode() not in first
    assert first[5:17] != second[5:17]


async def test_any_changed_or_missing_byte_of_a_secret_is_noticed(vault: Vault) -> None:
    """The key id's bytes, too: they name a key that is not there."""
    sealed = await vault.seal_secret(PLACE, b"p")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(UnreadableSecret):
            await vault.open_secret(PLACE, bytes(changed))
        with pytest.raises(UnreadableSecret):
            await vault.open_secret(PLACE, sealed[:place])


async def test_a_secret_outlives_a_rotation_until_its_key_is_disabled(vault: Vault, rings: KeyRingFile) -> None:
    """It names its key; what is sealed afterwards is under the new one."""
    sealed = await vault.seal_secret(PLACE, b"token")
    before = rings.current().primary(Purpose.WRAP)
    rings.rotate(now_ms=NOW_MS)
    assert await vault.open_secret(PLACE, sealed) == b"token"
    fresh = await vault.seal_secret(PLACE, b"token")
    assert fresh[1:5] != sealed[1:5]
    rings.disable(before.key_id)
    assert await vault.open_secret(PLACE, fresh) == b"token"
    with pytest.raises(UnreadableSecret, match="disabled"):
        await vault.open_secret(PLACE, sealed)


async def test_the_errors_of_secrets_quote_no_secret(vault: Vault) -> None:
    """They reach logs."""
    sealed = await vault.seal_secret(PLACE, CODE.encode())
    with pytest.raises(UnreadableSecret) as told:
        await vault.open_secret("elsewhere", sealed)
    assert CODE not in str(told.value)
