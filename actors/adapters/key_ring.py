"""The key ring: the keys that wrap data keys, and the key that fingerprints are made under, in one file.

The only file that knows where keys lie and how. It refuses a ring that others could read, and it
never makes a new ring in place of a lost one. Losing `ring.json` is losing every code: back it up
apart from the store.
"""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.errors import NotDone

RING_FORMAT = 1
KEY_BYTES = 32

#: Key ids are random 32-bit numbers, so that the keys of two rings are told apart by id.
KEY_ID_BITS = 32

FOLDER_MODE = 0o700
FILE_MODE = 0o600
OTHERS = 0o077


class KeyRingRefused(NotDone):
    """The key ring cannot be used as it is; nothing was changed. The text says what to do."""


class State(StrEnum):
    """What a key may do: the primary seals and opens, an enabled one only opens, a disabled one neither."""

    PRIMARY = "primary"
    ENABLED = "enabled"
    DISABLED = "disabled"


class Purpose(StrEnum):
    """What a key is for; a key never has two purposes."""

    WRAP = "wrap"
    PRINT = "print"


@dataclass(frozen=True, slots=True)
class RingKey:
    """One 256-bit key. Its bytes appear in no repr."""

    key_id: int
    purpose: Purpose
    state: State
    created_ms: int
    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The id as people write it: eight hexadecimal digits."""
        return f"{self.key_id:08x}"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys as they were when read: one primary for each purpose."""

    keys: tuple[RingKey, ...]

    def primary(self, purpose: Purpose) -> RingKey:
        """The key that new things are sealed or printed under."""
        return next(key for key in self.keys if key.purpose is purpose and key.state is State.PRIMARY)

    def find(self, key_id: int) -> RingKey | None:
        """The key with this id in any state, or None."""
        return next((key for key in self.keys if key.key_id == key_id), None)


