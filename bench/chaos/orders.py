"""What the bench tells its C shims, in a file that both map: eight-byte numbers; and how shims are built."""

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

_SHIMS = Path(__file__).with_name("shims")
_NUMBER = struct.Struct("=q")

#: A page, which is what is mapped; each shim's struct of orders is smaller.
_BYTES = 4096


class NoCompiler(Exception):
    """Shims cannot be built here; the text says why. What needs one is left out."""


def built(name: str, folder: Path) -> Path:
    """The shim of this name as a library, built into the folder. Raises NoCompiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise NoCompiler("there is no C compiler (gcc)")
    library = folder / f"{name}.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SHIMS / f"{name}.c"), "-ldl"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own source
    if finished.returncode:
        raise NoCompiler(f"{name}.c was not compiled: {finished.stderr.strip().splitlines()[-1:]}")
    return library


class Orders:
    """Numbers shared with a shim, by place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(_BYTES))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _BYTES)

    def __getitem__(self, place: int) -> int:
        number: int = _NUMBER.unpack_from(self._shared, place * _NUMBER.size)[0]
        return number

    def __setitem__(self, place: int, number: int) -> None:
        _NUMBER.pack_into(self._shared, place * _NUMBER.size, number)
