"""`cardkeep import`: a card file becomes a batch. Shows how the file is read before anything is sent; never a code.

The file is read twice: once to see that it can be read to its end, and how many cards it has; once to send
them. An import that broke off goes on when the same command runs again, because its id is made of the file.
"""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC and the reader of card files

import getpass
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clients.cli import show, typed
from clients.cli.command import command
from clients.cli.doubting import Consent, Doubt, doubts_about, require_consent
from clients.cli.failing import ExitCode, wrong_usage
from clients.cli.import_report import ImportAnswer, RefusedLines, answer_text, met_twice_by_server
from clients.cli.reading import Looked, look_at, rows_to_send, understanding
from clients.cli.session import Session

if TYPE_CHECKING:
    from datetime import datetime

    from cardkeep_client import Client, ImportProgress, ImportReport, Money

_HASH_BYTES = 1 << 20

Progress = Callable[[int], None]

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TXT or XLSX, in UTF-8 or GBK.", show_default=False)]
ToSku = Annotated[str, typer.Option("--sku", metavar="SKU", help="Where the cards go.")]
Source = Annotated[str | None, typer.Option("--source", help="Where they come from; else the file's name.")]
Importer = Annotated[str | None, typer.Option("--importer", help="Who imports; else you.")]
LandedCost = Annotated[
    str | None,
    typer.Option("--landed-cost", metavar="MONEY", help="With fees and exchange, in the currency of its price."),
]
UnitCost = Annotated[
    str | None, typer.Option("--unit-cost", metavar="MONEY", help='"10.00 CNY"; or minor units with --currency: 1000.')
]
Currency = Annotated[
    str | None, typer.Option("--currency", metavar="CODE", help="Of amounts in the file; else that of the cost.")
]
Expires = Annotated[
    str | None, typer.Option("--expires", metavar="DATE", help="When lines without a date of their own end.")
]
Sheet = Annotated[str | None, typer.Option("--sheet", help="Of a workbook; else the first with cards.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read the file, say what is wrong, send nothing.")]
ImportId = Annotated[
    str | None, typer.Option("--import-id", help="The import's own number; else made of the file and the SKU.")
]

