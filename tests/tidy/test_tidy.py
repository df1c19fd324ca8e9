"""The inspector: what the house promises about its own shape, checked by a machine so that no neighbour has to."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("engine", "actors", "bench", "clients", "protos")
LINES_MAX = 400
FUNCTION_LINES_MAX = 50
BANNED_FILES = {"utils", "helpers", "common", "manager", "base", "data", "info", "service", "processor", "misc"}
BANNED_WORDS = re.compile(r"\b(qty|cfg|alloc|mgr|carmi|FIXME|TODO|XXX)\b")
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$")


def tracked() -> list[Path]:
    """Every file of the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).exists()]


def sources() -> list[Path]:
    """Our Python, without what is generated."""
    return [
        path
        for path in tracked()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in (*OURS, "tests")
        and not GENERATED.search(path.name)
    ]


def name_of(path: Path) -> str:
    """A path as a test id."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_file_is_short_documented_and_well_named(path: Path) -> None:
    """Files fit in a few glances, say what they are for, and are not called after nothing."""
    text = path.read_text()
    assert len(text.splitlines()) <= LINES_MAX
    assert ast.get_docstring(ast.parse(text)), "a module docstring says what the room is for"
    assert path.stem not in BANNED_FILES


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_functions_fit_in_a_glance(path: Path) -> None:
    """No function is longer than fifty lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, f"{node.name} is too long"


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_no_banned_words(path: Path) -> None:
    """One word per thing, and nothing left for later."""
    if path != Path(__file__):
        found = BANNED_WORDS.search(path.read_text())
        assert found is None, f"{found[0]!r} in {name_of(path)}" if found else ""


def test_library_code_does_not_print() -> None:
    """Programs print through their console; nothing else prints at all."""
    for path in sources():
        if path.relative_to(ROOT).parts[0] in {"engine", "actors"}:
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
            assert "print" not in names, name_of(path)


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_paths_named_in_documents_exist(page: str) -> None:
    """A document that points nowhere is worse than none."""
    text = (ROOT / page).read_text()
    named = re.findall(r"`((?:engine|actors|protos|bench|clients|tests|docs)/[\w./-]*)`", text)
    missing = [path for path in named if not (ROOT / path).exists()]
    assert not missing


def test_every_setting_and_metric_stands_in_the_operators_page() -> None:
    """Nobody who runs a house should have to read its source."""
    page = (ROOT / "docs" / "operating.md").read_text()
    settings = re.findall(r"^    (\w+): .* = ", (ROOT / "actors" / "settings.py").read_text(), re.MULTILINE)
    metrics = re.findall(r'"(cardkeep_\w+)",', (ROOT / "actors" / "metrics.py").read_text())
    assert len(settings) > 10
    assert len(metrics) > 10
    assert [name for name in settings if f"`CARDKEEP_{name.upper()}`" not in page] == []
    assert [name for name in metrics if name not in page] == []


def test_every_engine_room_has_its_unit_test() -> None:
    """What is decided is tested alone: each file of the stock has a test file of its name, or is imported by one."""
    unit = ROOT / "tests" / "unit"
    tests = " ".join(path.read_text() for path in unit.glob("*.py"))
    for path in (ROOT / "engine" / "stock").glob("[a-z]*.py"):
        has_file = (unit / f"test_{path.stem}.py").exists()
        assert has_file or f"stock.{path.stem}" in tests or f"import {path.stem}" in tests, path.name


def test_every_event_has_a_number() -> None:
    """An event without a number cannot be journaled."""
    from engine.stock import codec  # noqa: PLC0415 - the other tests read text only

    named = set(re.findall(r"^class (\w+)\(NamedTuple\)", (ROOT / "engine/stock/events.py").read_text(), re.MULTILINE))
    assert {kind.__name__ for kind in codec.EVENTS.values()} == named


def test_no_file_names_another_place() -> None:
    """The project speaks of itself alone: no path of a machine stands in it."""
    for path in tracked():
        if path.suffix in {".py", ".md", ".proto", ".toml", ".yaml", ".lua", ""} and path != Path(__file__):
            text = path.read_text(errors="ignore")
            assert "/root/" not in text, name_of(path)
            assert "/home/" not in text, name_of(path)
            assert "/work/" not in text, name_of(path)
