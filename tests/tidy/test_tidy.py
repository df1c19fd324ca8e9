"""The inspector: what the house promises about its own shape, checked by a machine so that no neighbour has to."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("engine", "actors", "bench", "clients", "protos")
LINES_MAX = 400
FUNCTION_LINES_MAX = 50
BANNED_FILES = {"utils", "helpers", "common", "manager", "base", "data", "info", "service", "processor", "misc"}
BANNED_WORDS = re.compile(r"\b(qty|cfg|alloc|mgr|carmi|FIXME|TODO|XXX)\b")
PLACES = re.compile(r"/(root|home|work)/")
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(ROOT / line for line in listed.splitlines() if (ROOT / line).exists())


@cache
def sources() -> dict[str, str]:
    """Our Python by its path from the root, without what is generated."""
    ours = (path for path in tracked() if path.suffix == ".py" and not GENERATED.search(path.name))
    named = ((path.relative_to(ROOT), path) for path in ours)
    return {str(name): path.read_text() for name, path in named if name.parts[0] in (*OURS, "tests")}


def test_files_are_short_and_well_named() -> None:
    """They fit in a few glances, and are not called after nothing."""
    assert [name for name, text in sources().items() if len(text.splitlines()) > LINES_MAX] == []
    assert [name for name in sources() if Path(name).stem in BANNED_FILES] == []


def test_functions_fit_in_a_glance() -> None:
    """No function is longer than fifty lines."""
    assert [name + long for name, text in sources().items() for long in too_long(text)] == []


def too_long(text: str) -> list[str]:
    """The functions in it that are."""
    functions = (
        node for node in statements(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return [f": {node.name}" for node in functions if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX]


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements within it, at any depth; what they are made of is not looked into, which is most of the work."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, block, None)
        for each in inner if isinstance(inner, list) else ():
            yield each
            yield from statements(each)


def test_no_banned_words() -> None:
    """One word per thing, and nothing left for later."""
    found = ((name, BANNED_WORDS.search(text)) for name, text in sources().items() if ROOT / name != Path(__file__))
    assert [f"{word[0]!r} in {name}" for name, word in found if word] == []


def test_every_verb_of_make_that_a_page_names_exists() -> None:
    """Whoever types what a page says should not hear that there is no such rule."""
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = (path for path in tracked() if path.suffix in {".md", ".yml"} or path.name == "run")
    named = {
        (path.name, verb)
        for path in pages
        for verb in re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 10
    assert sorted((page, verb) for page, verb in named if verb not in verbs) == []


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
    texts = {".py", ".md", ".proto", ".toml", ".yaml", ".lua", ""}
    ours = [path for path in tracked() if path.suffix in texts and path != Path(__file__)]
    found = ((path.relative_to(ROOT), PLACES.search(path.read_text(errors="ignore"))) for path in ours)
    assert [f"{place[0]} in {path}" for path, place in found if place] == []
