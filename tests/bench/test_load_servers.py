"""The load generator against real gRPC servers, on both doors: what it measures, reads and writes down."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from actors.front.doors import Door
from actors.front.http2.frames import SETTINGS, frame
from bench.load import history
from bench.load.fleet import run
from bench.load.plan import Allocations, Batches, Closed, Journeys, LoadFailed, Measured, Open, Plan, Progress, Skus
from protos.cardkeep.v1 import allocation_pb2 as api
from protos.cardkeep.v1 import allocation_pb2_grpc, types_pb2
from tests.bench.load_server import BARE, BIG, BIG_CARDS, EMPTY, GOOD, STALL_ONE, STALL_OTHER, STALL_S, Shop

_STALL_US = STALL_S * 1_000_000


class Server:
    """`tests.bench.load_server` as a process."""

    def __init__(self, door: Door, folder: Path) -> None:
        self.seen = folder / "seen"
        command = [sys.executable, "-m", "tests.bench.load_server", door.value, str(self.seen)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.target = self.process.stdout.readline().strip()

    def kill(self) -> None:
        """At once; no word of goodbye."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture(params=list(Door), ids=str, scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests of a door that leave it alive."""
    running = Server(request.param, tmp_path_factory.mktemp("server"))
    yield running
    running.kill()


def plan(
    work: Allocations | Batches | Journeys, pace: Closed | Open, folder: Path | None = None, **more: float
) -> Plan:
    """A short load without warm-up, so that the history and the figures are about the same calls."""
    terms = {"warmup_s": 0.0, "measure_s": 0.5} | more
    return Plan(work, pace, history_folder=None if folder is None else str(folder), **terms)  # type: ignore[arg-type]


def unary(*skus: str) -> Allocations:
    """Allocates of these SKUs."""
    return Allocations(Skus(skus))


def calls(measured: Measured) -> list[history.Call]:
    """Every call of every process."""
    return [call for path in measured.histories for call in history.read(Path(path))]


def test_every_answer_of_a_unary_load_is_counted_and_written_down(server: Server, tmp_path: Path) -> None:
    """Two processes of two connections: the figures, the history and the replies agree with each other."""
    seen: list[Progress] = []
    load = plan(unary(GOOD), Closed(8), tmp_path, processes=2, connections=2, measure_s=1.2)
    measured = run(load, server.target, on_progress=seen.append)
    history_calls = calls(measured)
    assert measured.answered == measured.ok == measured.items == measured.latency.count == len(history_calls)
    assert measured.answered > 100
    assert measured.statuses == {"OK": measured.ok}
    assert measured.ok_by_method == {"Allocate": measured.ok}
    assert measured.unanswered == measured.dropped == measured.reconnects == 0
    assert measured.client.processes == 2
    assert 0 < measured.client.cpu_s < 2 * measured.client.wall_s
    # 4 connections with 8 under way each; the drain at the end and the start make it a little more or less.
    assert 20 < measured.in_flight_mean < 40
    assert [second.at_s for second in measured.series] == [0]
    assert seen[0].answered == measured.series[0].answered > 0
    assert len({call.items[0].request_id for call in history_calls}) == len(history_calls)
    for call in history_calls:
        hold = types_pb2.Hold.FromString(call.reply)
        assert call.items[0].subject == "tenants/default/skus/GOOD"
        assert hold.name.startswith(call.items[0].subject)
        assert hold.order_ref == call.items[0].ref == call.items[0].request_id
        assert call.completed_ns is not None
        assert call.invoked_ns < call.completed_ns


def test_warm_up_and_the_last_second_count_where_the_whole_load_is_meant(server: Server, tmp_path: Path) -> None:
    """The CPU of a load is divided by all its items; the seconds of the course end with the window."""
    measured = run(plan(unary(GOOD), Closed(8), tmp_path, warmup_s=1.0, measure_s=1.0), server.target)
    assert [second.at_s for second in measured.series] == [-1, 0]
    assert measured.items_in_all == len(calls(measured))
    assert measured.items_in_all >= sum(second.items for second in measured.series) > measured.items > 0


