"""Copies of a data folder: taken while it sells, and put back. `python -m actors.backup save|restore FROM TO`.

The store appends to its file, and goes on in a new set of files when it writes it anew; the manifest names the set. A
copy is whole when the manifest is the same before and after. A last record that was cut is dropped at the start, as
after a power cut. The key ring comes last: it only grows, so it then has every key that the copy needs.
"""

import shutil
import sys
from pathlib import Path

#: Sets of files begun before a copy is given up: the store writes its file anew each time it has doubled.
_TRIES_MAX = 20

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
    copy.mkdir(mode=0o700, parents=True)
    (copy / "store").mkdir(mode=0o700)
    _copy_store(data / "store" / _FILES, copy / "store" / _FILES)
    for part in ("history", "keys"):
        if (data / part).exists():
            shutil.copytree(data / part, copy / part)
    return sum(file.stat().st_size for file in copy.rglob("*") if file.is_file())


def restore(copy: Path, data: Path) -> int:
    """Make a data folder of a copy. Returns its bytes. Raises BackupFailed where there is one already."""
    if (data / "store").exists():
        raise BackupFailed(f"{data} has a store: move it away, do not delete it")
    if not (copy / "store" / _FILES / _MANIFEST).exists() or not (copy / "keys" / "ring.json").exists():
        raise BackupFailed(f"{copy} is no whole copy: it needs store/{_FILES}/{_MANIFEST} and keys/ring.json")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part in ("store", "history", "keys"):
        if (copy / part).exists():
            shutil.copytree(copy / part, data / part)
    (data / "store").chmod(0o700)
    return sum(file.stat().st_size for file in data.rglob("*") if file.is_file())


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


def main(what: str, source: str, target: str) -> int:
    """Exit code 1, and why, when it was not done."""
    try:
        copied = {"save": save, "restore": restore}[what](Path(source), Path(target))
    except (BackupFailed, OSError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"{copied}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
