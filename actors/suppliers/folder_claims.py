"""Who took which codes out of a folder: one line a claim, on disk before a code is given away.

`<folder>/.cardkeep/claims` is only ever appended to. A code is known by a keyed mark of 16 bytes, wherever in whichever
file it stands: a file that is renamed, longer, or there twice sells nothing twice. The key is the file's first line.
A line that was torn by a crash was never answered for, and is taken away before the next. One process at a time looks
and writes, under a lock of the operating system's.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes
from typing import NamedTuple

from engine.money import Money
from engine.supply.attempts import AttemptId

_MARK_BYTES = 16
_RETRY_S = 0.01


class Claim(NamedTuple):
    """Codes that an attempt was given, by their marks; `number` counts the folder's claims from 1."""

    number: int
    attempt: AttemptId
    product: str
    at_ms: int
    cost: Money
    marks: tuple[str, ...]


class ClaimsDamaged(Exception):
    """The claims cannot be read: nothing may be given away until a person has looked."""


class Claims:
    """See above. Everything but `locked` is to be called under the lock."""

    def __init__(self, folder: Path) -> None:
        self._home = folder / ".cardkeep"
        self._path = self._home / "claims"
        self._key = b""
        self._read_to = 0
        self._by_attempt: dict[AttemptId, Claim] = {}
        self._taken: set[str] = set()

    @contextmanager
    def locked(self, within_s: float) -> Iterator[None]:
        """Hold the folder, and know every claim in it. Raises TimeoutError, ClaimsDamaged, OSError."""
        self._home.mkdir(exist_ok=True)
        deadline = time.monotonic() + within_s
        with (self._home / "lock").open("ab") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise TimeoutError("another process holds the folder") from None
                    time.sleep(_RETRY_S)
            self._catch_up()
            yield

    def of(self, attempt: AttemptId) -> Claim | None:
        """What an attempt was given."""
        return self._by_attempt.get(attempt)

    def all(self) -> Sequence[Claim]:
        """The oldest first."""
        return list(self._by_attempt.values())

    def mark(self, code: str) -> str:
        """A code's name here. No way leads back without the key."""
        return hashlib.blake2b(code.encode(), digest_size=_MARK_BYTES, key=self._key).hexdigest()

    def has(self, mark: str) -> bool:
        """Whether a code was given away."""
        return mark in self._taken

    def add(self, claim: Claim) -> None:
        """Write a claim down. When this returns it is on disk. Raises OSError: then it may be there, or not."""
        line = json.dumps({**claim._asdict(), "cost": list(claim.cost)}, ensure_ascii=False).encode() + b"\n"
        self._append(line)
        self._note(claim)

    def next_number(self) -> int:
        """Of the next claim."""
        return len(self._by_attempt) + 1

    def _append(self, line: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._read_to += len(line)

    def _catch_up(self) -> None:
        """Take in what was written since, by us or by another process; take away a torn last line."""
        if not self._path.exists() or self._path.stat().st_size == 0:
            self._begin()
        with self._path.open("r+b") as file:
            file.seek(self._read_to)
            fresh = file.read()
            whole = fresh.rfind(b"\n") + 1
            if whole < len(fresh):
                file.truncate(self._read_to + whole)
                file.flush()
                os.fsync(file.fileno())
        for line in fresh[:whole].splitlines():
            self._take_in(line)
        self._read_to += whole
        if not self._key:
            raise ClaimsDamaged("the claims have no key")

    def _begin(self) -> None:
        if self._read_to:
            raise ClaimsDamaged("the claims have gone")
        self._append(json.dumps({"key": token_bytes(32).hex()}).encode() + b"\n")
        for place in (self._home, self._home.parent):
            handle = os.open(place, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        self._read_to = 0

    def _take_in(self, line: bytes) -> None:
        try:
            document = json.loads(line)
            if "key" in document:
                self._key = bytes.fromhex(document["key"])
                return
            document["cost"] = Money(*document["cost"])
            document["marks"] = tuple(document["marks"])
            self._note(Claim(**document))
        except (ValueError, TypeError, KeyError):
            raise ClaimsDamaged("a line of the claims cannot be read") from None

    def _note(self, claim: Claim) -> None:
        self._by_attempt[claim.attempt] = claim
        self._taken.update(claim.marks)
