"""`cardkeep`: the front page of the command line. Each command stands in the file named for what it does."""

from typing import Annotated

import typer

from clients.cli import (
    attempts,
    backups,
    bench,
    clearing,
    clusters,
    demo,
    doctor,
    down,
    importing,
    machines,
    pricing,
    rates,
    report,
    sandbox_supplier,
    selling,
    skus,
    sourcing,
    status,
    stock,
    suppliers,
    up,
)
from clients.cli.failing import EXIT_CODES

_CODES = "\n".join(f"  {int(code)}  {meaning}" for code, meaning in EXIT_CODES.items())

app = typer.Typer(
    name="cardkeep",
    no_args_is_help=True,
    rich_markup_mode=None,  # The plain help appears in half the time.
    pretty_exceptions_enable=False,  # A traceback with locals could show a code.
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog=f"\b\nExit codes:\n{_CODES}",
)


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - hardly ever asked for

        typer.echo(f"cardkeep {version('cardkeep')}")
        raise typer.Exit


@app.callback()
def _front_page(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Say which version this is.")
    ] = False,
) -> None:
    """Cardkeep sells every card once. This is its command line, for staff and operators.

    Begin with `cardkeep up`; ask any command for `--help`. Names may be short (NETFLIX-30,
    NETFLIX-30/holds/17), money is typed like "15.00 CNY", spans like 15m, dates like 2026-12-31.
    """


up.register(app)
down.register(app)
demo.register(app)
bench.register(app)
backups.register(app)
app.add_typer(clusters.app, name="cluster")
machines.register(app)
app.add_typer(skus.app, name="sku")
app.add_typer(suppliers.app, name="supplier")
app.add_typer(sourcing.app, name="sourcing")
app.add_typer(rates.app, name="rate")
app.add_typer(attempts.app, name="attempts")
importing.register(app)
selling.register(app)
stock.register(app)
report.register(app)
pricing.register(app)
clearing.register(app)
status.register(app)
doctor.register(app)
sandbox_supplier.register(app)
