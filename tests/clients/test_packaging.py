"""The client stands alone, and the generated code on both floors is what the .proto files say."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import cardkeep_client.v1.allocation_pb2 as client_messages
import pytest
from cardkeep_client.v1 import allocation_pb2_grpc

import protos.cardkeep.v1.allocation_pb2 as engine_messages
from protos import generate

CLIENT = generate.REPOSITORY / "clients" / "python"


@pytest.fixture(params=["copied", "installed"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with the client and what it declares to need, and nothing else of ours."""
    if request.param == "copied":
        shutil.copytree(CLIENT / "src" / "cardkeep_client", tmp_path / "cardkeep_client")
    else:
        shutil.copytree(CLIENT, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__"))
        uv = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--python", sys.executable]
        offline = ["--no-deps", "--no-index", "--no-build-isolation", "--target", tmp_path]
        subprocess.run([*uv, *offline, tmp_path / "source"], check=True)
    for name in ("grpc", "google", "typing_extensions"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        place = Path(next(iter(spec.submodule_search_locations or ()), None) or str(spec.origin))
        (tmp_path / place.name).symlink_to(place)
    return tmp_path


def test_the_client_works_without_the_rest(folder: Path) -> None:
    """An isolated interpreter that sees only grpc, google and the client can import it and make a client."""
    program = f"""
import sys
sys.path.insert(0, {str(folder)!r})
import cardkeep_client
cardkeep_client.Client("127.0.0.1:1").close()
ours = sorted(name for name in sys.modules if name.split(".")[0] in ("engine", "actors", "protos", "ray", "redis"))
assert not ours, ours
print(cardkeep_client.__file__)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(folder / "cardkeep_client" / "__init__.py")


def test_the_typed_marker_travels_along(folder: Path) -> None:
    """Without py.typed the caller's type checker ignores every annotation."""
    assert (folder / "cardkeep_client" / "py.typed").exists()
    assert (folder / "cardkeep_client" / "v1" / "types_pb2.pyi").exists()


def test_the_declared_grpcio_is_new_enough_for_the_generated_code() -> None:
    """The stubs refuse an older grpcio when imported: the declared floor must not let one in."""
    declared = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]["dependencies"]
    floor = next(re.fullmatch(r"grpcio>=([0-9.]+)", line) for line in declared if line.startswith("grpcio"))
    assert floor is not None

    def numbers(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    assert numbers(floor[1]) >= numbers(allocation_pb2_grpc.GRPC_GENERATED_VERSION)


def test_both_copies_live_in_one_process() -> None:
    """A test, the demo and the command line import both: one descriptor, messages of either fit the other."""
    assert client_messages.__file__ != engine_messages.__file__
    assert client_messages.DESCRIPTOR is engine_messages.DESCRIPTOR
    made: Any = engine_messages.AllocateRequest(parent="a", request_id="r")
    assert client_messages.BatchAllocateRequest(items=[made]).items[0] == made


def test_generated_code_is_fresh() -> None:
    """Whoever changes a .proto must generate; `--check` is what the build runs."""
    done = subprocess.run(
        [sys.executable, "-m", "protos.generate", "--check"],
        cwd=generate.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_file_is_named(tmp_path: Path) -> None:
    """Changed, missing and left-over files are each found; hand-written neighbours are not."""
    generated = {"a_pb2.py": "new", "b_pb2.py": "new", "c_pb2.py": "same"}
    for name, text in {"a_pb2.py": "old", "c_pb2.py": "same", "gone_pb2.pyi": "", "__init__.py": ""}.items():
        (tmp_path / name).write_text(text)
    stale = generate.stale_files(tmp_path, generated)
    assert sorted(path.name for path in stale) == ["a_pb2.py", "b_pb2.py", "gone_pb2.pyi"]
