"""Status, doctor, and knowing a live house from a dead one, without starting any."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cardkeep_client.v1 import operations_pb2, types_pb2

from bench.house_process import free_port
from clients.cli import show
from clients.cli.connection import find_server
from clients.cli.run_file import descendants, read_run, start_mark

Run = Callable[..., Any]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder `cardkeep` is pointed at."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def house_like() -> Iterator[int]:
    """A process whose command line is a house's, and which does nothing but wait."""
    program = "import sys; print('up', flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", program, "-m", "actors.house"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process.pid
    process.communicate()


def say(data: Path, **news: Any) -> None:
    """run.json as a house leaves it."""
    (data / "run.json").write_text(json.dumps({"state": "ready", "grpc": "127.0.0.1:7799", **news}))


def pools() -> list[operations_pb2.Pool]:
    """One pool that sells and one that stopped."""
    cards = types_pb2.CardCounts(received=10, available=5, on_shelf=6, held=1, sold=2, void=1)
    return [
        operations_pb2.Pool(
            name="tenants/default/skus/A", state=operations_pb2.POOL_STATE_OPEN, owner="owner-0", cards=cards
        ),
        operations_pb2.Pool(
            name="tenants/default/skus/B", state=operations_pb2.POOL_STATE_STOPPED, stopped_because="law 3"
        ),
    ]


def look(
    server: Any, *, ready: bool = True, reachable: bool = True, listed: list[operations_pb2.Pool] | None = None
) -> None:
    """The server says what a status is made of."""
    status = operations_pb2.GetStatusResponse(ready=ready, version="1.0")
    status.now.FromDatetime(datetime.now(UTC))
    status.store.CopyFrom(operations_pb2.StoreStatus(reachable=reachable, kind="embedded", durability="always"))
    server.will("GetStatus", status)
    server.will("ListPools", operations_pb2.ListPoolsResponse(pools=listed or pools()))
    server.will("ListOwners", operations_pb2.ListOwnersResponse(owners=[operations_pb2.Owner(name="owner-0", pools=2)]))


def test_status_shows_pools_and_owners_and_why_one_stopped(server: Any, cardkeep: Run) -> None:
    """One screen for the night of the sale."""
    look(server)
    ended = cardkeep("status")
    assert ended.exit_code == 0
    row = next(line for line in ended.stdout.splitlines() if line.split()[:2] == ["A", "open"])
    assert row.split()[2:7] == ["6", "5", "1", "2", "1"]
    assert "law 3" in ended.stdout


def test_status_in_json_has_stable_names(server: Any, cardkeep: Run) -> None:
    """Programs rest on these."""
    look(server)
    document = json.loads(cardkeep("status", "--json").stdout)
    assert set(document) == {"status", "pools", "owners"}
    assert document["pools"][0]["cards"]["held"] == 1
    assert document["status"]["store"]["durability"] == "always"


def test_a_house_that_is_not_ready_is_exit_code_1(server: Any, cardkeep: Run) -> None:
    """The store is away: the status still says so, without asking for pools that cannot be read."""
    look(server, ready=False, reachable=False)
    ended = cardkeep("status")
    assert ended.exit_code == 1
    assert "AWAY" in ended.stdout
    assert server.requests("ListPools") == []


