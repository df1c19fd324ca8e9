"""`cardkeep sandbox-supplier`: a supplier to practise with, on this machine."""

# ruff: noqa: PLC0415 - help and completion must not wait for the server

import asyncio
import json
import os
import signal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clients.cli.command import command
from clients.cli.failing import CommandFailed, wrong_usage
from clients.cli.session import Session

if TYPE_CHECKING:
    from clients.sandbox.scenario import Scenario
    from clients.sandbox.server import Sandbox


class Dialect(StrEnum):
    """What it speaks."""

    HTTP = "http"
    DUJIAO_NEXT = "dujiao-next"
    ACG_FAKA = "acg-faka"


Port = Annotated[int, typer.Option("--port", min=0, max=65_535, help="Where it sells; 0: any free one.")]
ControlPort = Annotated[
    int, typer.Option("--control-port", min=0, max=65_535, help="Where it is told what to do; 0: any free one.")
]
Spoken = Annotated[Dialect | None, typer.Option("--dialect", help="What it speaks: http, unless the scenario says.")]
Name = Annotated[str | None, typer.Option("--name", help="Stands in each of its codes and order numbers.")]
ProfileFile = Annotated[
    Path | None, typer.Option("--profile", metavar="FILE", help="Write here what `cardkeep supplier put` takes.")
]
ScenarioFile = Annotated[
    Path | None, typer.Option("--scenario", metavar="FILE", help="Products, money and mischief, as JSON.")
]


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "sandbox-supplier")(sandbox_supplier)


def sandbox_supplier(
    session: Session,
    *,
    port: Port = 0,
    control_port: ControlPort = 0,
    dialect: Spoken = None,
    name: Name = None,
    scenario: ScenarioFile = None,
    profile: ProfileFile = None,
) -> None:
    """Run a supplier that sells made-up codes, until Ctrl-C.

    It listens on loopback, keeps its stock and ledger in memory, and does wrong what it is told: see
    docs/suppliers.md. Prints where it is and what to enter as a supplier; with --json on one line.
    """
    from clients.sandbox.server import Sandbox

    sandbox = Sandbox(_scenario(scenario, dialect, name), port=port, control_port=control_port)
    asyncio.run(_run(session, sandbox, profile))


def _scenario(file: Path | None, dialect: Dialect | None, name: str | None) -> "Scenario":
    from clients.sandbox.scenario import scenario_from

    try:
        document: dict[str, Any] = {} if file is None else json.loads(file.read_bytes())
        given = {"dialect": dialect and dialect.value, "name": name}
        return scenario_from(document | {field: value for field, value in given.items() if value is not None})
    except OSError as error:
        raise wrong_usage(f"{file} cannot be read: {error.strerror}.", "Name a scenario file.") from None
    except (ValueError, TypeError) as error:
        raise wrong_usage(f"The scenario is not sound: {error}.", "See docs/suppliers.md for its fields.") from None


async def _run(session: Session, sandbox: "Sandbox", profile: Path | None) -> None:
    over = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, over.set)
    try:
        await sandbox.start()
    except OSError as error:
        await sandbox.stop()
        raise CommandFailed(
            what=f"It cannot listen: {error.strerror}.", do="Choose another --port, or 0 for any free one."
        ) from None
    try:
        _say(session, sandbox, profile)
        await over.wait()
    finally:
        await sandbox.stop()


def _say(session: Session, sandbox: "Sandbox", file: Path | None) -> None:
    from clients.sandbox.profile import credentials_of, product_of, profile_of

    if file is not None:
        _write(file, _profile(sandbox))
    scenario = sandbox.scenario
    profile = profile_of(scenario, sandbox.url)
    credentials = dict(credentials_of(scenario))
    products = {ware: product_of(scenario, ware) for ware in sandbox.shop.wares}
    if session.as_json:
        supplier = {"protocol": profile.protocol, "endpoint": profile.endpoint, "options": dict(profile.options)}
        whole = {**sandbox.about(), "supplier": {**supplier, "credentials": credentials}, "products": products}
        typer.echo(json.dumps(whole, ensure_ascii=False))
        return
    typer.echo(f"It sells at {sandbox.url}, and is told what to do at {sandbox.control_url}/sandbox/mischief.")
    typer.echo(
        f"protocol     {profile.protocol}\nendpoint     {profile.endpoint}\ncredentials  {json.dumps(credentials)}"
    )
    typer.echo("products     " + ", ".join(_called(ware, product) for ware, product in products.items()))
    for option, value in profile.options.items():
        typer.echo(f"option       {option} = {value}")
    typer.echo("Ctrl-C ends it.")


def _called(ware: str, product: str) -> str:
    """What to enter as `product` of a source, and which ware that is where it is another word."""
    return product if product == ware else f"{product} ({ware})"


def _write(file: Path, profile: dict[str, Any]) -> None:
    """For its owner's eyes only, whoever could read what was there before: credentials are in it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as open_file:
            os.fchmod(open_file.fileno(), 0o600)
            json.dump(profile, open_file, indent=1)
    except OSError as error:
        raise wrong_usage(f"{file} cannot be written: {error.strerror}.", "Name another --profile.") from None


def _profile(sandbox: "Sandbox") -> dict[str, Any]:
    """The sandbox as a file for `cardkeep supplier put`: it may have some thousand units in doubt."""
    from clients.sandbox.profile import credentials_of, options_of

    scenario = sandbox.scenario
    return {
        "title": f"Sandbox {scenario.name}",
        "protocol": scenario.dialect,
        "endpoint": sandbox.url,
        "currency": scenario.currency,
        "options": dict(options_of(scenario)),
        "credentials": dict(credentials_of(scenario)),
        "idempotency": scenario.policy.idempotency.value,
        "replay_for": "1h",
        "grace": "10s",
        "exposure_units_max": 10_000,
        "exposure_max": f"100000 {scenario.currency}",
        "patience": "1h",
        "per_second": 500.0,
        "answer_within": "5s",
    }
