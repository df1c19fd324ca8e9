"""The key ring on disk: for its owner alone, never half written, never silently replaced."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.adapters.key_ring import KeyRingFile, KeyRingRefused, Purpose, State
from actors.adapters.local_vault import LocalVault

NOW_MS = 1_790_000_000_000


@pytest.fixture
def rings(tmp_path: Path) -> KeyRingFile:
    """A new ring on disk."""
    file = KeyRingFile(tmp_path / "keys")
    file.create_if_missing(may_create=True, now_ms=NOW_MS)
    return file


def test_a_ring_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """Folder 0700, file 0600, and the second start reads what the first wrote."""
    made = KeyRingFile(tmp_path / "data" / "keys").create_if_missing(may_create=True, now_ms=NOW_MS)
    folder = tmp_path / "data" / "keys"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "ring.json").stat().st_mode) == 0o600
    assert [each.name for each in folder.iterdir()] == ["ring.json"]
    assert KeyRingFile(folder).create_if_missing(may_create=True, now_ms=NOW_MS + 1) == made
    assert KeyRingFile(folder).create_if_missing(may_create=False, now_ms=NOW_MS + 1) == made


def test_a_lost_ring_is_never_replaced_by_a_new_one(tmp_path: Path) -> None:
    """With cards in the store a new ring would make every one of them unreadable."""
    rings = KeyRingFile(tmp_path / "keys")
    for use in (
        lambda: rings.create_if_missing(may_create=False, now_ms=NOW_MS),
        lambda: rings.rotate(now_ms=NOW_MS),
        lambda: rings.disable(1),
        lambda: LocalVault(rings),
    ):
        with pytest.raises(KeyRingRefused, match=r"put ring\.json back from its backup"):
            use()
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(("name", "loose", "tight"), [("", 0o750, "700"), ("ring.json", 0o640, "600")])
def test_a_ring_that_others_can_reach_is_refused_with_the_line_to_run(
    rings: KeyRingFile, tmp_path: Path, name: str, loose: int, tight: str
) -> None:
    """Folder and file alike; after the line was run it is accepted."""
    path = tmp_path / "keys" / name
    path.chmod(loose)
    fresh = KeyRingFile(tmp_path / "keys")
    with pytest.raises(KeyRingRefused, match=f"run  chmod {tight} {path}"):
        fresh.current()
    path.chmod(int(tight, 8))
    assert fresh.current() == rings.current()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:40],
        lambda _: b"[]",
        lambda _: b"\xff",
        lambda text: text.replace(b'"purpose": "print"', b'"purpose": "wrap"'),
        lambda text: text.replace(b'"state": "primary"', b'"state": "enabled"'),
        lambda text: text.replace(b'"purpose": "wrap"', b'"purpose": "guess"'),
        lambda text: text.replace(b'"key": "', b'"key": "AAAA'),
        lambda text: text.replace(b'"key": "', b'"key": "*'),
    ],
)
def test_a_damaged_ring_is_refused_without_quoting_it(
    rings: KeyRingFile, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    """Nothing of a key may reach a log by way of an error."""
    path = tmp_path / "keys" / "ring.json"
    secrets = [key.secret for key in rings.current().keys]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(KeyRingRefused, match=r"is damaged: put ring\.json back") as caught:
        rings.current()
    assert caught.value.__suppress_context__
    assert not any(secret.hex() in str(caught.value) for secret in secrets)


def test_a_ring_of_a_later_release_is_refused_by_name(rings: KeyRingFile, tmp_path: Path) -> None:
    """It is not damaged: this program is old."""
    path = tmp_path / "keys" / "ring.json"
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2'))
    with pytest.raises(KeyRingRefused, match="has format 2, this release reads 1: upgrade"):
        rings.current()


def test_the_primary_key_the_print_key_and_a_stranger_cannot_be_disabled(rings: KeyRingFile) -> None:
    """Each refusal says why, and leaves the ring as it was."""
    ring = rings.current()
    with pytest.raises(KeyRingRefused, match="rotate first"):
        rings.disable(ring.primary(Purpose.WRAP).key_id)
    with pytest.raises(KeyRingRefused, match="makes the fingerprints"):
        rings.disable(ring.primary(Purpose.PRINT).key_id)
    stranger = ring.primary(Purpose.WRAP).key_id ^ 1
    with pytest.raises(KeyRingRefused, match=f"key {stranger:08x} is not in"):
        rings.enable(stranger)
    assert rings.current() == ring


def test_rotations_keep_every_key_and_exactly_one_primary(rings: KeyRingFile) -> None:
    """Also when two programs take turns, each with a file of its own."""
    others = KeyRingFile(rings._folder)
    for turn in range(6):
        (rings, others)[turn % 2].rotate(now_ms=NOW_MS + turn)
    keys = [key for key in rings.current().keys if key.purpose is Purpose.WRAP]
    assert [key.state for key in keys] == [State.ENABLED] * 6 + [State.PRIMARY]
    assert len({key.key_id for key in keys}) == 7
    assert keys[-1].created_ms == NOW_MS + 5


def test_what_a_crash_left_half_written_does_not_count(rings: KeyRingFile, tmp_path: Path) -> None:
    """The old ring is whole until the rename, and the next change clears the rest away."""
    ring = rings.current()
    (tmp_path / "keys" / "ring.tmp").write_bytes(b"{")
    assert KeyRingFile(tmp_path / "keys").current() == ring
    rings.rotate(now_ms=NOW_MS)
    assert [each.name for each in (tmp_path / "keys").iterdir()] == ["ring.json"]


def test_no_repr_shows_key_bytes(rings: KeyRingFile) -> None:
    """Tracebacks and debuggers print reprs."""
    ring = rings.current()
    shown = f"{ring!r} {ring.keys!r} {rings!r} {LocalVault(rings)!r}"
    assert ring.keys[0].name == f"{ring.keys[0].key_id:08x}"
    for key in ring.keys:
        assert repr(key.secret) not in shown
        assert key.secret.hex() not in shown


def test_the_ring_file_is_synced_before_it_is_renamed(rings: KeyRingFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rename that reaches the disk before the bytes would leave an empty ring after a power cut."""
    steps: list[str] = []
    sync, rename = os.fsync, Path.rename

    def record_sync(file: int) -> None:
        steps.append("sync folder" if stat.S_ISDIR(os.fstat(file).st_mode) else "sync file")
        sync(file)

    def record_rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(Path, "rename", record_rename)
    rings.rotate(now_ms=NOW_MS)
    assert steps == ["sync file", "rename", "sync folder"]
