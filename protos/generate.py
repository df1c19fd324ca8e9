"""Makes the Python code from the .proto files: `python -m protos.generate`, or `--check` to find stale files.

Every file is written twice: beside the .proto for the engine's own floor, and into the client's package, so
that the client installs alone. Both copies register the same descriptors, so they can live in one process.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = REPOSITORY / "protos"
TARGETS = (
    REPOSITORY / "protos" / "cardkeep" / "v1",
    REPOSITORY / "clients" / "python" / "src" / "cardkeep_client" / "v1",
)

#: What a generated file's name ends with; whatever else ends so in a target folder is stale.
GENERATED = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")

_FROM = re.compile(r"^from cardkeep\.v1 import (\w+_pb2)", re.MULTILINE)
_IMPORT = re.compile(r"^import cardkeep\.v1\.(\w+_pb2) as (\w+)", re.MULTILINE)


def main() -> int:
    """Generate, or with `--check` compare; the exit code is 1 when something is stale."""
    parser = argparse.ArgumentParser(prog="python -m protos.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; name the files that are stale")
    check = parser.parse_args().check
    generated = generate(SOURCES)
    stale = [path for target in TARGETS for path in stale_files(target, generated)]
    if check:
        for path in stale:
            sys.stderr.write(f"stale: {path.relative_to(REPOSITORY)} (run python -m protos.generate)\n")
        return 1 if stale else 0
    for target in TARGETS:
        _write(target, generated)
    sys.stdout.write(f"{len(generated)} files in {len(TARGETS)} folders, {len(stale)} of them changed\n")
    return 0


def generate(sources: Path) -> Mapping[str, str]:
    """File name → text of what protoc makes of the .proto files; service code only where there is a service."""
    protos = sorted(sources.glob("cardkeep/v1/*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        outputs = [f"--{kind}_out={scratch}" for kind in ("python", "grpc_python")]
        includes = [f"-I{sources}", f"-I{files('grpc_tools') / '_proto'}"]
        failed: int = protoc.main(["protoc", *includes, *outputs, *_stubs(scratch), *map(str, protos)])
        if failed:
            raise SystemExit(failed)
        texts = {path.name: _relative(path.read_text()) for path in sorted(Path(scratch).glob("cardkeep/v1/*"))}
    return {name: text for name, text in texts.items() if "_grpc" not in name or "Stub" in text}


def stale_files(target: Path, generated: Mapping[str, str]) -> Iterator[Path]:
    """Files of `target` that differ from `generated`, are missing there, or should be gone."""
    for name, text in generated.items():
        path = target / name
        if not path.exists() or path.read_text() != text:
            yield path
    yield from (path for path in _present(target) if path.name not in generated)


def _stubs(scratch: str) -> Iterator[str]:
    """Arguments for mypy-protobuf, whose programs stand beside the interpreter, on the PATH or not."""
    for kind in ("mypy", "mypy_grpc"):
        yield f"--plugin=protoc-gen-{kind}={Path(sys.executable).parent / f'protoc-gen-{kind}'}"
        yield f"--{kind}_out=quiet:{scratch}"


def _relative(text: str) -> str:
    """Imports of sibling modules made relative: neither copy may depend on where it is installed."""
    return _IMPORT.sub(r"from . import \1 as \2", _FROM.sub(r"from . import \1", text))


def _present(target: Path) -> list[Path]:
    return sorted(path for path in target.glob("*") if path.name.endswith(GENERATED))


def _write(target: Path, generated: Mapping[str, str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in _present(target):
        if path.name not in generated:
            path.unlink()
    for name, text in generated.items():
        (target / name).write_text(text)


if __name__ == "__main__":
    sys.exit(main())
