"""Which plots a document gets: bars, latency and course of each kind of work, and where the CPU time went."""

from collections.abc import Sequence
from html import escape

from bench.report.plots import (
    Bar,
    Line,
    bar_plot,
    dash_of,
    legend,
    percentile_plot,
    stack_plot,
    time_plot,
)
from bench.report.words import Plain

#: In this order the parts of a stack stand; what a side does not have takes no room.
_ROLES = ("client", "front", "owner", "store", "archivist", "ray", "house", "other")

#: Colours there are; of more lines than these, some look alike and are told apart by where they run.
_COLOURS = 10


def pictures(document: Plain) -> str:
    """All plots. Sides are compared work by work; where there is one side only, its works are compared."""
    loads: Sequence[Plain] = document["loads"]
    if not loads:
        return _courses(document)
    works = list(dict.fromkeys(load["work"] for load in loads))
    sides = list(dict.fromkeys(_side(load) for load in loads))
    if len(sides) == 1 or len(works) == len(loads):
        colours = {load["work"]: number for number, load in enumerate(loads)}
        groups = _group("All loads", [(colours[load["work"]], load["work"], load) for load in loads])
        return _courses(document) + groups + _cpu(loads)
    colours = {side: number for number, side in enumerate(sides)}
    groups = "".join(
        _group(work, [(colours[_side(load)], _side(load), load) for load in loads if load["work"] == work])
        for work in works
    )
    return _courses(document) + groups + _cpu(loads)


def _courses(document: Plain) -> str:
    """What the scenario followed over time, a plot and a legend each."""
    plots = ""
    for course in document["courses"]:
        names = list(course["lines"])
        lines = [Line(number % _COLOURS, name, course["lines"][name]) for number, name in enumerate(names)]
        plots += f"<div>{time_plot(course['title'], lines, course['unit'])}"
        plots += legend([(f"c{line.colour}", dash_of(line.colour), line.name) for line in lines]) + "</div>"
    return f"<h2>Over time</h2><div class='plots'>{plots}</div>" if plots else ""


def _group(title: str, entries: Sequence[tuple[int, str, Plain]]) -> str:
    bars = [_bar(colour, name, load["items_per_s"]) for colour, name, load in entries]
    tails = [_bar(colour, name, load["p99_ms"]) for colour, name, load in entries]
    curves = [Line(colour, name, load["curve"]) for colour, name, load in entries if load["curve"]]
    pace = [line for colour, name, load in entries for line in _course(colour, name, load, "items", 1.0)]
    tail = [line for colour, name, load in entries for line in _course(colour, name, load, "p99_us", 1000.0)]
    names = [(f"c{colour}", dash_of(colour), name) for colour, name, _ in entries]
    return (
        f"<h2>{escape(title)}</h2>{legend(names)}<p class='soft'>A bar is the median of the rounds, the line through"
        " its end their range, the thick part of it their middle half.</p><div class='plots'>"
        + bar_plot("Items a second", bars, "items/s")
        + bar_plot("p99 of a call", tails, "ms")
        + percentile_plot("Latency of calls, all rounds together", curves)
        + (time_plot("Items a second, second by second, each round", pace, "items/s") if pace else "")
        + (time_plot("p99 of each second, each round", tail, "ms") if tail else "")
        + "</div>"
    )


def _cpu(loads: Sequence[Plain]) -> str:
    roles = [role for role in _ROLES if any(role in load["cpu_s"] for load in loads)]
    works = list(dict.fromkeys(load["work"] for load in loads))
    if len(works) == len(loads):
        stacks = {"CPU for one item": [(load["work"], load["cpu_us_per_item"]) for load in loads]}
    else:
        stacks = {
            f"{work}: CPU for one item": [
                (_side(load), load["cpu_us_per_item"]) for load in loads if load["work"] == work
            ]
            for work in works
        }
    plots = "".join(stack_plot(title, rows, roles, "µs") for title, rows in stacks.items())
    memory = {_side(load): {role: size / 2**20 for role, size in load["memory_bytes"].items()} for load in loads}
    kept = stack_plot("Resident memory at the end of the last kind of load, MiB", list(memory.items()), roles, "MiB")
    names = [(f"r{roles.index(role)}", "", role) for role in roles]
    return f"<h2>Where the time goes</h2>{legend(names)}<div class='plots'>{plots}{kept}</div>"


def _bar(colour: int, name: str, series: Plain) -> Bar:
    ends = (series["min"], series["max"], series["quartile_1"], series["quartile_3"])
    return Bar(colour, name, series["median"], *ends)


def _course(colour: int, name: str, load: Plain, of: str, over: float) -> list[Line]:
    """A line a round, of whole seconds: the load's last, in which answers are only waited for, is not told."""
    return [
        Line(colour, name, [(second["at_s"] + 0.5, second[of] / over) for second in one])
        for one in load["over_time"]
        if len(one) > 1
    ]


def _side(load: Plain) -> str:
    return f"{load['side']} {load['door']}"
