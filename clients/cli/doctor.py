"""`cardkeep doctor`: look at everything a house needs, and say the command that mends what is wrong."""

# ruff: noqa: PLC0415 - help and completion must not wait for what looks at packages and disks

from collections.abc import Callable, Sequence

import typer

from clients.cli import show
from clients.cli.command import command
from clients.cli.finding import Finding, Verdict
from clients.cli.session import Session, rows_of

_MARKS = {Verdict.OK: "ok", Verdict.WARNING: "WARNING", Verdict.BROKEN: "BROKEN"}


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "doctor")(doctor)


def doctor(session: Session) -> None:
    """Check this machine and the house on it. Changes nothing. Exit code 1 when something is broken."""
    findings = [check(session) for check in _checks()]
    broken = [finding for finding in findings if finding.verdict is Verdict.BROKEN]
    rows = [(_MARKS[finding.verdict], finding.check, finding.what) for finding in findings]
    fixes = [f"  {finding.check}: {finding.fix}" for finding in findings if finding.fix]
    document = {"ok": not broken, **rows_of("checks", findings)}
    session.show(
        document,
        lambda _: show.lines(
            show.table(("", "check", "found"), rows),
            "To mend:" if fixes else "Nothing to mend.",
            *fixes,
        ),
    )
    if broken:
        raise typer.Exit(1)


def _checks() -> Sequence[Callable[[Session], Finding]]:
    """In the order in which one would mend: a later finding may follow from an earlier one."""
    from clients.cli import house_checks, machine_checks

    return (
        machine_checks.python_version,
        machine_checks.packages,
        machine_checks.generated_code,
        machine_checks.open_files,
        machine_checks.data_folder,
        machine_checks.disk_space,
        machine_checks.disk_speed,
        house_checks.store_binary,
        house_checks.key_ring,
        house_checks.grpc_port,
        house_checks.metrics_port,
        house_checks.server,
        house_checks.clock,
    )