class KeyRingFile:
    """The ring on disk, `<folder>/ring.json`. Every change is one atomic replacement of the file.

    `folder` is `<data>/keys`. Blocking, and meant to be: the file is a kilobyte and read at
    start-up and after a change.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "ring.json"
        self._read: tuple[tuple[int, ...], KeyRing] | None = None

    def create_if_missing(self, *, may_create: bool, now_ms: int) -> KeyRing:
        """The ring, made now if there is none and `may_create`.

        `may_create` is for a store without cards. With cards, a missing ring is a lost ring.
        Raises KeyRingRefused.
        """
        if not self._path.exists() and may_create:
            self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            with self._locked():
                if not self._path.exists():
                    self._write(_new_ring(now_ms))
        return self.current()

    def install_if_missing(self, text: str) -> KeyRing:
        """The ring; and where there is none yet, this one, which is the cluster's.

        Raises KeyRingRefused when the ring here lacks a key of the cluster's: what one machine seals, all must open.
        """
        ring = _parse(text.encode(), self._path)
        if not self._path.exists():
            self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            with self._locked():
                if not self._path.exists():
                    self._write(ring)
        current = self.current()
        lacking = [key.name for key in ring.keys if current.find(key.key_id) is None]
        if lacking:
            raise KeyRingRefused(
                f"the key ring at {self._path} is not the cluster's: it lacks {', '.join(lacking)}. Where this "
                "machine's cards are to be kept, make the cluster file with its ring: `cardkeep cluster new` on it, "
                "with --data; where it has none, move its data folder away"
            )
        return current

    def text_or_new(self, now_ms: int) -> str:
        """The ring's text, as `install_if_missing` takes it, or that of a new one. Raises KeyRingRefused."""
        return _text(self.current()).decode() if self._path.exists() else new_ring_text(now_ms)

    def current(self) -> KeyRing:
        """The ring as it is on disk now; read again only when the file has changed (one `stat` otherwise).

        Raises KeyRingRefused when it is missing, damaged, or readable by others.
        """
        try:
            status = self._path.stat()
        except FileNotFoundError:
            raise KeyRingRefused(
                f"there is no key ring at {self._path}. Cards sealed under it open with no other: put ring.json back "
                "from its backup. A new ring is made only for a store that holds no cards"
            ) from None
        stamp = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
        if self._read is None or self._read[0] != stamp:
            self._refuse_readable_by_others()
            self._read = stamp, _parse(self._path.read_bytes(), self._path)
        return self._read[1]

    def rotate(self, *, now_ms: int) -> KeyRing:
        """A new primary wrap key; the one before stays enabled, so what it wrapped still opens.

        The print key never rotates: prints made under two keys cannot be compared, and every
        duplicate check would miss.
        """
        with self._locked():
            ring = self.current()
            former = ring.primary(Purpose.WRAP)
            fresh = _new_key(Purpose.WRAP, now_ms, ring.keys)
            return self._write(KeyRing((*_with(ring.keys, replace(former, state=State.ENABLED)), fresh)))

    def disable(self, key_id: int) -> KeyRing:
        """Stop opening anything under this wrap key, once all its data keys were rewrapped.

        Raises KeyRingRefused for a key that is primary, prints, or is not there.
        """
        return self._change(key_id, State.DISABLED)

    def enable(self, key_id: int) -> KeyRing:
        """Undo `disable`. Raises KeyRingRefused for a key that is primary, prints, or is not there."""
        return self._change(key_id, State.ENABLED)

    def _change(self, key_id: int, state: State) -> KeyRing:
        with self._locked():
            ring = self.current()
            key = ring.find(key_id)
            if key is None:
                known = ", ".join(each.name for each in ring.keys)
                raise KeyRingRefused(f"key {key_id:08x} is not in {self._path}, which has {known}")
            if key.purpose is Purpose.PRINT:
                raise KeyRingRefused(f"key {key.name} makes the fingerprints; without it no duplicate is ever found")
            if key.state is State.PRIMARY:
                raise KeyRingRefused(f"key {key.name} is the primary one: rotate first, rewrap, then disable it")
            return self._write(KeyRing(_with(ring.keys, replace(key, state=state))))

    def _refuse_readable_by_others(self) -> None:
        for path, mode in ((self._folder, FOLDER_MODE), (self._path, FILE_MODE)):
            if path.stat().st_mode & OTHERS:
                raise KeyRingRefused(f"other users can reach {path}: run  chmod {mode:o} {path}")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone with the folder, so that two staff who rotate at once do not lose a key."""
        try:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            self.current()  # says what is missing
            raise
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _write(self, ring: KeyRing) -> KeyRing:
        """Write beside, sync, rename, sync the folder: a crash leaves the old ring or the new one, whole."""
        beside = self._path.with_suffix(".tmp")
        with suppress(FileNotFoundError):
            beside.unlink()
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(file, "wb") as out:
            out.write(_text(ring))
            out.flush()
            os.fsync(out.fileno())
        beside.rename(self._path)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self.current()


def new_ring_text(now_ms: int) -> str:
    """A new ring as its file would have it."""
    return _text(_new_ring(now_ms)).decode()


def _new_ring(now_ms: int) -> KeyRing:
    return KeyRing(tuple(_new_key(purpose, now_ms, ()) for purpose in Purpose))


def _new_key(purpose: Purpose, now_ms: int, others: tuple[RingKey, ...]) -> RingKey:
    taken = {key.key_id for key in others}
    key_id = next(each for each in iter(lambda: secrets.randbits(KEY_ID_BITS), None) if each and each not in taken)
    return RingKey(key_id, purpose, State.PRIMARY, now_ms, secrets.token_bytes(KEY_BYTES))


def _with(keys: tuple[RingKey, ...], changed: RingKey) -> tuple[RingKey, ...]:
    return tuple(changed if key.key_id == changed.key_id else key for key in keys)


def _text(ring: KeyRing) -> bytes:
    keys = [
        {
            "id": key.name,
            "purpose": key.purpose,
            "state": key.state,
            "created_ms": key.created_ms,
            "key": base64.b64encode(key.secret).decode(),
        }
        for key in ring.keys
    ]
    return json.dumps({"format": RING_FORMAT, "keys": keys}, indent=2).encode() + b"\n"


def _parse(text: bytes, path: Path) -> KeyRing:
    """A ring whose every part is as it must be. The error never quotes the file."""
    try:
        plain = json.loads(text)
        if plain["format"] != RING_FORMAT:
            raise KeyRingRefused(f"{path} has format {plain['format']!r}, this release reads {RING_FORMAT}: upgrade")
        ring = KeyRing(tuple(_parse_key(each) for each in plain["keys"]))
        for purpose in Purpose:
            ring.primary(purpose)
    except (ValueError, KeyError, TypeError, StopIteration):
        raise KeyRingRefused(f"{path} is damaged: put ring.json back from its backup") from None
    return ring


def _parse_key(plain: Any) -> RingKey:
    secret = base64.b64decode(plain["key"], validate=True)
    if len(secret) != KEY_BYTES:
        raise ValueError
    return RingKey(
        key_id=int(plain["id"], 16),
        purpose=Purpose(plain["purpose"]),
        state=State(plain["state"]),
        created_ms=int(plain["created_ms"]),
        secret=secret,
    )
