"""The scenarios there are: modules of bench/scenarios with an opening docstring and `run(bench)`."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from keyword import iskeyword
from typing import NamedTuple

from bench import scenarios
from bench.run.bench import Bench


class Scenario(NamedTuple):
    """One question."""

    name: str
    #: The first line of its docstring, and all of it.
    title: str
    about: str
    run: Callable[[Bench], None]


def names() -> list[str]:
    """All scenarios, by name. A module whose name Python would not take, such as `import`, ends in an underscore."""
    return sorted(module.name.removesuffix("_") for module in pkgutil.iter_modules(scenarios.__path__))


def find(name: str) -> Scenario:
    """One scenario. Raises KeyError when there is none of that name."""
    if name not in names():
        raise KeyError(name)
    module = importlib.import_module(f"{scenarios.__name__}.{name}{'_' if iskeyword(name) else ''}")
    about = inspect.getdoc(module) or ""
    return Scenario(name, about.splitlines()[0], about, module.run)
