"""The plots, as SVG written by hand: small, readable in light and dark, told in words to who cannot see them.

Colours come from the page's style (`var(--c0)` …), a number for each side; lines differ in their dashes too.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from bench.report.scale import Axis, linear, logarithmic, percentiles, short

#: All plots have one width, so that letters are as large in each; the page scales them to its columns.
_WIDTH = 520
_HEIGHT = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 12, 44

#: Lines of different sides differ in these besides the colour.
_DASHES = ("", "8 3", "4 3", "10 3 3 3", "14 4", "3 2", "14 3 3 3 3 3")


class Line(NamedTuple):
    """One line: whose it is (a colour's number and a name), and where it goes."""

    colour: int
    name: str
    points: Sequence[tuple[float, float]]


class Bar(NamedTuple):
    """One bar: its median, how far the rounds spread, and the middle half of them."""

    colour: int
    name: str
    median: float
    low: float
    high: float
    quartile_1: float
    quartile_3: float


def percentile_plot(title: str, lines: Sequence[Line]) -> str:
    """Latency in milliseconds over percentiles, both stretched so that the tail can be read."""
    values = [value for line in lines for _, value in line.points if value > 0]
    highest = max((place for line in lines for place, _ in line.points[:-1]), default=99.0)
    across = percentiles(highest, _LEFT, _WIDTH - _RIGHT)
    up = logarithmic(min(values, default=1.0), max(values, default=10.0), _HEIGHT - _BOTTOM, _TOP)
    return _plot(title, _axes(across, up, "percentile of calls", "ms") + _drawn(lines, across, up), _HEIGHT)


def time_plot(title: str, lines: Sequence[Line], unit: str) -> str:
    """A figure second by second; rounds of one side share its colour."""
    places = [place for line in lines for place, _ in line.points]
    values = [value for line in lines for _, value in line.points]
    across = linear(min(places, default=0.0), max(places, default=1.0), _LEFT, _WIDTH - _RIGHT)
    up = linear(0.0, max(values, default=1.0) or 1.0, _HEIGHT - _BOTTOM, _TOP)
    begin = ""
    if places and min(places) < 0:
        x = across.place(0)
        begin = f'<line class="begin" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}"/>'
    body = _axes(across, up, "seconds, measured from 0", unit) + begin + _drawn(lines, across, up)
    return _plot(title, body, _HEIGHT)


def bar_plot(title: str, bars: Sequence[Bar], unit: str) -> str:
    """Medians side by side; the thin line is the range of the rounds, the thick one their middle half."""
    row, left = 40, 150
    height = _TOP + row * len(bars) + _BOTTOM
    across = linear(0.0, max((bar.high for bar in bars), default=1.0) or 1.0, left, _WIDTH - 70)
    body = _ticks_below(across, height, unit)
    for number, bar in enumerate(bars):
        y = _TOP + row * number
        middle = y + row / 2
        x = [across.place(value) for value in (0, bar.median, bar.low, bar.high, bar.quartile_1, bar.quartile_3)]
        body += (
            f'<text class="name" x="{left - 8}" y="{middle + 5:.1f}" text-anchor="end">{escape(bar.name)}</text>'
            f'<rect class="bar" fill="var(--c{bar.colour})" x="{x[0]:.1f}" y="{y + 7}" width="{x[1] - x[0]:.1f}"'
            f' height="{row - 14}" rx="2"/>'
            f'<line class="range" x1="{x[2]:.1f}" y1="{middle}" x2="{x[3]:.1f}" y2="{middle}"/>'
            f'<line class="middle" x1="{x[4]:.1f}" y1="{middle}" x2="{x[5]:.1f}" y2="{middle}"/>'
            f'<text class="value" x="{max(x[1], x[3]) + 6:.1f}" y="{middle + 5:.1f}">{short(bar.median)}</text>'
        )
    return _plot(title, body, height)


def stack_plot(title: str, stacks: Sequence[tuple[str, Mapping[str, float]]], roles: Sequence[str], unit: str) -> str:
    """Parts of a whole, one stack a row; the colours are those of the roles."""
    row, left = 40, 150
    height = _TOP + row * len(stacks) + _BOTTOM
    across = linear(0.0, max((sum(parts.values()) for _, parts in stacks), default=1.0) or 1.0, left, _WIDTH - 70)
    body = _ticks_below(across, height, unit)
    for number, (name, parts) in enumerate(stacks):
        y = _TOP + row * number
        body += f'<text class="name" x="{left - 8}" y="{y + row / 2 + 5:.1f}" text-anchor="end">{escape(name)}</text>'
        until = 0.0
        for role in roles:
            begin, end = across.place(until), across.place(until + parts.get(role, 0.0))
            until += parts.get(role, 0.0)
            body += (
                f'<rect class="part" fill="var(--r{roles.index(role)})" x="{begin:.1f}" y="{y + 7}"'
                f' width="{max(0.0, end - begin):.1f}" height="{row - 14}"><title>{escape(role)}:'
                f" {short(parts.get(role, 0.0))} {escape(unit)}</title></rect>"
            )
        body += f'<text class="value" x="{across.place(until) + 6:.1f}" y="{y + row / 2 + 5:.1f}">{short(until)}</text>'
    return _plot(title, body, height)


def legend(names: Sequence[tuple[str, str, str]]) -> str:
    """What the colours mean: a colour variable, a dash pattern ("" for a full line) and a name each."""
    entries = "".join(
        f'<li><svg width="30" height="12" aria-hidden="true"><line x1="0" y1="6" x2="30" y2="6" stroke-width="4"'
        f' stroke="var(--{colour})" stroke-dasharray="{dash}"/></svg>{escape(name)}</li>'
        for colour, dash, name in names
    )
    return f'<ul class="legend">{entries}</ul>'


def dash_of(colour: int) -> str:
    """The dash pattern that goes with a colour."""
    return _DASHES[colour % len(_DASHES)]


def _plot(title: str, body: str, height: int) -> str:
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {_WIDTH} {height}" role="img"'
        f' aria-label="{escape(title, quote=True)}; the tables below have the figures">{body}</svg></figure>'
    )


def _axes(across: Axis, up: Axis, across_name: str, up_name: str) -> str:
    body = _ticks_below(across, _HEIGHT, across_name)
    for value, name in up.ticks:
        y = up.place(value)
        body += (
            f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{name}</text>'
        )
    middle = (_HEIGHT - _BOTTOM + _TOP) / 2
    return body + f'<text class="unit" transform="rotate(-90)" x="{-middle}" y="14">{escape(up_name)}</text>'


def _ticks_below(across: Axis, height: int, name: str) -> str:
    body = ""
    for value, tick in across.ticks:
        x = across.place(value)
        body += (
            f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{height - _BOTTOM}"/>'
            f'<text class="tick" x="{x:.1f}" y="{height - _BOTTOM + 17}" text-anchor="middle">{tick}</text>'
        )
    middle = (across.ticks[0][0], across.ticks[-1][0])
    x = (across.place(middle[0]) + across.place(middle[1])) / 2
    return body + f'<text class="unit" x="{x:.1f}" y="{height - 6}">{escape(name)}</text>'


def _drawn(lines: Sequence[Line], across: Axis, up: Axis) -> str:
    body = ""
    for line in lines:
        path = " ".join(f"{across.place(x):.1f},{up.place(y):.1f}" for x, y in line.points)
        body += (
            f'<polyline class="line" stroke="var(--c{line.colour})" stroke-dasharray="{dash_of(line.colour)}"'
            f' points="{path}"><title>{escape(line.name)}</title></polyline>'
        )
    return body