IgnoreColumn = Annotated[
    list[str] | None,
    typer.Option("--ignore-column", metavar="NAME", help="A column that need not be read; may be repeated."),
]
NoHeader = Annotated[bool, typer.Option("--no-header", help="Line 1 is a card, even if it reads like column names.")]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was typed, read."""

    file: Path
    sku: str
    sheet: str | None
    source: str
    importer: str
    unit_cost: "Money | None"
    landed_cost: "Money | None"
    currency: str | None
    expire_time: "datetime | None"
    import_id: str
    consent: Consent


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "import")(import_cards)


def import_cards(
    session: Session,
    file: File,
    *,
    sku: ToSku,
    source: Source = None,
    importer: Importer = None,
    unit_cost: UnitCost = None,
    landed_cost: LandedCost = None,
    currency: Currency = None,
    expires: Expires = None,
    sheet: Sheet = None,
    dry_run: DryRun = False,
    import_id: ImportId = None,
    ignore_column: IgnoreColumn = None,
    no_header: NoHeader = False,
) -> None:
    """Import a file of cards as one batch, while the sale goes on. Run it again to go on after an interruption.

    Lines that cannot be taken are listed with their reasons and stop nothing. Exit code 3 when no line was taken.
    A file that could be meant otherwise than it is read is not imported until you say how it is meant. What files may
    hold is in docs/operating.md.
    """
    name = typed.sku_name(sku)
    content_hash = _hash(file, name, sheet or "")
    wish = Wish(
        file=file,
        sku=name,
        sheet=sheet,
        source=file.name if source is None else source,
        importer=_who() if importer is None else importer,
        unit_cost=typed.unit_cost(unit_cost, currency),
        landed_cost=typed.money(landed_cost),
        currency=None if currency is None else typed.currency_code(currency),
        expire_time=typed.moment(expires),
        import_id=import_id or content_hash,
        consent=Consent(ignored_columns=tuple(ignore_column or ()), no_header=no_header),
    )
    if dry_run:
        _only_look(session, wish)
        return
    session.request_id, session.id_option = wish.import_id, "--import-id"
    with session.connected(sku=wish.sku) as client:
        _import(session, client, wish)


def _only_look(session: Session, wish: Wish) -> None:
    currency = wish.currency or (wish.unit_cost.currency if wish.unit_cost else "CNY")
    with _progress(session, "Reading", None) as tick:
        looked = look_at(wish.file, sheet=wish.sheet, currency=currency, lists_expired=True, on_line=tick)
    refused = RefusedLines(looked.file_lines_refused, looked.report.refused_by_reason)
    doubts = tuple(doubts_about(looked, wish.consent))
    answer = ImportAnswer(
        sku=wish.sku, import_id=wish.import_id, looked=looked, report=None, refused=refused, doubts=doubts
    )
    session.show(answer.as_document(), lambda _: show.lines(understanding(looked), answer_text(answer)))
    _warn(session, doubts)
    if wish.unit_cost is None and not looked.costs:
        session.note("What the cards cost is unknown: say --unit-cost at the import, it cannot be added afterwards.")
    if not session.as_json:
        require_consent(doubts)
    if any(doubt.stops for doubt in doubts):
        raise typer.Exit(ExitCode.FAILED)
    if not looked.usable:
        raise typer.Exit(ExitCode.REFUSED)


def _import(session: Session, client: "Client", wish: Wish) -> None:
    currency = wish.currency or (wish.unit_cost.currency if wish.unit_cost else _currency_of(client, wish.sku))
    with _progress(session, "Reading", None) as tick:
        looked = look_at(wish.file, sheet=wish.sheet, currency=currency, lists_expired=False, on_line=tick)
    if not session.as_json:
        show.err().print(understanding(looked))
    doubts = tuple(doubts_about(looked, wish.consent))
    _warn(session, doubts)
    require_consent(doubts)
    report, sent = _send(session, client, wish, looked)
    refused = RefusedLines(looked.file_lines_refused, looked.report.refused_by_reason)
    refused.add_server(report.refused_lines, report.refused_by_reason)
    refused.add_earlier(looked.report.lines - report.accepted - refused.count)
    answer = ImportAnswer(
        sku=wish.sku,
        import_id=wish.import_id,
        looked=looked,
        report=report,
        refused=refused,
        doubts=doubts,
        has_rival=met_twice_by_server(report.refused_by_reason, looked),
        was_whole_before=not sent and report.accepted > 0,
    )
    session.show(answer.as_document(), lambda _: answer_text(answer))
    if answer.was_whole_before and wish.unit_cost not in (None, report.batch.unit_cost):
        session.note("--unit-cost changed nothing: a batch keeps the cost it was imported with.")
    if not report.accepted:
        raise typer.Exit(ExitCode.REFUSED)


def _warn(session: Session, doubts: tuple[Doubt, ...]) -> None:
    """What does not stop the import is told; what does is the failure itself."""
    for doubt in doubts:
        if not doubt.stops:
            session.note(f"Warning: {doubt.what} {doubt.do}")


def _send(session: Session, client: "Client", wish: Wish, looked: Looked) -> "tuple[ImportReport, bool]":
    """The report, and whether this run sent any cards at all."""
    sent = False
    unit_cost = wish.unit_cost or looked.one_cost()
    with _progress(session, "Importing", looked.report.accepted) as tick:

        def on_progress(progress: "ImportProgress") -> None:
            nonlocal sent
            sent = True
            tick(progress.lines)

        report = client.import_cards(
            wish.sku,
            rows_to_send(wish.file, sheet=wish.sheet, currency=looked.currency),
            import_id=wish.import_id,
            source=wish.source,
            unit_cost=unit_cost,
            landed_unit_cost=wish.landed_cost,
            expire_time=wish.expire_time,
            importer=wish.importer,
            on_progress=on_progress,
            timeout_s=session.timeout_s,
        )
    return report, sent


def _currency_of(client: "Client", sku: str) -> str:
    """The currency amounts in the file are in when nobody says: that of the SKU. Raises NotFound early, too."""
    terms = client.get_sku(sku)
    amounts = [amount.currency for amount in (terms.face_value, terms.unit_price) if amount is not None]
    return next(iter([*filter(None, [terms.cost_currency]), *amounts]), "CNY")


def _hash(file: Path, *besides: str) -> str:
    """The same file for the same SKU is the same import."""
    digest = hashlib.sha256("\0".join(besides).encode())
    try:
        with file.open("rb") as content:
            while piece := content.read(_HASH_BYTES):
                digest.update(piece)
    except OSError as error:
        raise wrong_usage(f"{file} cannot be read: {error.strerror}.", "Check the path.") from None
    return f"file-{digest.hexdigest()[:40]}"


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


@contextmanager
def _progress(session: Session, title: str, total: int | None) -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere."""
    screen = show.err()
    if session.as_json or not screen.is_terminal:
        yield lambda _lines: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda lines: bar.update(task, completed=lines)
