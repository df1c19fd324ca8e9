"""The doctor's look at the machine: Python, packages, limits of the system, the disk."""

import importlib.util
import os
import re
import resource
import shlex
import shutil
import statistics
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from clients.cli.finding import Finding, broken, fine, warning
from clients.cli.session import Session

PYTHON_MIN = (3, 11)

#: Descriptors a busy house needs: a few thousand connections, and Ray's own.
OPEN_FILES_MIN = 4_096

#: Free space below which the journal could stop a sale within hours, and below which it may any moment.
FREE_BYTES_WANTED, FREE_BYTES_MIN = 5 << 30, 500 << 20

#: A commit waits for one flush: beyond this a single buyer feels it.
FLUSH_MS_WANTED = 20.0

_FLUSHES = 20
_FLUSH_BYTES = 4_096
_GENCODE = re.compile(r"Protobuf Python Version: (\d+)\.(\d+)\.(\d+)")
_GRPC_GENCODE = re.compile(r"GRPC_GENERATED_VERSION = '(\d+)\.(\d+)\.(\d+)'")
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?")


def python_version(_session: Session) -> Finding:
    """Python itself."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON_MIN:
        wanted = ".".join(map(str, PYTHON_MIN))
        return broken("Python", running, f"install Python {wanted} or newer, and Cardkeep into it")
    return fine("Python", f"{running}, {sys.executable}")


def packages(_session: Session) -> Finding:
    """Whether everything this version needs is installed."""
    missing = []
    for requirement in requires("cardkeep") or ():
        name = _REQUIREMENT.match(requirement)
        if name is None or "extra ==" in requirement:
            continue
        try:
            version(name[1])
        except PackageNotFoundError:
            missing.append(name[1])
    if missing:
        return broken("packages", f"missing: {', '.join(missing)}", f"{sys.executable} -m pip install cardkeep")
    return fine("packages", f"cardkeep {version('cardkeep')}, ray {version('ray')}, grpcio {version('grpcio')}")


def generated_code(_session: Session) -> Finding:
    """Whether the protobuf and gRPC runtimes are as new as what the generated code was made with."""
    spec = importlib.util.find_spec("cardkeep_client")
    assert spec is not None, "the client is what this command line is made of"
    folder = Path(spec.origin or "").parent / "v1"
    wanted = {
        "protobuf": _first_version(folder / "types_pb2.py", _GENCODE),
        "grpcio": _first_version(folder / "allocation_pb2_grpc.py", _GRPC_GENCODE),
    }
    installed = {name: _numbers(version(name)) for name in wanted}
    old = [name for name, least in wanted.items() if installed[name] < least]
    text = ", ".join(f"{name} {_dotted(installed[name])} (code of {_dotted(wanted[name])})" for name in wanted)
    if old:
        needs = " ".join(f"'{name}>={_dotted(wanted[name])}'" for name in old)
        return broken("generated code", text, f"{sys.executable} -m pip install {needs}")
    return fine("generated code", text)


def open_files(_session: Session) -> Finding:
    """`ulimit -n`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= OPEN_FILES_MIN:
        return fine("open files", f"{soft:,} allowed" if soft != resource.RLIM_INFINITY else "no limit")
    most = "65536" if hard == resource.RLIM_INFINITY else str(hard)
    return warning("open files", f"only {soft:,} allowed", f"ulimit -n {most}")


def data_folder(session: Session) -> Finding:
    """Whether the data folder can be written."""
    data = session.data.absolute()
    place = _existing(data)
    in_the_way = next((each for each in (data, *data.parents) if each.exists()), place)
    if not in_the_way.is_dir():
        return broken("data folder", f"{in_the_way} is a file", "choose another with --data FOLDER")
    if not os.access(place, os.W_OK | os.X_OK) or not _takes_files(place):
        quoted = shlex.quote(str(place))
        mend = f"choose another with --data FOLDER, or sudo chown {os.getuid()} {quoted}"
        return broken("data folder", f"{place} cannot be written", mend)
    return fine("data folder", f"{data}" if data.exists() else f"{data}, made at the first start")


def disk_space(session: Session) -> Finding:
    """Whether the journal has room to grow."""
    place = _existing(session.data.absolute())
    free = shutil.disk_usage(place).free
    text = f"{free / (1 << 30):.1f} GB free at {place}"
    fix = "free some space, or choose another data folder with --data"
    if free < FREE_BYTES_MIN:
        return broken("disk space", text, fix)
    return warning("disk space", text, fix) if free < FREE_BYTES_WANTED else fine("disk space", text)


def disk_speed(session: Session) -> Finding:
    """How long a flush takes: each commit waits for one."""
    place = _existing(session.data.absolute())
    try:
        flush_ms = measured_flush_ms(place)
    except OSError as error:
        return broken("disk flush", f"could not be measured: {error.strerror}", f"ls -ld {shlex.quote(str(place))}")
    text = f"{flush_ms:.2f} ms, median of {_FLUSHES}"
    if flush_ms > FLUSH_MS_WANTED:
        return warning("disk flush", text, "choose a faster disk with --data (an SSD, not a network share)")
    return fine("disk flush", text)


def measured_flush_ms(folder: Path) -> float:
    """The median time of writing and flushing a small block there. Raises OSError."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_FLUSHES):
            began_s = time.perf_counter()
            file.write(bytes(_FLUSH_BYTES))
            file.flush()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - began_s) * 1_000)
    return statistics.median(times)


def _takes_files(folder: Path) -> bool:
    """Whether a file can be made there, which permissions alone do not say (/proc, a full or read-only disk)."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def _first_version(file: Path, pattern: re.Pattern[str]) -> tuple[int, ...]:
    found = pattern.search(file.read_text())
    return tuple(map(int, found.groups())) if found else ()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