def test_errors_are_read_with_their_reasons(server: Server, tmp_path: Path) -> None:
    """Trailers only, with ErrorInfo and without: C core packs base64, Rust packs Huffman."""
    measured = run(plan(unary(EMPTY, BARE, GOOD), Closed(8), tmp_path), server.target)
    by_sku = Counter((call.items[0].subject.rpartition("/")[2], call.status, call.reason) for call in calls(measured))
    assert set(by_sku) == {(EMPTY, 8, "OUT_OF_STOCK"), (BARE, 14, ""), (GOOD, 0, "")}
    refused, bare = by_sku[EMPTY, 8, "OUT_OF_STOCK"], by_sku[BARE, 14, ""]
    assert measured.statuses == {"OK": measured.ok, "RESOURCE_EXHAUSTED": refused, "UNAVAILABLE": bare}
    assert measured.reasons == {"OUT_OF_STOCK": refused, "": bare}
    assert measured.refused.count == refused + bare


def test_replies_beyond_every_default_window_arrive_whole(server: Server, tmp_path: Path) -> None:
    """A reply of 1.1 MB needs more than the 64 KB a stream and a connection have by default."""
    measured = run(plan(unary(BIG), Closed(4), tmp_path), server.target)
    assert measured.ok == measured.answered > 0
    for call in calls(measured)[:3]:
        assert len(types_pb2.Hold.FromString(call.reply).cards) == BIG_CARDS


def test_requests_beyond_every_default_window_arrive_whole(server: Server, tmp_path: Path) -> None:
    """1,000 items are 120 KB; with four under way, half a megabyte waits for windows. What was held is given back."""
    load = plan(Batches(Skus((GOOD,)), items=1_000, release=True), Closed(4), tmp_path, measure_s=1.0)
    measured = run(load, server.target)
    assert measured.ok == measured.answered
    held, released = [], []
    for call in calls(measured):
        if call.method == "BatchAllocate":
            results = api.BatchAllocateResponse.FromString(call.reply).results
            assert [result.hold.order_ref for result in results] == [item.ref for item in call.items]
            held.extend(result.hold.name for result in results)
        else:
            results = api.BatchReleaseResponse.FromString(call.reply).results
            assert [result.hold.name for result in results] == [item.subject for item in call.items]
            released.extend(item.subject for item in call.items)
    assert len(released) == len(set(released)) > 0
    assert set(released) <= set(held)
    assert measured.items == measured.items_asked == len(held) + len(released)


def test_refused_items_of_a_batch_are_counted_by_reason(server: Server) -> None:
    """A batch may be answered OK and yet hold only every second thing that was asked for."""
    measured = run(plan(Batches(Skus((EMPTY,)), items=10), Closed(2)), server.target)
    assert measured.ok == measured.answered > 0
    assert measured.items == 5 * measured.ok
    assert measured.items_asked == 10 * measured.ok
    assert measured.reasons == {"OUT_OF_STOCK": 5 * measured.ok}


def test_journeys_end_each_hold_as_was_decided(server: Server, tmp_path: Path) -> None:
    """Of ten holds six are confirmed, two released, two left; each at most once, under its own name."""
    measured = run(plan(Journeys(Skus((GOOD,))), Closed(8), tmp_path, measure_s=1.0), server.target)
    held = [types_pb2.Hold.FromString(call.reply).name for call in calls(measured) if call.method == "Allocate"]
    ends = {
        method: [call.items[0].subject for call in calls(measured) if call.method == method]
        for method in ("Confirm", "Release")
    }
    assert measured.ok == measured.answered == len(held) + len(ends["Confirm"]) + len(ends["Release"])
    assert set(ends["Confirm"]) | set(ends["Release"]) <= set(held)
    assert len(set(ends["Confirm"]) | set(ends["Release"])) == len(ends["Confirm"]) + len(ends["Release"])
    assert len(ends["Confirm"]) / len(held) == pytest.approx(0.6, abs=0.15)
    assert len(ends["Release"]) / len(held) == pytest.approx(0.2, abs=0.1)


def test_retries_have_the_same_id_and_are_recognised(server: Server, tmp_path: Path) -> None:
    """A fifth of the answered calls goes out once more, and the server knows each again."""
    measured = run(plan(unary(GOOD), Closed(8), tmp_path, retry_share=0.2), server.target)
    times = Counter(call.items[0].request_id for call in calls(measured))
    replayed = sum(types_pb2.Hold.FromString(call.reply).replayed for call in calls(measured))
    assert set(times.values()) == {1, 2}
    assert replayed == sum(count == 2 for count in times.values())
    assert replayed / len(times) == pytest.approx(0.2, abs=0.1)


