"""Pages from documents: `SCENARIO.html` beside each `SCENARIO.json`, and `index.html` over all of them."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from bench.report.pictures import pictures
from bench.report.style import STYLE
from bench.report.words import Cell, Plain, moment, number, paragraphs, span, table, text, verdict


def write_page(path: Path) -> Path:
    """The page of one document, beside it. Returns where."""
    page = path.with_suffix(".html")
    document = json.loads(path.read_text())
    page.write_text(_whole(f"{document['scenario']}: Cardkeep bench", _body(document)))
    return page


def write_index(build: Path) -> Path:
    """One page that leads to all documents in a folder, each written anew. Returns where."""
    build.mkdir(parents=True, exist_ok=True)
    paths = sorted(build.glob("*.json"))
    for path in paths:
        write_page(path)
    documents = [json.loads(path.read_text()) for path in paths]
    index = build / "index.html"
    index.write_text(_whole("Cardkeep bench", _overview(documents)))
    return index


def _overview(documents: Sequence[Plain]) -> str:
    rows = [
        (
            Cell(f'<a href="{escape(one["scenario"])}.html">{escape(one["scenario"])}</a>'),
            text(one["title"]),
            Cell('<span class="good whole">✓ clean</span>'),
            _goals_in_a_word(one),
            moment(one["began_at"]),
            text(one["revision"]["commit"][:10] + (" and changes" if one["revision"]["dirty"] else "")),
        )
        for one in documents
    ]
    head = ("scenario", "what it asks", "audit", "goals", "run at", "revision")
    listed = table(head, rows) if rows else "<p>Nothing was run yet: <code>make bench</code> lists the scenarios.</p>"
    goals = "".join(f"<h2>{escape(one['scenario'])}</h2>{_goals(one)}" for one in documents if _with_goals(one))
    return (
        "<h1>Cardkeep bench</h1><p>Every run was audited with its load: a run with one oversold, doubled or lost card"
        f" has no figures and is not here.</p>{listed}{goals}"
    )


def _goals_in_a_word(document: Plain) -> Cell:
    if not any(one["goal"] for _, one in _with_goals(document)):
        return text("none set")
    met = document["goals_met"]
    return Cell('<span class="good whole">✓ all</span>' if met else '<span class="bad whole">✗ not all</span>')


def _body(document: Plain) -> str:
    audit, revision = document["audit"], document["revision"]
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in document["notes"])
    return (
        f'<p class="soft"><a href="index.html">Cardkeep bench</a> / {escape(document["scenario"])}</p>'
        f"<h1>{escape(document['title'])}</h1>{paragraphs(document['about'])}"
        f'<p><span class="good">✓ Audit clean</span>: {audit["calls"]:,} answers, {audit["holds"]:,} holds,'
        f" {audit['sales']:,} sales, {audit['cards']:,} cards; {audit['asked_again']:,} requests were asked again.</p>"
        f'<p class="soft">{moment(document["began_at"]).html}, {document["took_s"]:,} s, revision'
        f" {escape(revision['commit'][:10])}{' with local changes' if revision['dirty'] else ''},"
        f" {document['machine']['cores']} cores.</p>{notes}"
        + (f"<h2>Goals and ratios</h2>{_goals(document)}" if _with_goals(document) else "")
        + (f"<h2>Figures</h2>{_figures(document)}" if document["figures"] else "")
        + "".join(f"<h2>{escape(title)}</h2>{_rows(rows)}" for title, rows in document.get("tables", {}).items())
        + pictures(document)
        + (f"<h2>Loads</h2>{_loads(document)}" if document["loads"] else "")
        + _around(document)
    )


def _with_goals(document: Plain) -> list[tuple[str, Plain]]:
    """All series that have a goal, and all ratios."""
    measures = [(name, one) for name, one in document["figures"].items() if one["goal"]]
    rates = [
        (f"{load['work']}, {load['side']} {load['door']}", load["items_per_s"])
        for load in document["loads"]
        if load["items_per_s"]["goal"]
    ]
    return [*document["ratios"].items(), *rates, *measures]


def _goals(document: Plain) -> str:
    rows = [
        (
            Cell(f"<code>{escape(name)}</code><br><span class='soft'>{escape(one['about'])}</span>"),
            number(one["median"], one["unit"]),
            *verdict(one),
            span(one),
        )
        for name, one in _with_goals(document)
    ]
    return table(("", "median", "goal", "", "range"), rows)


def _figures(document: Plain) -> str:
    rows = [
        (text(name.replace("_", " ")), number(one["median"], one["unit"]), span(one), text(one["about"]))
        for name, one in document["figures"].items()
    ]
    return table(("", "median", "range", "what"), rows)


def _rows(rows: Sequence[Plain]) -> str:
    """A table of the scenario's own: rows that are alike."""
    cells = [[text(value) if isinstance(value, str) else number(value) for value in row.values()] for row in rows]
    return table(list(rows[0]) if rows else (), cells)


