"""Copies of a data folder: taken while it sells, and put back. `python -m actors.backup save|recover FROM TO`.

The store appends to its file, and goes on in a new set of files when it writes it anew; the manifest names the set. A
copy is whole when the manifest is the same before and after. A last record that was cut is dropped at the start, as
after a power cut. The key ring comes last: it only grows, so it then has every key that the copy needs.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Sets of files begun before a copy is given up: the store writes its file anew each time it has doubled, and history
#: gets a file a fold.
_TRIES_MAX = 20

#: What makes a data folder, in the order of putting it back.
_PARTS = ("keys", "history", "store")

_FILES = "appendonlydir"
_MANIFEST = "appendonly.aof.manifest"


class BackupFailed(Exception):
    """Nothing was changed in what was to be copied; the text says what to do."""


def save(data: Path, copy: Path) -> int:
    """Copy a data folder, of a house that runs or not, into a new folder. Returns its bytes. Raises BackupFailed."""
    if copy.exists():
        raise BackupFailed(f"{copy} is there already: choose a new folder")
    if not (data / "store" / _FILES / _MANIFEST).exists():
        raise BackupFailed(f"there is no store in {data}: is it a data folder, and its store an embedded one?")
    with _whole_or_not_at_all(copy) as part:
        (part / "store").mkdir(mode=0o700)
        _copy_store(data / "store" / _FILES, part / "store" / _FILES)
        for name in ("history", "keys"):
            if (data / name).exists():
                _copy_folder(data / name, part / name)
    return _bytes_in(copy)


def recover(copy: Path, data: Path) -> int:
    """Make a data folder of a copy. Returns its bytes. Raises BackupFailed where there is one already."""
    for name in _PARTS:
        if (data / name).exists():
            raise BackupFailed(f"{data} has a folder {name} already: move it away, do not delete it")
    if not (copy / "store" / _FILES / _MANIFEST).exists() or not (copy / "keys" / "ring.json").exists():
        raise BackupFailed(f"{copy} is no whole copy: it needs store/{_FILES}/{_MANIFEST} and keys/ring.json")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in _PARTS:  # The store last: no half of a house can be started.
        if (copy / name).exists():
            with _whole_or_not_at_all(data / name) as part:
                shutil.copytree(copy / name, part, dirs_exist_ok=True)
    return _bytes_in(data)


@contextmanager
def _whole_or_not_at_all(folder: Path) -> Iterator[Path]:
    """Where to put together a folder that has its name only once all of it is there."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    try:
        yield part
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy_store(files: Path, copy: Path) -> None:
    for _ in range(_TRIES_MAX):
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(mode=0o700)
        manifest = (files / _MANIFEST).read_text()
        try:
            for line in manifest.splitlines():
                name = line.split()[1]
                shutil.copy2(files / name, copy / name)
        except FileNotFoundError:
            continue  # The store has gone on to a new set.
        (copy / _MANIFEST).write_text(manifest)
        if (files / _MANIFEST).read_text() == manifest:
            return
    raise BackupFailed(f"the store has begun a new set of files {_TRIES_MAX} times meanwhile: try when it is quieter")


def _copy_folder(folder: Path, copy: Path) -> None:
    """Files that are being written have another name until they are whole, and old ones are taken away meanwhile."""
    for _ in range(_TRIES_MAX):
        try:
            shutil.copytree(folder, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.new"))
        except (shutil.Error, FileNotFoundError):
            shutil.rmtree(copy, ignore_errors=True)
        else:
            return
    raise BackupFailed(f"{folder} has changed {_TRIES_MAX} times meanwhile, or cannot be read: try when it is quieter")


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main(what: str, source: str, target: str) -> int:
    """Exit code 1, and why, when it was not done."""
    try:
        copied = {"save": save, "recover": recover}[what](Path(source), Path(target))
    except (BackupFailed, OSError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"{copied}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
