"""docs/cli.md, written from the command line itself: `python -m clients.cli.manual > docs/cli.md`."""

import sys
from collections.abc import Iterator
from typing import Any

import typer

from clients.cli.failing import EXIT_CODES

_WIDTH = 100

_INTRODUCTION = """\
# The command line

`cardkeep` starts and stops a house on one machine, imports cards, sells by hand what a storefront sells over gRPC,
and looks after stock. It speaks the public API only. This page is written from the program:
`python -m clients.cli.manual > docs/cli.md`.

```
cardkeep up
cardkeep sku create NETFLIX-30 --price "15.00 CNY"
cardkeep import cards.csv --sku NETFLIX-30 --unit-cost "10.00 CNY"
cardkeep allocate NETFLIX-30 --order 1042
cardkeep confirm NETFLIX-30/holds/1 --payment pay-77 --paid "15.00 CNY"
cardkeep status
cardkeep down
```

## What may be typed

| what | how |
|---|---|
| a SKU | `NETFLIX-30`, or the whole name `tenants/t/skus/NETFLIX-30` |
| a hold | `NETFLIX-30/holds/17`, the whole name, or `17` with `--sku` |
| a batch | `NETFLIX-30/batches/3`, the whole name, or `3` with `--sku` |
| a card | `NETFLIX-30/cards/3-17`, the whole name, or `3-17` with `--sku` |
| money | `"15.00 CNY"`; `"1500 JPY"` for currencies without decimals |
| a span of time | `90s`, `15m`, `2h`, `1h30m`, `7d` |
| a date | `2026-12-31` (the end of that day, here), `"2026-12-31 18:00"`, `"2026-12-31 18:00+08:00"` |

Times are shown in the local zone with its offset. Tables go to stdout, remarks and failures to stderr. Colours, bars
and spinners appear on a terminal only, and colours not with `NO_COLOR`; into a pipe nothing is cut or folded.

With `--json` a command writes one JSON document to stdout: the answer, or `{"error": {"reason", "what", "do",
"exit_code", "request_id", "facts"}}`. Names are whole, money is `{"minor", "currency", "text"}`, moments are in UTC,
spans are seconds in fields that end in `_s`. A command that was typed wrong writes text to stderr only when it could
not be read at all.

## Codes

Codes of cards are shown by `confirm` and `replace` only, which give them to the buyer. Everything else shows masks.

## Outcome unknown

When an answer does not come, the command prints its request id and the command line that asks again with the same one.
Run it: it never acts twice, and gets the answer the first try got or would have got.
"""

_ENVIRONMENT = """\
## Environment

| variable | what |
|---|---|
| `CARDKEEP_SERVER` | the server, as `--server` |
| `CARDKEEP_DATA` | the data folder, as `--data`; `.cardkeep` unless set |
| `CARDKEEP_PORT`, `CARDKEEP_METRICS_PORT` | the ports of `up`; 7700 and 7701 unless set |
| `CARDKEEP_HOST` | where `up` listens; loopback unless set |
| `CARDKEEP_FRONT_ENDS`, `CARDKEEP_ACTORS_MAX` | how many processes receive calls, and own SKUs |
| `CARDKEEP_STORE_URL`, `CARDKEEP_STORE_BINARY` | an outside store, or another server binary for the embedded one |
| `CARDKEEP_DURABILITY` | `strict`, or `weak` to serve on a store that could lose acknowledged work |
| `CARDKEEP_HISTORY`, `CARDKEEP_HISTORY_KEEP_DAYS` | `off` writes no history for reports; how many days it is kept |
| `CARDKEEP_REFLECTION`, `CARDKEEP_LOG_LEVEL` | as they say |
| `NO_COLOR` | no colours |

Without `--server` and `CARDKEEP_SERVER`, commands ask the house that runs from the data folder, and without one
that of `127.0.0.1` at `CARDKEEP_PORT` (7700 unless set).
"""


def manual() -> str:
    """The whole page."""
    codes = "\n".join(f"| {int(code)} | {meaning} |" for code, meaning in EXIT_CODES.items())
    parts = [_INTRODUCTION, f"## Exit codes\n\n| code | meaning |\n|---|---|\n{codes}\n", _ENVIRONMENT, "## Commands\n"]
    parts += [f"### {name}\n\n```\n{text.strip()}\n```\n" for name, text in command_helps()]
    return "\n".join(parts)


def command_helps() -> Iterator[tuple[str, str]]:
    """Each command's whole name and its `--help`."""
    from clients.cli.main import app  # noqa: PLC0415 - main.py need not know this page

    yield from _helps(typer.main.get_command(app), "cardkeep", None)


def _helps(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    context = typer.Context(command, info_name=name.rpartition(" ")[2], parent=parent, terminal_width=_WIDTH)
    below = getattr(command, "commands", None)
    if below is None:
        yield name, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        return
    for each in below.values():
        yield from _helps(each, f"{name} {each.name}", context)


if __name__ == "__main__":
    sys.stdout.write(manual())