def _loads(document: Plain) -> str:
    head = (
        "work",
        "side",
        "door",
        "items/s",
        "range",
        "calls/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "refused or failed",
    )
    rows = [
        (
            *(text(load[name]) for name in ("work", "side", "door")),
            number(load["items_per_s"]["median"]),
            span(load["items_per_s"]),
            number(load["calls_per_s"]["median"]),
            *(number(load[name]["median"]) for name in ("p50_ms", "p99_ms", "p999_ms", "max_ms")),
            text(_refusals(load)),
        )
        for load in document["loads"]
    ]
    return (
        table(head, rows)
        + '<p class="soft">Medians over the rounds. An item is one hold asked for: one in a unary call,'
        " as many as it has in a batch call. Latency counts from the moment a call was to start.</p>"
    )


def _refusals(load: Plain) -> str:
    counts = dict(load["reasons"])
    counts |= {name: load[name] for name in ("unanswered", "dropped") if load[name]}
    return ", ".join(f"{name or 'without reason'} {count:,}" for name, count in counts.items()) or "none"


def _around(document: Plain) -> str:
    machine = document["machine"]
    facts = [
        (text("machine"), text(f"{machine['model']}, {machine['cores']} cores, {machine['memory_bytes'] >> 30} GiB")),
        (text("system"), text(machine["system"])),
        (
            text("busy before the run"),
            text(f"{machine['busy_before_percent']:g} %, load average {machine['load_average_at_start']}"),
        ),
        (text("load average at its end"), text(document["load_average_at_end"])),
        *((text(name), text(version)) for name, version in document["versions"].items()),
    ]
    options = document["options"]
    command = f"make bench SCENARIO={document['scenario']}"
    chosen = "".join(f" {word}={options[name]}" for word, name in _VARIABLES if options[name] is not None)
    plans = "".join(
        f"<details><summary>{escape(load['work'])}, {escape(load['side'])} {escape(load['door'])}</summary>"
        f"<pre>{escape(json.dumps(load['plan'], indent=1))}</pre></details>"
        for load in document["loads"]
    )
    told = [
        (text(side), text(", ".join(f"{name} {value}" for name, value in one.items())))
        for side, one in document["settings"].items()
    ]
    commit = escape(document["revision"]["commit"])
    return (
        f"<h2>To get this again</h2><pre>git checkout {commit}\n{escape(command + chosen)}</pre>"
        f"<p class='soft'>Seed {document['seed']}. Every figure of every round is in the document beside this page,"
        f" <code>{escape(document['scenario'])}.json</code>.</p>"
        f"<h2>Machine and versions</h2>{table(('', ''), facts)}<h2>Settings</h2>{table(('', ''), told)}{plans}"
    )


_VARIABLES = (("SECONDS_EACH", "seconds"), ("ROUNDS", "rounds"), ("DOOR", "door"))


def _whole(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport"'
        f' content="width=device-width, initial-scale=1"><title>{escape(title)}</title><style>{STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
    )