def test_an_open_loop_shows_a_stall_that_a_closed_loop_hides(server: Server) -> None:
    """The server stops once for 300 ms. Of 600 scheduled calls some 90 meet it; of a patient caller's, one does."""
    patient = run(plan(unary(STALL_ONE), Closed(1), measure_s=2.0), server.target)
    assert patient.latency.max_us >= _STALL_US
    assert patient.latency.p99_us < _STALL_US / 3
    scheduled = run(plan(unary(STALL_OTHER), Open(300), measure_s=2.0), server.target)
    assert scheduled.intended == scheduled.answered == 600
    assert scheduled.latency.p99_us > _STALL_US * 0.8
    assert scheduled.latency.p90_us > _STALL_US / 10


def test_a_full_line_drops_starts_and_says_so(server: Server) -> None:
    """1.1 MB replies 2,000 times a second are too many for one call under way: what was not sent is counted."""
    measured = run(plan(unary(BIG), Open(2_000, in_flight_max=1)), server.target)
    assert measured.dropped > 0
    assert measured.intended == measured.answered + measured.dropped + measured.unanswered == 1_000
    assert measured.unanswered == 0


@pytest.mark.parametrize("door", list(Door), ids=str)
def test_a_history_is_complete_when_the_server_is_killed(door: Door, tmp_path: Path) -> None:
    """Whatever reached the server is in the history: answered, or unknown. Nothing is answered twice, nothing lost."""
    server = Server(door, tmp_path)
    measured = run(
        plan(unary(GOOD), Closed(64), tmp_path / "told", measure_s=1.5),
        server.target,
        on_progress=lambda _: server.kill(),
    )
    told = calls(measured)
    answered = {call.items[0].request_id for call in told if call.status == 0}
    unknown = {call.items[0].request_id for call in told if call.status is None and call.completed_ns is None}
    assert len(told) == len(answered) + len(unknown) == measured.answered + measured.unanswered
    assert 1 <= len(unknown) == measured.unanswered <= 64
    seen = set(server.seen.read_text().split())
    assert answered <= seen <= answered | unknown


async def test_a_server_that_says_goodbye_loses_no_call(tmp_path: Path) -> None:
    """GOAWAY every 0.2 s: calls under way are answered on the old connection, new ones go over a new one."""
    server = grpc.aio.server(options=(("grpc.max_connection_age_ms", 200), ("grpc.max_connection_age_grace_ms", 5_000)))
    allocation_pb2_grpc.add_AllocationServiceServicer_to_server(Shop(str(tmp_path / "seen")), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    load = plan(unary(GOOD), Closed(16), tmp_path, measure_s=1.5)
    measured = await asyncio.to_thread(run, load, f"127.0.0.1:{port}")
    await server.stop(None)
    assert measured.reconnects >= 2
    assert measured.unanswered == 0
    # What C core had not looked at yet when it said goodbye may be refused; everything else is answered.
    assert set(measured.reasons) <= {"REFUSED_STREAM"}
    assert measured.ok > 100


def test_calls_that_are_never_answered_are_given_up() -> None:
    """A server that only says its SETTINGS: each call is cancelled a second after its deadline, and the run ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def say_nothing() -> None:
            line, _ = listening.accept()
            with line:
                line.sendall(frame(SETTINGS, 0, 0))
                while line.recv(1 << 16):
                    pass

        silent = threading.Thread(target=say_nothing)
        silent.start()
        load = plan(unary(GOOD), Closed(4), measure_s=2.5, deadline_ms=100)
        measured = run(load, f"127.0.0.1:{listening.getsockname()[1]}")
        silent.join()
    # Four from the beginning, and four that took their places when the second second was over.
    assert measured.unanswered == measured.intended == 8
    assert measured.latency.count == 0


def test_a_load_without_a_server_fails_and_says_so() -> None:
    """Nobody listens at a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        target = f"127.0.0.1:{listening.getsockname()[1]}"
    with pytest.raises(LoadFailed, match=target):
        run(plan(unary(GOOD), Closed(1)), target)


def test_a_target_that_is_none_is_refused() -> None:
    """No port, no load."""
    with pytest.raises(LoadFailed, match="nowhere"):
        run(plan(unary(GOOD), Closed(1)), "nowhere")
