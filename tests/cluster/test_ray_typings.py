"""What we say of Ray's types is true of the Ray that is installed: what is named exists, and takes what it says."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import actors.cluster

_TYPINGS = Path(actors.cluster.__file__).with_name("typings")


def _named() -> Iterator[tuple[str, str, ast.FunctionDef | None]]:
    """Each public class with its constructor, and each function, by module and name."""
    for stub in sorted(_TYPINGS.rglob("*.pyi")):
        module = ".".join(stub.relative_to(_TYPINGS).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(stub.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                yield module, node.name, node
            elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                made = (each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
                yield module, node.name, next(made, None)


@pytest.mark.parametrize(("module", "name", "described"), list(_named()), ids=str)
def test_it_is_as_described(module: str, name: str, described: ast.FunctionDef | None) -> None:
    """Messages of protocol buffers take any field by name, and say which they have in another way."""
    found = getattr(importlib.import_module(module), name)
    if described is None:
        return
    wanted = {each.arg for each in (*described.args.args, *described.args.kwonlyargs)} - {"self"}
    if hasattr(found, "DESCRIPTOR"):
        assert wanted <= set(found.DESCRIPTOR.fields_by_name)
        return
    takes = inspect.signature(found).parameters
    if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in takes.values()):
        assert wanted <= set(takes)
