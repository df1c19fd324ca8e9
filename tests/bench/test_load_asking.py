"""What the load generator asks and when: ids, messages, scripts, schedules, histories, counts. No server."""

import re
import time
from collections import Counter
from pathlib import Path
from random import Random
from struct import pack

import pytest
from hdrh.histogram import HdrHistogram

from actors.front.http2.frames import MESSAGE_HEAD, SETTINGS, frame
from bench.load import history
from bench.load.exchange import REFUSED, Exchange
from bench.load.frames import message
from bench.load.http2 import Connection
from bench.load.ids import Ids
from bench.load.kinds import Kinds, hold_name, hold_names
from bench.load.line import Line
from bench.load.measuring import latency_of
from bench.load.pace import OpenPace, Schedule
from bench.load.plan import Allocations, Batches, Closed, Journeys, Open, Plan, Skus, Work
from bench.load.scripts import Insisting, Script, script_of
from bench.load.tally import Tally, coarse, percentile
from engine.stock.memory import made_at
from protos.cardkeep.v1 import allocation_pb2 as api
from protos.cardkeep.v1 import types_pb2

SKU = "tenants/default/skus/A"
LONGEST_NAME = f"tenants/default/skus/{'S' * 63}/holds/{'9' * 16}"


def new_ids(process: int = 5) -> Ids:
    """Ids of now."""
    ids = Ids(process)
    ids.at(time.time_ns())
    return ids


def asked(call: Exchange, kind: type) -> "types_pb2.Hold":
    """The message of a call, read by the generated class."""
    compressed, size = MESSAGE_HEAD.unpack_from(call.message)
    assert compressed == 0
    assert size == len(call.message) - MESSAGE_HEAD.size
    return kind.FromString(call.message[MESSAGE_HEAD.size :])


def script(work: Work, retry_share: float = 0.0) -> tuple[Script, Kinds]:
    """A script, with its kinds."""
    kinds = Kinds("h:1", 1_000)
    return script_of(Plan(work, Closed(1), retry_share=retry_share), kinds, new_ids(), Random(1)), kinds


def hold(name: str, **more: object) -> types_pb2.Hold:
    """A hold as a server answers it."""
    return types_pb2.Hold(name=name, state=types_pb2.HoldState.HOLD_STATE_ACTIVE, **more)  # type: ignore[arg-type]


def test_an_id_is_a_uuid7_of_now() -> None:
    """The house reads its age; RFC 9562 its version and variant."""
    before_ms = time.time_ns() // 1_000_000
    text = new_ids().take().decode() + "0000"
    made_at_ms = made_at(text)
    assert made_at_ms is not None
    assert before_ms <= made_at_ms <= time.time_ns() // 1_000_000
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)


def test_ids_of_processes_and_calls_differ() -> None:
    """In the same millisecond too, and whichever of the 26 bits tell the processes apart."""
    processes = [0, 1, 1 << 13, 1 << 14, 1 << 25]
    now_ns = time.time_ns()
    taken = []
    for process in processes:
        ids = Ids(process)
        ids.at(now_ns)
        taken += [ids.take() for _ in range(100)]
    assert len(set(taken)) == 100 * len(processes)
    assert {len(one) for one in taken} == {32}


def test_an_allocate_says_what_the_plan_says() -> None:
    """SKU, quantity, span; the order has the same name as the request."""
    kind = Kinds("h:1", 1_000).allocate("A", 3, 90_500)
    request = asked(kind.call(b"i" * 32), api.AllocateRequest)
    wish = api.AllocateRequest(parent=SKU, quantity=3, order_ref="i" * 32 + "0000", request_id="i" * 32 + "0000")
    wish.hold_for.FromMilliseconds(90_500)
    assert request == wish