def test_a_dead_houses_run_file_is_not_believed(data: Path, house_like: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when its process is gone, nor when another program has its number since."""
    monkeypatch.delenv("CARDKEEP_PORT", raising=False)
    say(data, pid=house_like)
    assert find_server(None, data) == "127.0.0.1:7799"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, os.getpid()):
        say(data, pid=pid)
        assert find_server(None, data) == "127.0.0.1:7700"
    say(data, pid=house_like, state="stopped")
    assert find_server(None, data) == "127.0.0.1:7700"
    (data / "run.json").write_text("{")
    assert read_run(data) is None


def test_the_server_option_wins_over_everything(data: Path, house_like: int) -> None:
    """Else nobody could look at another house."""
    say(data, pid=house_like)
    assert find_server("10.0.0.1:1", data) == "10.0.0.1:1"


def test_down_on_a_stale_run_file_ends_nobody(data: Path, cardkeep: Run) -> None:
    """The number in it is this very process's."""
    say(data, pid=os.getpid())
    ended = cardkeep("down")
    assert ended.exit_code == 0
    assert "ended without stopping" in ended.stdout


def test_down_ends_the_house_and_waits_for_it(data: Path, cardkeep: Run, house_like: int) -> None:
    """SIGTERM to the process of run.json, and back only when it is gone."""
    say(data, pid=house_like)
    ended = cardkeep("down", "--json")
    assert json.loads(ended.stdout)["stopped_pid"] == house_like
    assert start_mark(house_like) == ""


def test_descendants_are_all_processes_below() -> None:
    """Children of children too: Ray's processes are."""
    outer = (
        "import subprocess, sys; inner = subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()']);"
        "print(inner.pid, flush=True); inner.wait()"
    )
    process = subprocess.Popen([sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    grandchild = int(process.stdout.readline())
    assert {process.pid, grandchild} <= set(descendants(os.getpid()))
    process.communicate()
    assert start_mark(grandchild) == ""


def test_up_on_a_taken_port_says_which_option_helps(cardkeep: Run) -> None:
    """Front ends share their port, so two houses on one would each get half of the calls."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        ended = cardkeep("up", "--port", port)
    assert ended.exit_code == 1
    assert port in ended.stderr
    assert "--port" in ended.stderr


def test_up_on_a_running_house_says_where_it_is(data: Path, cardkeep: Run, house_like: int) -> None:
    """Twice is as good as once."""
    say(data, pid=house_like, metrics="http://127.0.0.1:1/metrics", store="embedded", server="valkey 9")
    ended = cardkeep("up", "--json")
    document = json.loads(ended.stdout)
    assert (document["pid"], document["grpc"]) == (house_like, "127.0.0.1:7799")
    assert len(document["next_steps"]) == 3


def test_doctor_finds_a_key_ring_that_others_may_open(data: Path, server: Any, cardkeep: Run) -> None:
    """And the command it prints mends it."""
    look(server)
    look(server)
    ring = data / "keys" / "ring.json"
    ring.parent.mkdir(mode=0o700)
    ring.write_text('{"keys": [1, 2]}')
    ring.chmod(0o644)
    found = _finding(cardkeep("doctor", "--json"), "key ring")
    assert found["verdict"] == "broken"
    subprocess.run(found["fix"].split(), check=True)
    assert _finding(cardkeep("doctor", "--json"), "key ring")["verdict"] == "ok"


def test_doctor_tells_a_taken_port_from_our_own(
    data: Path, server: Any, cardkeep: Run, house_like: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scripted server has the port: taken; once run.json says that it is our house's: ours."""
    monkeypatch.setenv("CARDKEEP_PORT", server.target.rpartition(":")[2])
    for _ in range(4):
        look(server)
    taken = cardkeep("doctor", "--json")
    assert _finding(taken, "gRPC port")["verdict"] == "broken"
    assert taken.exit_code == 1
    say(data, pid=house_like, grpc=server.target)
    assert _finding(cardkeep("doctor", "--json"), "gRPC port")["what"].startswith("ours")


def test_every_finding_that_is_not_fine_says_what_to_run(cardkeep: Run, data: Path) -> None:
    """No server, a store without its key ring."""
    (data / "store" / "appendonlydir").mkdir(parents=True)
    ended = cardkeep("doctor", "--json", "--server", "127.0.0.1:1")
    findings = json.loads(ended.stdout)["checks"]
    assert {finding["check"] for finding in findings if finding["verdict"] != "ok"} >= {"server", "key ring"}
    assert all(finding["fix"] for finding in findings if finding["verdict"] != "ok")


def _finding(ended: Any, check: str) -> dict[str, str]:
    found: dict[str, str] = next(each for each in json.loads(ended.stdout)["checks"] if each["check"] == check)
    return found


def test_names_and_numbers_stay_whole_on_a_narrow_screen(
    server: Any, cardkeep: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A SKU in two pieces is no SKU: a terminal of 80 columns does without the owner, and without more if it must."""
    monkeypatch.setattr(show, "PIPE_WIDTH", 80)
    cards = types_pb2.CardCounts(received=1_000_000, available=900_000, on_shelf=900_000, sold=100_000)
    name = "GIFT-CARD-OF-A-LONG-NAME-FOR-CHRISTMAS-100-CNY"
    pool = operations_pb2.Pool(
        name=f"tenants/default/skus/{name}",
        state=operations_pb2.POOL_STATE_OPEN,
        owner="owner-with-a-name",
        cards=cards,
    )
    look(server, listed=[pool])
    ended = cardkeep("status")
    (line,) = [line for line in ended.stdout.splitlines() if name in line]
    assert "900,000" in line
    assert "100,000" in line


@pytest.mark.parametrize("place", ["plain", "plain/below", "/proc/nobody-may-write-here"])
def test_a_data_folder_that_cannot_be_is_one_line_and_no_traceback(place: str, cardkeep: Run, tmp_path: Path) -> None:
    """In JSON, too; and the doctor sees it before the house is started."""
    (tmp_path / "plain").write_text("")
    folder = str(tmp_path / place)
    words = ("up", "--data", folder, "--port", str(free_port()), "--metrics-port", str(free_port()))
    ended = cardkeep(*words)
    assert ended.exit_code == 1
    assert len(ended.stderr.splitlines()) == 2
    assert "--data" in ended.stderr
    error = json.loads(cardkeep(*words, "--json").stdout)["error"]
    assert (error["reason"], error["exit_code"]) == ("DATA_FOLDER_UNUSABLE", 1)
    looked = json.loads(cardkeep("doctor", "--data", folder, "--json").stdout)
    (found,) = [check for check in looked["checks"] if check["check"] == "data folder"]
    assert found["verdict"] == "broken"


def test_a_port_that_another_cardkeep_has_is_said_to_be_its(server: Any, cardkeep: Run) -> None:
    """It is asked who it is: "another program" would send people looking for one."""
    look(server)
    taken = server.target.rpartition(":")[2]
    ended = cardkeep("up", "--port", taken)
    assert ended.exit_code == 1
    assert "another Cardkeep (version 1.0)" in ended.stderr


def test_who_is_in_the_wrong_folder_hears_of_the_right_one(cardkeep: Run, data: Path, tmp_path: Path) -> None:
    """`down` stops nothing there, and names both folders."""
    other = tmp_path / "other"
    other.mkdir()
    program = "import sys; print('up', flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", program, "-m", "actors.house"]
    environment = {**os.environ, "CARDKEEP_DATA": str(other)}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        say(other, pid=process.pid, grpc="127.0.0.1:7799")
        ended = cardkeep("down")
        process.communicate()
    assert ended.exit_code == 0
    assert str(data) in ended.stdout
    assert f"cardkeep down --data {other}" in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CARDKEEP_PORT", "77000"),
        ("CARDKEEP_METRICS_PORT", ""),
        ("CARDKEEP_FRONT_ENDS", "abc"),
        ("CARDKEEP_ACTORS_MAX", "0"),
        ("CARDKEEP_DURABILITY", "always"),
        ("CARDKEEP_REFLECTION", "maybe"),
        ("CARDKEEP_LOG_LEVEL", "loud"),
    ],
)
def test_a_setting_that_no_house_starts_with_is_named(
    name: str, value: str, cardkeep: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and the variable, before anything is started: not the traceback of a house."""
    monkeypatch.setenv(name, value)
    ended = cardkeep("up")
    assert ended.exit_code == 2
    assert name in ended.stderr
