"""The front page: help for everybody, fast, and a manual that names every command."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clients.cli.main import app
from clients.cli.manual import command_helps, manual

HELPS = dict(command_helps())
PAGE = Path(__file__).parents[2] / "docs" / "cli.md"

#: All of them; one that is lost is noticed here.
COMMANDS = {
    *("backup", "recover", "promote", "machines", "drain", "scale", "move", "rebalance", "cluster new"),
    *("up", "down", "demo", "bench", "status", "doctor", "import", "sandbox-supplier"),
    *("allocate", "confirm", "release", "extend", "hold"),
    *("batches", "void", "quarantine", "restore", "recall", "replace", "audit"),
    *("report margin", "report sales", "report purchases", "report demand", "report prices", "report ageing", "trace"),
    *("price set", "price show", "price rule", "price suggestions", "price approve", "price simulate", "price history"),
    *("expiring", "ageing", "clearance propose", "clearance accept", "clearance end"),
    *("sku create", "sku list", "sku show", "sku set"),
    *(f"supplier {verb}" for verb in ("put", "list", "show", "pause", "resume", "breaker", "reconcile")),
    *("rate set", "rate list", "sourcing put", "sourcing list", "attempts list", "attempts settle", "attempts resolve"),
}


def test_no_command_is_missing() -> None:
    """And none came without being named here."""
    assert set(HELPS) == {f"cardkeep {name}" for name in COMMANDS}


@pytest.mark.parametrize("name", HELPS)
def test_every_command_says_what_it_does_and_can_answer_in_json(name: str) -> None:
    """A sentence below the usage line, and the options all commands share."""
    text = CliRunner().invoke(app, [*name.split()[1:], "--help"]).stdout
    sentence = text.split("\n\n")[1].strip()
    assert sentence.endswith((".", ":")), sentence
    for option in ("--json", "--server", "--data", "--timeout"):
        assert option in text


@pytest.mark.parametrize(
    "name",
    [
        *("allocate", "confirm", "release", "extend", "void", "quarantine", "restore", "recall", "replace"),
        *("price set", "price rule", "price approve", "clearance propose", "clearance accept", "clearance end"),
    ],
)
def test_every_write_can_be_asked_again(name: str) -> None:
    """Without --request-id an unknown outcome could only be asked again by hand."""
    assert "--request-id" in HELPS[f"cardkeep {name}"]


def test_the_front_page_names_the_exit_codes() -> None:
    """Scripts are written from it."""
    text = CliRunner().invoke(app, ["--help"]).stdout
    assert [line.split()[0] for line in text[text.index("Exit codes") :].splitlines()[1:] if line.strip()] == list(
        "012345"
    )


def test_the_manual_is_the_programs_own() -> None:
    """`python -m clients.cli.manual > docs/cli.md` writes it."""
    assert PAGE.read_text() == manual()


def test_help_and_completion_import_nothing_slow() -> None:
    """gRPC, the reader of card files and rich take half a second, which every press of Tab would cost."""
    program = (
        "import sys; from typer.testing import CliRunner; from clients.cli.main import app;"
        "before = set(sys.modules); assert CliRunner().invoke(app, ['--help']).exit_code == 0;"
        "print([name for name in ('grpc', 'google.protobuf', 'engine.intake', 'rich.console', 'ray') "
        "if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