@pytest.mark.parametrize("items", [1, 2, 256, 1_000])
def test_a_batch_has_an_id_for_each_item(items: int) -> None:
    """All begin with the call's; the item's place follows."""
    call = Kinds("h:1", 1_000).allocate("A", 1, None, items).call(b"i" * 32)
    request = asked(call, api.BatchAllocateRequest)
    names = [f"{'i' * 32}{place:04x}" for place in range(items)]
    assert [item.request_id for item in request.items] == [item.order_ref for item in request.items] == names
    assert call.items == items


@pytest.mark.parametrize("name", [f"{SKU}/holds/1", LONGEST_NAME])
def test_what_is_about_a_hold_names_it(name: str) -> None:
    """Confirm with and without a price, Release, BatchRelease: of the shortest name and the longest."""
    kinds = Kinds("h:1", 1_000)
    own = "i" * 32 + "0000"
    paid = api.ConfirmRequest(name=name, payment_ref=own, request_id=own)
    assert asked(kinds.confirm(None, "CNY").call(b"i" * 32, name.encode()), api.ConfirmRequest) == paid
    paid.paid_amount.minor, paid.paid_amount.currency = 1_500, "CNY"
    assert asked(kinds.confirm(1_500, "CNY").call(b"i" * 32, name.encode()), api.ConfirmRequest) == paid
    release = api.ReleaseRequest(name=name, request_id=own)
    assert asked(kinds.release().call(b"i" * 32, name.encode()), api.ReleaseRequest) == release
    both = [name.encode(), f"{SKU}/holds/22".encode()]
    batch = asked(kinds.batch_release().call(b"i" * 32, both), api.BatchReleaseRequest)
    assert [item.name.encode() for item in batch.items] == both
    assert [item.request_id for item in batch.items] == [own, "i" * 32 + "0001"]


def test_names_are_found_in_replies() -> None:
    """Of one hold and of many, whatever else stands in them; refused items and cards have none."""
    names = [f"{SKU}/holds/{number}" for number in (1, 20, 1_000_000)] + [LONGEST_NAME]
    results = [api.AllocateResult(hold=hold(name, order_ref="2" * 36, quantity=48, epoch=50)) for name in names]
    for result in results:
        result.hold.cards.add(name=f"{SKU}/cards/1-17", batch=f"{SKU}/batches/1")
    results.insert(1, api.AllocateResult(refusal=types_pb2.Refusal(code=8, metadata={"name": f"{SKU}/holds/7"})))
    reply = message(api.BatchAllocateResponse(results=results).SerializeToString())
    assert [name.decode() for name in hold_names(reply)] == names
    for result in results:
        if result.HasField("hold"):
            assert hold_name(message(result.hold.SerializeToString())).decode() == result.hold.name


def test_skus_are_asked_for_as_zipf_says() -> None:
    """With exponent 1 the first of three is asked for 6 times in 11, the third 2 times."""
    asks, _ = script(Allocations(Skus(("A", "B", "C"), zipf=1.0)))
    drawn = Counter(asks.next().kind.sku[-1] for _ in range(22_000))
    assert drawn["A"] == pytest.approx(12_000, rel=0.05)
    assert drawn["B"] == pytest.approx(6_000, rel=0.05)
    assert drawn["C"] == pytest.approx(4_000, rel=0.05)


def test_a_batch_gives_back_what_it_held_before_a_new_one_is_asked() -> None:
    """And nothing, when nothing was held."""
    asks, _ = script(Batches(Skus(("A",)), items=2, release=True))
    first = asks.next()
    first.reply = message(
        api.BatchAllocateResponse(results=[api.AllocateResult(hold=hold(f"{SKU}/holds/5"))]).SerializeToString()
    )
    asks.answered(first)
    back = asks.next()
    assert (back.kind.method, back.items, back.subject) == ("BatchRelease", 1, f"{SKU}/holds/5".encode())
    asks.answered(back)
    empty = asks.next()
    assert empty.kind.method == "BatchAllocate"
    empty.reply = message(api.BatchAllocateResponse().SerializeToString())
    asks.answered(empty)
    assert asks.next().kind.method == "BatchAllocate"


