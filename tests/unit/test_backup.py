"""Copies of a data folder: whole, or none; and nothing is ever written over."""

import shutil
from itertools import count
from pathlib import Path

import pytest

from actors import backup
from actors.backup import BackupFailed, recover, save

MANIFEST = "file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a store, history and a ring."""
    data = tmp_path / "data"
    files = data / "store" / "appendonlydir"
    files.mkdir(parents=True)
    (files / "appendonly.aof.manifest").write_text(MANIFEST)
    (files / "appendonly.aof.1.base.aof").write_text("base")
    (files / "appendonly.aof.1.incr.aof").write_text("more")
    (data / "history").mkdir()
    (data / "history" / "sales.parquet").write_text("sales")
    (data / "keys").mkdir()
    (data / "keys" / "ring.json").write_text("ring")
    (data / "logs").mkdir()
    return data


def _files(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_what_must_survive_is_copied_and_put_back(data: Path, tmp_path: Path) -> None:
    """And nothing else: logs and sockets belong to a run. Nobody else may read it."""
    before = _files(data)
    assert save(data, tmp_path / "copy") == sum(map(len, before.values()))
    assert _files(tmp_path / "copy") == before
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0
    shutil.rmtree(data)
    recover(tmp_path / "copy", data)
    assert _files(data) == before
    assert (data / "store").stat().st_mode & 0o077 == 0


def test_a_store_that_goes_on_to_new_files_is_copied_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy has the new set, and nothing of the old one."""
    files = data / "store" / "appendonlydir"
    copied = shutil.copy2

    def copy_while_it_is_written_anew(source: Path, target: Path) -> object:
        if source.name == "appendonly.aof.1.incr.aof":
            (files / "appendonly.aof.2.base.aof").write_text("both")
            (files / "appendonly.aof.manifest").write_text("file appendonly.aof.2.base.aof seq 2 type b\n")
            source.unlink()
        return copied(source, target)

    monkeypatch.setattr(backup.shutil, "copy2", copy_while_it_is_written_anew)
    save(data, tmp_path / "copy")
    kept = _files(tmp_path / "copy" / "store" / "appendonlydir")
    assert kept == {
        "appendonly.aof.2.base.aof": "both",
        "appendonly.aof.manifest": "file appendonly.aof.2.base.aof seq 2 type b\n",
    }


def test_history_that_changes_meanwhile_is_copied_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that has been taken away since it was listed, and one that is not whole yet."""
    history = data / "history"
    (history / "old.parquet").write_text("old")
    (history / "fresh.parquet.new").write_text("half")
    copied = shutil.copytree

    def copy_while_it_is_tidied(source: Path, target: Path, **wishes: object) -> object:
        def copy_file(file: str, to: str) -> object:
            (history / "old.parquet").unlink(missing_ok=True)
            return shutil.copy2(file, to)

        return copied(source, target, copy_function=copy_file, **wishes)

    monkeypatch.setattr(backup.shutil, "copytree", copy_while_it_is_tidied)
    save(data, tmp_path / "copy")
    assert _files(tmp_path / "copy" / "history") == {"sales.parquet": "sales"}


def test_a_copy_that_broke_off_leaves_nothing_in_its_place(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the same command may be run again."""
    with monkeypatch.context() as full:
        full.setattr(backup.shutil, "copy2", _no_room)
        with pytest.raises(OSError, match="No space left"):
            save(data, tmp_path / "copy")
    assert save(data, tmp_path / "copy")
    with monkeypatch.context() as full:
        full.setattr(backup.shutil, "copytree", _no_room)
        with pytest.raises(OSError, match="No space left"):
            recover(tmp_path / "copy", tmp_path / "new")
    assert recover(tmp_path / "copy", tmp_path / "new")


def _no_room(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_store_that_never_rests_is_given_up(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than a copy that is none."""
    manifest = data / "store" / "appendonlydir" / "appendonly.aof.manifest"
    copied, sets = shutil.copy2, count(1)

    def copy_while_it_changes(source: Path, target: Path) -> object:
        manifest.write_text(f"file appendonly.aof.1.base.aof seq {next(sets)} type b\n")
        return copied(source, target)

    monkeypatch.setattr(backup.shutil, "copy2", copy_while_it_changes)
    with pytest.raises(BackupFailed, match="when it is quieter"):
        save(data, tmp_path / "copy")


def test_nothing_is_written_over(data: Path, tmp_path: Path) -> None:
    """Neither a copy nor a store."""
    save(data, tmp_path / "copy")
    with pytest.raises(BackupFailed, match="choose a new folder"):
        save(data, tmp_path / "copy")
    with pytest.raises(BackupFailed, match="do not delete it"):
        recover(tmp_path / "copy", data)


def test_what_is_no_data_folder_or_no_copy_is_refused(data: Path, tmp_path: Path) -> None:
    """A copy without its ring opens no card."""
    with pytest.raises(BackupFailed, match="no store"):
        save(tmp_path, tmp_path / "copy")
    save(data, tmp_path / "copy")
    (tmp_path / "copy" / "keys" / "ring.json").unlink()
    with pytest.raises(BackupFailed, match="no whole copy"):
        recover(tmp_path / "copy", tmp_path / "new")
