"""The vault inside this process: seals codes with AES-256-GCM, opens them, makes fingerprints.

The only file that knows the cipher. Envelope encryption: the ring's primary key wraps one random data
key per batch, the data key seals the batch's codes. Rotation rewraps data keys; codes stay as they are.

    wrapped data key   version (1) | key id (4) | nonce (12) | ciphertext and tag (32 + 16)
    sealed code        version (1) | nonce (12) | ciphertext and tag (n + 16)
    sealed secret      version (1) | key id (4) | nonce (12) | ciphertext and tag (n + 16)

A secret that is no card's is sealed under a key of its own, derived from the wrap key.

Nonces are random 96-bit numbers, for which NIST SP 800-38D §8.3 allows 2**32 seals under one key. A
data key seals one batch, and a batch has at most 2**32 serials; a wrap key seals one data key per batch, and the key
derived from it one secret per delivery and per setting of credentials.

Never logs, and no error of its own quotes a code or a key.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from actors.adapters.key_ring import KEY_BYTES, KeyRing, KeyRingFile, Purpose, State
from engine.errors import UnreadableCard, UnreadableSecret
from engine.names import BatchNo, PoolName, card_at, card_name
from engine.ports import SealedCard
from engine.secrecy.binding import (
    BINDING_VERSION,
    card_binding,
    code_binding_start,
    data_key_binding,
    print_binding,
    secret_binding,
    secrets_key_binding,
)
from engine.secrecy.normal import normal_code

#: Unwrapped data keys kept for the next call: a busy shelf sells from a few batches per SKU. About 1 KB each.
DATA_KEYS_KEPT_MAX = 1_024

#: Print keys kept, one per SKU. A derivation costs about 10 µs, so more would gain little.
PRINT_KEYS_KEPT_MAX = 1_024

PRINT_BYTES = 16

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

_NONCE_BYTES = 12
_TAG_BYTES = 16
_VERSION = bytes([BINDING_VERSION])
_KEY_HEAD_BYTES = 1 + 4
_CODE_HEAD_BYTES = 1 + _NONCE_BYTES
_SECRET_BYTES_MIN = _KEY_HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES
_WRAPPED_BYTES = _KEY_HEAD_BYTES + _NONCE_BYTES + KEY_BYTES + _TAG_BYTES


class LocalVault:
    """The `Vault` port over a key ring on this machine's disk.

    A change of the ring by another process counts from the next call on. One call costs a few
    microseconds per code and does not yield: callers pass chunks (limits.chunk_cards_max), not files.
    """

    def __init__(self, rings: KeyRingFile) -> None:
        self._rings = rings
        self._ring = rings.current()
        self._ciphers: _Recent[tuple[PoolName, bytes], AESGCM] = _Recent(DATA_KEYS_KEPT_MAX)
        self._print_starts: _Recent[PoolName, HMAC] = _Recent(PRINT_KEYS_KEPT_MAX)

    def __repr__(self) -> str:
        return f"<LocalVault {len(self._ring.keys)} keys, {len(self._ciphers)} data keys open>"

    async def new_data_key(self, pool: PoolName) -> bytes:
        """A fresh random data key, wrapped for `pool`. Raises KeyRingRefused."""
        self._refresh()
        return self._wrap(pool, os.urandom(KEY_BYTES))

    async def seal(
        self, pool: PoolName, batch: BatchNo, data_key: bytes, first_serial: int, codes: Sequence[str]
    ) -> Sequence[bytes]:
        """Seal codes as the cards `first_serial`, `first_serial + 1`, … Raises UnreadableCard for a bad data key."""
        self._refresh()
        encrypt = self._cipher(pool, data_key).encrypt
        start = code_binding_start(pool)
        nonces = os.urandom(_NONCE_BYTES * len(codes))
        sealed = []
        for place, code in enumerate(codes):
            nonce = nonces[_NONCE_BYTES * place : _NONCE_BYTES * (place + 1)]
            bound = start + card_binding(card_at(batch, first_serial + place))
            sealed.append(_VERSION + nonce + encrypt(nonce, _encode(code), bound))
        return sealed

    async def open(self, pool: PoolName, cards: Sequence[SealedCard]) -> Sequence[str]:
        """The codes, in order. Raises UnreadableCard naming the first card that does not open."""
        self._refresh()
        start = code_binding_start(pool)
        codes = []
        for card, data_key, sealed in cards:
            try:
                cipher = self._cipher(pool, data_key)
            except UnreadableCard as cause:
                raise UnreadableCard(f"{card_name(pool, card)}: {cause}") from None
            try:
                codes.append(_decode(_open(cipher, sealed, start + card_binding(card))))
            except InvalidTag:
                raise UnreadableCard(
                    f"{card_name(pool, card)} does not open: its sealed code was changed, or was sealed for another "
                    "card. Quarantine it and compare with a backup"
                ) from None
        return codes

    async def fingerprint(self, pool: PoolName, codes: Sequence[str]) -> Sequence[bytes]:
        """16-byte fingerprints of the normalised codes, comparable within this pool only."""
        self._refresh()
        start = self._print_start(pool)
        prints = []
        for code in codes:
            print_ = start.copy()  # the key is taken in once per pool: half the cost of a whole HMAC
            print_.update(_encode(normal_code(code)))
            prints.append(print_.finalize()[:PRINT_BYTES])
        return prints

    async def rewrap(self, pool: PoolName, data_key: bytes) -> bytes:
        """The same data key under the primary key of now. Raises UnreadableCard when it does not open."""
        self._refresh()
        return self._wrap(pool, self._unwrap(pool, data_key))

    async def seal_secret(self, context: str, plain: bytes) -> bytes:
        """Seal a few bytes for the place that `context` names. Raises KeyRingRefused."""
        self._refresh()
        key = self._ring.primary(Purpose.WRAP)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = _secrets_cipher(key.secret).encrypt(nonce, plain, secret_binding(context))
        return _VERSION + key.key_id.to_bytes(4) + nonce + sealed

    async def open_secret(self, context: str, sealed: bytes) -> bytes:
        """What was sealed for this place. Raises UnreadableSecret."""
        self._refresh()
        if len(sealed) < _SECRET_BYTES_MIN or sealed[:1] != _VERSION:
            raise UnreadableSecret(f"the secret of {context} is not one that this release sealed")
        try:
            cipher = _secrets_cipher(_wrap_secret(self._ring, int.from_bytes(sealed[1:_KEY_HEAD_BYTES])))
        except UnreadableCard as cause:
            raise UnreadableSecret(f"the secret of {context} does not open: {cause}") from None
        nonce = sealed[_KEY_HEAD_BYTES : _KEY_HEAD_BYTES + _NONCE_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[_KEY_HEAD_BYTES + _NONCE_BYTES :], secret_binding(context))
        except InvalidTag:
            raise UnreadableSecret(
                f"the secret of {context} does not open: it was changed, or sealed for another place"
            ) from None

    def _refresh(self) -> None:
        ring = self._rings.current()
        if ring is not self._ring:
            self._ring = ring
            self._ciphers.forget()
            self._print_starts.forget()

    def _cipher(self, pool: PoolName, data_key: bytes) -> AESGCM:
        return self._ciphers.find((pool, data_key), lambda: AESGCM(self._unwrap(pool, data_key)))

    def _print_start(self, pool: PoolName) -> HMAC:
        secret = self._ring.primary(Purpose.PRINT).secret
        return self._print_starts.find(pool, lambda: HMAC(derive_key(secret, print_binding(pool)), SHA256()))

    def _wrap(self, pool: PoolName, plain: bytes) -> bytes:
        key = self._ring.primary(Purpose.WRAP)
        nonce = os.urandom(_NONCE_BYTES)
        wrapped = AESGCM(key.secret).encrypt(nonce, plain, data_key_binding(pool))
        return _VERSION + key.key_id.to_bytes(4) + nonce + wrapped

    def _unwrap(self, pool: PoolName, data_key: bytes) -> bytes:
        if len(data_key) != _WRAPPED_BYTES or data_key[:1] != _VERSION:
            raise UnreadableCard("its data key is not one that this release wrote: compare with a backup")
        secret = _wrap_secret(self._ring, int.from_bytes(data_key[1:_KEY_HEAD_BYTES]))
        nonce = data_key[_KEY_HEAD_BYTES : _KEY_HEAD_BYTES + _NONCE_BYTES]
        try:
            return AESGCM(secret).decrypt(nonce, data_key[_KEY_HEAD_BYTES + _NONCE_BYTES :], data_key_binding(pool))
        except InvalidTag:
            raise UnreadableCard(
                f"its data key does not open for {pool}: it was changed, or wrapped for another SKU"
            ) from None


def derive_key(secret: bytes, binding: bytes) -> bytes:
    """A 256-bit key of its own for `binding`: HKDF-SHA-256 (RFC 5869) without salt, since `secret` is uniform."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=binding).derive(secret)