def test_only_holds_that_are_left_are_short() -> None:
    """Those to be confirmed or released live as long as the SKU says."""
    asks, kinds = script(Journeys(Skus(("A",)), confirm=0.5, release=0.0, expire=0.5, expiring_hold_for_ms=1_500))
    for _ in range(50):
        start = asks.next()
        start.reply = message(hold(f"{SKU}/holds/1").SerializeToString())
        asks.answered(start)
        request = asked(start, api.AllocateRequest)
        if request.HasField("hold_for"):
            assert request.hold_for.ToMilliseconds() == 1_500
        else:
            assert asks.next().kind.method == "Confirm"
    assert [kind.method for kind in kinds.all] == ["Confirm", "Release", "Allocate", "Allocate"]


def test_a_retry_is_the_same_call_and_is_not_retried() -> None:
    """It goes before anything new; its answer leads to nothing."""
    asks, _ = script(Journeys(Skus(("A",)), confirm=1.0, release=0.0, expire=0.0), retry_share=0.999_999)
    first = asks.next()
    first.reply = message(hold(f"{SKU}/holds/1").SerializeToString())
    asks.answered(first)
    again = asks.next()
    assert again.is_retry
    assert (again.message, again.id, again.kind) == (first.message, first.id, first.kind)
    again.reply = first.reply
    asks.answered(again)
    assert asks.next().kind.method == "Confirm"
    assert asks.next().kind.method == "Allocate"


def test_who_insists_asks_the_same_until_there_is_an_answer() -> None:
    """Before anything new; and what follows from the answer follows once."""
    kinds = Kinds("h:1", 1_000)
    plan = Plan(Journeys(Skus(("A",)), confirm=1.0, release=0.0, expire=0.0), Closed(1), insists=True)
    asks = script_of(plan, kinds, new_ids(), Random(1))
    assert isinstance(asks, Insisting)
    first = asks.next()
    asks.missed(first)
    again = asks.next()
    assert (again.message, again.id, again.is_retry) == (first.message, first.id, False)
    asks.missed(again)
    third = asks.next()
    third.reply = message(hold(f"{SKU}/holds/1").SerializeToString())
    asks.answered(third)
    assert [asks.next().kind.method for _ in range(2)] == ["Confirm", "Allocate"]


class RoomyLine(Line):
    """A line that has said hello and is not connected to anything."""

    def __init__(self) -> None:
        self.connection = Connection()
        self.connection.receive(frame(SETTINGS, 0, 0, pack(">HI", 3, 2)))


def test_a_schedule_is_kept_whatever_comes_back() -> None:
    """Ten a second for a second: after half of it five are due; two are sent on each line, the last is dropped."""
    asks, _ = script(Allocations(Skus(("A",))))
    tally = Tally(0, 0)
    pace = OpenPace(Open(10), asks, tally, Schedule(0, 100_000_000, 1_000_000_000))
    lines = [RoomyLine(), RoomyLine()]
    pace.start(lines, 450_000_000)
    started = sorted(call.intended_ns for line in lines for call in line.connection.calls.values())
    assert started == [0, 100_000_000, 200_000_000, 300_000_000]
    assert {call.invoked_ns for line in lines for call in line.connection.calls.values()} == {450_000_000}
    assert tally.totals.dropped == 1
    assert tally.totals.late == 4
    assert pace.wait_ns(450_000_000) == 1_000_000_000
    pace.start(lines, 5_000_000_000)
    assert tally.totals.dropped == 6
    assert pace.wait_ns(5_000_000_000) > 3_600_000_000_000


