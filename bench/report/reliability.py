"""The figures of docs/reliability.md, from the documents of the last runs. What stands there is never written by hand.

A section of the page between two marks is written anew, and nothing else. A goal that was missed is told as missed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.run.table import number

Plain = Mapping[str, Any]

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

BEGIN = "<!-- figures: what follows is written by `make reliability` -->"
END = "<!-- end of figures -->"

#: The run without which there is nothing to report, and those that are told of where they were run.
_FAULTS = "chaos"
_SIMULATION = "sim"
_OTHERS = (_SIMULATION, "upgrade", "elastic", "restore")

#: How a document calls the number of its failovers, by what failed.
_FAILOVERS = "_failovers"

#: Shares below this are told in millionths.
_SMALL = 0.001
_MILLION = 1_000_000

#: So many digits of a commit name it for people; so many letters of an ISO moment are its day.
_COMMIT_DIGITS, _DAY_LETTERS = 10, 10


class NoFigures(Exception):
    """A document or the page's section is lacking; the text says what, and which command makes it."""


def rewrite(page: Path, build: Path) -> None:
    """Write the section of a page anew, from documents in a folder. Raises NoFigures, and changes nothing then."""
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoFigures(f"{page} has no section for figures, between {BEGIN} and {END}")
    lines = "\n".join(section(build))
    page.write_text(f"{before}{BEGIN}\n\n{lines}\n\n{END}{after}")


def section(build: Path) -> Iterator[str]:
    """Its lines. Raises NoFigures."""
    faults = _document(build, _FAULTS)
    there = [name for name in _OTHERS if _path(build, name).exists()]
    others = {name: _document(build, name) for name in there}
    yield from _run(_FAULTS, faults)
    yield from _failovers(faults)
    yield from _kinds(faults)
    yield from _controls(faults)
    for name, document in others.items():
        yield ""
        yield from _run(name, document)
    if lacking := [f"`{_command(name)}`" for name in _OTHERS if name not in others]:
        yield from ("", f"Not run for this report: {', '.join(lacking)}.")


def _command(name: str) -> str:
    return "make sim N=20000" if name == _SIMULATION else f"make bench SCENARIO={name}"


def _path(build: Path, name: str) -> Path:
    """The simulation is no scenario of the bench: its document is beside the bench's folder."""
    return (build.parent if name == _SIMULATION else build) / f"{name}.json"


def _document(build: Path, name: str) -> Plain:
    """What a scenario left behind. Raises NoFigures."""
    path = _path(build, name)
    needed = {"figures", "began_at", "took_s", "machine", "revision"}
    needed |= {"faults_by_kind", "skipped", "negative_controls"} if name == _FAULTS else set()
    try:
        document = json.loads(path.read_text())
        lacking = ", ".join(sorted(needed - set(document)))
    except (OSError, ValueError, TypeError):
        lacking = "everything"
    if lacking:
        raise NoFigures(f"{path} is lacking, or it has no {lacking}: run `{_command(name)}` first")
    whole: Plain = document
    return whole


def _run(name: str, document: Plain) -> Iterator[str]:
    """When and where it was run, and its figures with their goals."""
    machine, revision = document["machine"], document["revision"]
    code = revision["commit"][:_COMMIT_DIGITS] + (" and changes" if revision["dirty"] else "")
    day, gib = document["began_at"][:_DAY_LETTERS], machine["memory_bytes"] / 2**30
    yield (
        f"**`{_command(name)}`**, {day}, revision {code}, {machine['model']}, {machine['cores']} cores,"
        f" {gib:.0f} GiB, {document['took_s']:,.0f} s. {_goals(document['figures'])}"
    )
    yield ""
    rows = [_figure(each, series) for each, series in document["figures"].items()]
    yield from _table(("figure", "median", "goal", "", "what"), rows)


def _goals(figures: Mapping[str, Plain]) -> str:
    """In a sentence."""
    with_goal = {name: series["goal"] for name, series in figures.items() if series["goal"]}
    missed = [f"`{name}`" for name, goal in with_goal.items() if not goal["met"]]
    if missed:
        return f"**Of {len(with_goal)} goals {len(missed)} missed: {', '.join(missed)}.**"
    return f"All of {len(with_goal)} goals met."


def _figure(name: str, series: Plain) -> Sequence[str]:
    goal, value = series["goal"], series["median"]
    is_small_share = not series["unit"] and 0 < value < _SMALL
    said = f"{number(value * _MILLION)} of a million" if is_small_share else f"{number(value)} {series['unit']}".strip()
    if goal is None:
        return (f"`{name}`", said, "", "", series["about"])
    bound = f"{'≥' if goal['sense'] == 'at least' else '≤'} {number(goal['bound'])}"
    return (f"`{name}`", said, bound, "met" if goal["met"] else "**missed**", series["about"])


def _failovers(document: Plain) -> Iterator[str]:
    """Of how many the percentiles are: of few, a p99 is the worst."""
    counts = {name.removesuffix(_FAILOVERS): count for name, count in document.items() if name.endswith(_FAILOVERS)}
    if counts:
        yield from ("", f"Failovers alone: {', '.join(f'{count} of `{name}`' for name, count in counts.items())}.")


def _kinds(document: Plain) -> Iterator[str]:
    """Faults by kind, and which never happened."""
    kinds = document["faults_by_kind"]
    rows = [(f"`{name}`", str(of["happened"]), str(of["alone"]), of["about"]) for name, of in kinds.items()]
    yield ""
    yield from _table(("fault", "happened", "of these alone", "what"), rows)
    if skipped := document["skipped"]:
        yield from ("", "Never happened: " + "; ".join(f"`{name}` ({why})" for name, why in skipped.items()) + ".")


def _controls(document: Plain) -> Iterator[str]:
    """Houses that are wrong on purpose, and right ones beside them."""
    rows = [
        (
            name,
            "wrong" if control["is_wrong"] else "right",
            f"{sum(control['caught'].values()):,}",
            ", ".join(control["caught"]),
            "as it must be" if control["as_expected"] else "**not as it must be**",
        )
        for name, control in document["negative_controls"].items()
    ]
    yield ""
    yield from _table(("control", "it is", "violations", "which", "judged"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"