def _secrets_cipher(secret: bytes) -> AESGCM:
    return AESGCM(derive_key(secret, secrets_key_binding()))


def _wrap_secret(ring: KeyRing, key_id: int) -> bytes:
    key = ring.find(key_id)
    if key is None or key.purpose is not Purpose.WRAP:
        raise UnreadableCard(
            f"its data key is wrapped by key {key_id:08x}, which this key ring lacks: restore the ring"
        )
    if key.state is State.DISABLED:
        raise UnreadableCard(
            f"its data key is wrapped by key {key.name}, which is disabled: enable it, rewrap, disable"
        )
    return key.secret


def _open(cipher: AESGCM, sealed: bytes, binding: bytes) -> bytes:
    if sealed[:1] != _VERSION or len(sealed) < _CODE_HEAD_BYTES + _TAG_BYTES:
        raise InvalidTag
    return cipher.decrypt(sealed[1:_CODE_HEAD_BYTES], sealed[_CODE_HEAD_BYTES:], binding)


def _encode(code: str) -> bytes:
    """Total over str: a lone surrogate in a supplier's JSON must not stop a whole chunk."""
    return code.encode("utf-8", "surrogatepass")


def _decode(plain: bytes) -> str:
    return plain.decode("utf-8", "surrogatepass")


class _Recent(Generic[_Key, _Value]):
    """The values last asked for, at most `most` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[_Key, _Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: _Key, make: Callable[[], _Value]) -> _Value:
        """The value under `key`, made now when it is not kept. Raises what `make` raises."""
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
            return value
        value = self._kept[key] = make()
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return value

    def forget(self) -> None:
        """Keep nothing."""
        self._kept.clear()