def test_a_crowd_without_room_waits_for_answers_not_for_its_moments() -> None:
    """What was due before an answer made room had none; what comes after has."""
    asks, _ = script(Allocations(Skus(("A",))))
    tally = Tally(0, 0)
    pace = OpenPace(Open(10), asks, tally, Schedule(0, 100_000_000, 1_000_000_000))
    line = RoomyLine()
    for now_ns, started, dropped, wait_ns in (
        (150_000_000, [0, 100_000_000], 0, 50_000_000),
        (250_000_000, [0, 100_000_000], 1, 1_000_000_000),
        (650_000_000, [600_000_000], 4, 50_000_000),
    ):
        if wait_ns == 50_000_000 and dropped:
            line.connection.cancel(1)
            line.connection.cancel(3)
            pace.start([line], 550_000_000)
        pace.start([line], now_ns)
        assert [call.intended_ns for call in line.connection.calls.values()] == started
        assert tally.totals.dropped == dropped
        assert pace.wait_ns(now_ns) == wait_ns


def test_calls_count_by_their_intended_start() -> None:
    """Measured from 1 s on: what was to start before is warm-up, however late its answer."""
    asks, _ = script(Allocations(Skus(("A",))))
    tally = Tally(1_000_000_000, -1)
    early, counted = asks.next(), asks.next()
    early.intended_ns, early.invoked_ns = 999_999_999, 1_500_000_000
    counted.intended_ns, counted.invoked_ns = 1_000_000_000, 1_500_000_000
    early.trailers = counted.trailers = b"\0\x0bgrpc-status\x010"
    tally.answered([early, counted], 2_000_000_000)
    tick = tally.turn(7)
    assert (tick.at_s, tick.answered, tick.ok, tick.items, tick.in_flight) == (-1, 2, 2, 2, 7)
    assert tally.totals.took_us.total() == 1
    assert percentile(tally.totals.took_us, 1.0) == pytest.approx(1_000_000, rel=0.001)
    assert percentile(tally.totals.served_us, 1.0) == pytest.approx(500_000, rel=0.001)


def test_coarse_counts_are_the_steps_of_the_histogram() -> None:
    """Percentiles from counts and from the histogram that is handed out are the same to three digits."""
    chance = Random(3)
    exact = Counter(int(chance.lognormvariate(7, 2)) for _ in range(20_000))
    counts = coarse(exact)
    assert counts.total() == 20_000
    assert all(value <= 2_047 or value % 2 == 0 for value in counts)
    latency = latency_of(counts)
    decoded = HdrHistogram.decode(latency.hdr)
    assert decoded.get_total_count() == latency.count == 20_000
    for share, ours_us in ((0.5, latency.p50_us), (0.9, latency.p90_us), (0.99, latency.p99_us)):
        assert ours_us == pytest.approx(percentile(exact, share), rel=0.001)
        assert ours_us == pytest.approx(decoded.get_value_at_percentile(100 * share), rel=0.001)


def test_a_history_gives_back_what_was_written(tmp_path: Path) -> None:
    """An answer, a refusal, and silence; of one item, of one hold, of several."""
    kinds = Kinds("h:1", 1_000)
    allocate, batch = kinds.allocate("A", 1, None), kinds.allocate("B", 1, None, 2)
    release, releases = kinds.release(), kinds.batch_release()
    calls = [
        allocate.call(b"a" * 32),
        batch.call(b"b" * 32),
        release.call(b"c" * 32, b"x/holds/1"),
        releases.call(b"d" * 32, [b"x/holds/1", b"x/holds/2"]),
    ]
    for call in calls:
        call.invoked_ns = 10
    calls[0].reply = message(b"reply")
    calls[1].trailers = REFUSED
    writer = history.Writer(tmp_path / "h", kinds.all)
    writer.answered(calls[0], 0, 20)
    writer.answered(calls[1], 14, 30)
    writer.unanswered(calls[2])
    writer.unanswered(calls[3])
    writer.close()
    one, two, three, four = history.read(tmp_path / "h")
    own = "a" * 32 + "0000"
    assert one == history.Call("Allocate", (history.Item(own, own, SKU),), 10, 20, 0, "", b"reply")
    assert (two.status, two.reason, [item.request_id[-4:] for item in two.items]) == (
        14,
        "REFUSED_STREAM",
        ["0000", "0001"],
    )
    assert (three.completed_ns, three.status) == (None, None)
    assert three.items == (history.Item("c" * 32 + "0000", "", "x/holds/1"),)
    assert [item.subject for item in four.items] == ["x/holds/1", "x/holds/2"]


