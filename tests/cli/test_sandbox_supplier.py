"""`cardkeep sandbox-supplier` as a process of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

PROGRAM = "from clients.cli.main import app; app()"


@contextmanager
def running(*options: str) -> Iterator[dict[str, Any]]:
    """What it says of itself, while it runs."""
    words = [sys.executable, "-c", PROGRAM, "sandbox-supplier", "--json", *options]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def refused(*options: str) -> "subprocess.CompletedProcess[str]":
    """How it ends by itself."""
    words = [sys.executable, "-c", PROGRAM, "sandbox-supplier", *options]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def ask(url: str, document: Any = None) -> Any:
    """One question to the control."""
    body = None if document is None else json.dumps(document).encode()
    with urlopen(Request(url, body, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)


def test_it_says_where_it_is_and_does_what_it_is_told(tmp_path: Path) -> None:
    """Everything that a supplier's profile needs stands in its first line."""
    file = tmp_path / "scenario.json"
    product = {"product": "P", "unit_cost_minor": 500, "stock": 7}
    file.write_text(json.dumps({"products": [product], "mischief": [{"trick": "slow", "ms": 5}]}))
    with running("--scenario", str(file), "--name", "alpha") as said:
        assert said["supplier"]["protocol"] == "http"
        assert said["supplier"]["endpoint"] == said["url"]
        assert said["products"] == {"P": "P"}
        assert [rule["trick"] for rule in ask(f"{said['control_url']}/sandbox/mischief")["rules"]] == ["slow"]
        rules = [{"trick": "hang", "ms": 100, "commits": True, "share": 0.3, "times": 3}]
        assert ask(f"{said['url']}/sandbox/mischief", {"rules": rules})["rules"][0]["times"] == 3
        assert ask(f"{said['control_url']}/sandbox/stock", {"product": "P", "stock": 2})["stock"] == 2
        assert ask(f"{said['control_url']}/sandbox/ledger") == {"orders": [], "next": None}


def test_a_profile_is_written_where_it_is_wanted_and_for_nobody_else(tmp_path: Path) -> None:
    """Credentials are in it; a folder that is not there is made."""
    file = tmp_path / "sandbox" / "east.json"
    with running("--profile", str(file)) as said:
        assert json.loads(file.read_text())["credentials"] == said["supplier"]["credentials"]
        assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with running("--profile", str(file)):
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_profile_that_cannot_be_written_is_exit_code_2(tmp_path: Path) -> None:
    """In words: here a folder stands in its place."""
    ended = refused("--profile", str(tmp_path))
    assert ended.returncode == 2
    assert f"{tmp_path} cannot be written: Is a directory." in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "scenario", ["[", '{"dialect": "latin"}', '{"mischief": [{"trick": "lie"}]}', '{"products": [{"product": "P"}]}']
)
def test_a_scenario_that_is_not_sound_is_exit_code_2(scenario: str, tmp_path: Path) -> None:
    """In one line, before anything listens."""
    file = tmp_path / "scenario.json"
    file.write_text(scenario)
    ended = refused("--scenario", str(file))
    assert ended.returncode == 2
    assert "The scenario is not sound" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_exit_code_1() -> None:
    """With what to do about it."""
    with running() as said:
        port = said["url"].rpartition(":")[2]
        program = "from clients.cli.main import app; app()"
        words = [sys.executable, "-c", program, "sandbox-supplier", "--port", port]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "Choose another --port" in ended.stderr