def test_the_history_of_a_killed_client_has_all_that_it_may_have_sent(tmp_path: Path) -> None:
    """Cut anywhere: what has no answer is unknown, and an answer that was cut is none."""
    kinds = Kinds("h:1", 1_000)
    allocate = kinds.allocate("A", 1, None)
    calls = [allocate.call(bytes((letter,)) * 32) for letter in b"abc"]
    writer = history.Writer(tmp_path / "h", kinds.all, is_killable=True)
    for at, call in enumerate(calls):
        call.invoked_ns, call.reply = 10 + at, message(b"reply")
    writer.begun(calls)
    sent = len((tmp_path / "h").read_bytes())
    for call in calls[:2]:
        writer.answered(call, 0, 20)
    writer.begun([])
    whole = (tmp_path / "h").read_bytes()
    for end in (sent, (sent + len(whole)) // 2, len(whole) - 1, len(whole)):
        (tmp_path / "cut").write_bytes(whole[:end])
        read = list(history.read(tmp_path / "cut"))
        assert sorted(call.items[0].request_id[0] for call in read) == ["a", "b", "c"]
        answered = [call for call in read if call.status == 0]
        assert len(answered) == 2 * (end - sent) // (len(whole) - sent)
        assert all(call.reply == b"reply" for call in answered)
    writer.close()


def test_what_is_unreadable_in_the_history_of_a_killed_client_is_no_cut(tmp_path: Path) -> None:
    """All behind it would be left out without a word."""
    kinds = Kinds("h:1", 1_000)
    call = kinds.allocate("A", 1, None).call(b"a" * 32)
    path = tmp_path / "h"
    writer = history.Writer(path, kinds.all, is_killable=True)
    call.id, call.invoked_ns = b"\xff" * 32, 10
    writer.begun([call])
    writer.close()
    with pytest.raises(UnicodeDecodeError):
        list(history.read(path))


def test_a_history_that_is_cut_is_refused(tmp_path: Path) -> None:
    """At any byte after its first line but between two calls."""
    kinds = Kinds("h:1", 1_000)
    kind = kinds.allocate("A", 1, None)
    path = tmp_path / "h"
    writer = history.Writer(path, kinds.all)
    call = kind.call(b"a" * 32)
    call.invoked_ns = 10
    writer.unanswered(call)
    writer.close()
    whole = path.read_bytes()
    begin = whole.index(b"\n") + 1
    for end in range(begin + 1, len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match="middle"):
            list(history.read(path))
    path.write_bytes(b"{}\n")
    with pytest.raises(ValueError, match="no history"):
        list(history.read(path))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Plan(Allocations(Skus(())), Closed(1)),
        lambda: Plan(Allocations(Skus(("A",))), Closed(0)),
        lambda: Plan(Allocations(Skus(("A",))), Open(0.0)),
        lambda: Plan(Allocations(Skus(("A",))), Closed(1), processes=17),
        lambda: Plan(Allocations(Skus(("A",))), Closed(1), retry_share=1.0),
        lambda: Plan(Batches(Skus(("A",)), items=1_001), Closed(1)),
        lambda: Plan(Journeys(Skus(("A",)), confirm=0.5, release=0.5, expire=0.5), Closed(1)),
    ],
)
def test_a_plan_out_of_bounds_is_refused(wrong: object) -> None:
    """Before anything is spawned."""
    with pytest.raises(ValueError, match=r"."):
        wrong()  # type: ignore[operator]
