"""The fast door's HTTP/2, without sockets: what breaks the protocol, what strains it, what it must not mix up."""

import asyncio
import gzip
import logging
import tracemalloc
from collections.abc import Callable

import pytest
from hpack import Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.front.http2 import desk, frames, headers
from actors.front.http2.frames import DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PRIORITY, frame
from actors.front.http2.headers import ConnectionFault, RequestHeaders
from actors.front.http2.messages import message_bytes_max
from tests.examples import examples
from tests.unit.http2_talk import ECHO, HOLD, STREAM, Talk, framed

_number = frames.NUMBER.pack


@pytest.fixture
async def talk() -> Talk:
    """A connection that has been greeted, and its first words heard."""
    talk = Talk()
    talk.greet()
    await talk.said()
    return talk


def feed(talk: Talk, *parts: bytes) -> None:
    """Let bytes come."""
    for part in parts:
        talk.connection.data_received(part)


async def test_many_calls_of_one_read_leave_in_one_write(talk: Talk) -> None:
    """Each with its own answer."""
    writes: list[bytes] = []
    talk.line.write = writes.append  # type: ignore[method-assign]
    feed(talk, b"".join(talk.call(stream, b"%d" % stream) for stream in range(1, 101, 2)))
    await asyncio.sleep(0)
    talk.line.written = b"".join(writes)
    assert await talk.answers() == {stream: (framed(b"%d" % stream), "0") for stream in range(1, 101, 2)}
    assert len(writes) == 1


@given(data=st.data())
@settings(max_examples=examples(60))
async def test_bytes_may_come_in_any_pieces(data: st.DataObject) -> None:
    """The answers are the same, however a network cuts what a caller sends."""
    talk = Talk()
    whole = frames.PREFACE + frames.settings({}) + b"".join(talk.call(n, b"x" * n) for n in (1, 3, 5))
    places = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    feed(talk, *(whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)))
    assert await talk.answers() == {n: (framed(b"x" * n), "0") for n in (1, 3, 5)}


async def test_a_request_may_come_in_many_odd_frames(talk: Talk) -> None:
    """Headers with padding and a priority and in two frames, data with padding and in two, trailers at the end."""
    block = talk.opening(1)[frames.HEAD_BYTES :]
    padded = b"\x03" + bytes(4) + b"\x10" + block[:9] + bytes(3)
    feed(talk, frame(HEADERS, PADDED | PRIORITY, 1, padded), frame(frames.CONTINUATION, END_HEADERS, 1, block[9:]))
    message = framed(b"hello")
    feed(talk, frame(DATA, PADDED, 1, b"\x02" + message[:4] + bytes(2)), frame(DATA, 0, 1, message[4:]))
    assert await talk.answers() == {}
    trailers = talk.encoder.encode([("x-trailer", "1")])
    feed(talk, frame(HEADERS, END_HEADERS | END_STREAM, 1, trailers))
    assert await talk.answers() == {1: (message, "0")}


Breach = Callable[[Talk], bytes]
BREACHES: dict[str, tuple[int, Breach]] = {
    "no HTTP/2": (frames.PROTOCOL_ERROR, lambda _: b"GET / HTTP/1.1\r\n\r\n"),
    "a frame too long": (frames.FRAME_SIZE_ERROR, lambda _: frame(DATA, 0, 1, bytes(16_385))),
    "data of no call": (frames.STREAM_CLOSED, lambda _: frame(DATA, 0, 1, b"x")),
    "data of no stream": (frames.STREAM_CLOSED, lambda _: frame(DATA, 0, 0, b"x")),
    "data after the end": (frames.STREAM_CLOSED, lambda talk: talk.call(1, path=HOLD) + frame(DATA, 0, 1, b"x")),
    "headers of an even stream": (frames.PROTOCOL_ERROR, lambda talk: talk.opening(2)),
    "headers in mid call": (frames.PROTOCOL_ERROR, lambda talk: talk.opening(1) + talk.opening(1)),
    "a block that is not finished": (
        frames.PROTOCOL_ERROR,
        lambda talk: talk.opening(1, flags=0) + frame(frames.PING, 0, 0, bytes(8)),
    ),
    "a continuation of nothing": (frames.PROTOCOL_ERROR, lambda _: frame(frames.CONTINUATION, 0, 1, b"x")),
    "a block without end": (
        frames.ENHANCE_YOUR_CALM,
        lambda talk: talk.opening(1, flags=0) + frame(frames.CONTINUATION, 0, 1, bytes(16_000)) * 5,
    ),
    "a block that unfolds": (
        frames.ENHANCE_YOUR_CALM,
        lambda talk: frame(HEADERS, END_HEADERS, 1, talk.encoder.encode([("a", "b" * 3_000)]) + b"\xbe" * 100),
    ),
    "no block": (frames.COMPRESSION_ERROR, lambda _: frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff")),
    "more padding than frame": (
        frames.PROTOCOL_ERROR,
        lambda talk: talk.opening(1) + frame(DATA, PADDED, 1, b"\x09x"),
    ),
    "a push": (frames.PROTOCOL_ERROR, lambda _: frame(frames.PUSH_PROMISE, 0, 1, bytes(8))),
    "a ping of five bytes": (frames.PROTOCOL_ERROR, lambda _: frame(frames.PING, 0, 0, bytes(5))),
    "settings of five bytes": (frames.FRAME_SIZE_ERROR, lambda _: frame(frames.SETTINGS, 0, 0, bytes(5))),
    "a window of 2 GiB as a setting": (
        frames.FLOW_CONTROL_ERROR,
        lambda _: frames.settings({frames.INITIAL_WINDOW_SIZE: 2**31}),
    ),
    "a window of more than 2 GiB": (
        frames.FLOW_CONTROL_ERROR,
        lambda _: frame(frames.WINDOW_UPDATE, 0, 0, _number(2**31 - 1)),
    ),
    "a call's window of more than 2 GiB": (
        frames.FLOW_CONTROL_ERROR,
        lambda talk: talk.call(1, path=HOLD) + frame(frames.WINDOW_UPDATE, 0, 1, _number(2**31 - 1)),
    ),
    "a window of three bytes": (frames.FRAME_SIZE_ERROR, lambda _: frame(frames.WINDOW_UPDATE, 0, 0, bytes(3))),
}


@pytest.mark.parametrize("breach", BREACHES)
async def test_who_breaks_the_protocol_is_told_so_and_hung_up_on(breach: str) -> None:
    """With the code that RFC 9113 has for it; who worked on a call is told that its caller has gone."""
    talk = Talk()
    code, spoil = BREACHES[breach]
    if breach != "no HTTP/2":
        talk.greet()
    feed(talk, spoil(talk))
    [goaway] = [sent for sent in await talk.said() if sent.kind == GOAWAY]
    assert frames.NUMBER.unpack_from(goaway.body, 4) == (code,)
    assert talk.line.closed
    talk.connection.connection_lost(None)
    assert talk.server.bytes_kept == 0


@given(noise=st.lists(st.one_of(st.binary(max_size=40), st.integers(0, 15)), max_size=20))
@settings(max_examples=examples(300))
async def test_no_bytes_at_all_are_a_mistake_of_ours(noise: list[bytes | int]) -> None:
    """Whatever comes between good calls, it is served, refused or hung up on; nothing is raised, nothing stays kept."""
    talk = Talk()
    talk.greet()
    mistakes: list[logging.LogRecord] = []
    watcher = logging.Handler(logging.ERROR)
    watcher.emit = mistakes.append  # type: ignore[method-assign]
    logging.getLogger("actors.front.http2").addHandler(watcher)
    try:
        for at, piece in enumerate(noise):
            stream = 2 * at + 1
            feed(talk, frame(piece, at * 7 & 0x2D, stream, bytes(at)) if isinstance(piece, int) else piece)
            feed(talk, talk.call(stream + 100))
            await asyncio.sleep(0)
    finally:
        logging.getLogger("actors.front.http2").removeHandler(watcher)
    talk.connection.connection_lost(None)
    assert mistakes == []
    assert talk.server.bytes_kept == 0


_NAMES = st.sampled_from(["grpc-timeout", "x-one", "x-two", "user-agent"])
_FIELDS = st.lists(st.tuples(_NAMES, st.sampled_from(["1S", "20m", "a" * 30, "b" * 900])), max_size=4)


@given(
    requests=st.lists(st.tuples(st.sampled_from([ECHO, HOLD]), _FIELDS, st.booleans()), max_size=30),
    sizes=st.lists(st.sampled_from([0, 64, 200, 4_096]), min_size=1, max_size=4),
)
@settings(max_examples=examples(200))
def test_what_is_kept_of_a_block_is_what_it_says_now(
    requests: list[tuple[str, list[tuple[str, str]], bool]], sizes: list[int]
) -> None:
    """A caller's table grows, shrinks and forgets, so the same bytes may say another thing later."""
    encoder, reader = Encoder(), RequestHeaders()
    for at, (path, more, resizes) in enumerate(requests):
        if resizes:
            encoder.header_table_size = sizes[at % len(sizes)]
        fields = [(":method", "POST"), (":path", path), ("content-type", "application/grpc"), *more]
        opening = reader.read(encoder.encode(fields))
        assert opening.path == path
        assert opening.metadata == (("content-type", "application/grpc"), *more)


def test_the_same_bytes_may_say_another_thing_later() -> None:
    """The newest entry of the table is number 62, whichever it is (RFC 7541, section 2.3.3)."""
    reader = RequestHeaders()
    newest = b"\xbe"
    for name in (b"one", b"two"):
        reader.read(b"\x40\x03" + name + b"\x01x")
        assert reader.read(newest).metadata == ((name.decode(), "x"),)
        assert reader.read(newest).metadata == ((name.decode(), "x"),)


@pytest.mark.parametrize(
    ("said", "timeout_s"),
    [("1S", 1.0), ("2H", 7_200.0), ("3M", 180.0), ("250m", 0.25), ("7u", 7e-6), ("99999999n", 0.099999999)],
)
def test_a_deadline_is_read(said: str, timeout_s: float) -> None:
    """In the six units of gRPC."""
    assert _opening(said).timeout_s == pytest.approx(timeout_s)


@pytest.mark.parametrize("said", ["", "S", "5", "5x", "-5S", "123456789S", "٥S", "1.5S"])
def test_a_deadline_that_cannot_be_read_is_no_call(said: str) -> None:
    """It is not taken for none, nor for another."""
    assert _opening(said).http_status == 400


def _opening(timeout: str) -> headers.Opening:
    fields = [(":method", "POST"), (":path", ECHO), ("content-type", "application/grpc"), ("grpc-timeout", timeout)]
    return RequestHeaders().read(Encoder().encode(fields))


def test_an_unreadable_block_is_the_end_of_its_connection() -> None:
    """What comes after it cannot be read either."""
    with pytest.raises(ConnectionFault):
        RequestHeaders().read(b"\xff\xff\xff\xff\xff\xff")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({":method": "GET"}, "405"),
        ({"content-type": "text/html"}, "415"),
        ({"content-type": ""}, "415"),
    ],
)
async def test_what_is_no_call_gets_an_answer_of_http(talk: Talk, fields: dict[str, str], status: str) -> None:
    """A browser that strayed here, a probe."""
    usual = {":method": "POST", ":scheme": "http", ":path": ECHO, "content-type": "application/grpc"}
    block = talk.encoder.encode(list({**usual, **fields}.items()))
    feed(talk, frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
    assert await talk.answers() == {1: (b"", status)}


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"", "13"),
        (framed(b"abc")[:-1], "13"),
        (framed(b"one") + framed(b"two"), "12"),
        (frames.MESSAGE_HEAD.pack(0, message_bytes_max + 1), "8"),
        (frames.MESSAGE_HEAD.pack(1, 3) + b"abc", "12"),
    ],
    ids=["none", "cut off", "two", "too large", "packed, it is not said how"],
)
async def test_a_request_that_is_none_ends_its_own_call(talk: Talk, message: bytes, status: str) -> None:
    """The next one is served."""
    feed(talk, talk.opening(1) + frame(DATA, END_STREAM, 1, message), talk.call(3))
    assert {stream: answer[1] for stream, answer in (await talk.answers()).items()} == {1: status, 3: "0"}


@pytest.mark.parametrize(
    ("packed", "status"),
    [
        (gzip.compress(b"hello"), "0"),
        (b"no gzip", "13"),
        (gzip.compress(b"hello")[:-3], "13"),
        (gzip.compress(bytes(message_bytes_max + 1)), "8"),
    ],
    ids=["good", "not packed", "cut off", "a bomb"],
)
async def test_packed_requests_are_unpacked_no_further_than_the_bound(talk: Talk, packed: bytes, status: str) -> None:
    """A bomb costs the bound, not what it would unfold to."""
    message = frames.MESSAGE_HEAD.pack(1, len(packed)) + packed
    feed(talk, talk.opening(1, grpc_encoding="gzip") + frame(DATA, END_STREAM, 1, message))
    assert await talk.answers() == {1: (framed(b"hello") if status == "0" else b"", status)}


async def test_calls_taken_back_count_while_somebody_works_on_them(talk: Talk) -> None:
    """Else a caller could have any number of them, by calling and taking back ("rapid reset")."""
    most = desk.streams_per_connection_max
    for stream in range(1, 2 * most, 2):
        feed(talk, talk.call(stream, path=HOLD), frame(frames.RST_STREAM, 0, stream, _number(frames.CANCEL)))
    feed(talk, talk.call(2 * most + 1))
    assert [(sent.kind, sent.body) for sent in await talk.said()] == [
        (frames.RST_STREAM, _number(frames.REFUSED_STREAM))
    ]
    for _, call in talk.held:
        call.reply(b"nobody hears this")
    feed(talk, talk.call(2 * most + 3))
    assert await talk.answers() == {2 * most + 3: (framed(b""), "0")}


async def test_answers_wait_for_the_callers_windows(talk: Talk) -> None:
    """First for the call's own, then for the connection's; none is lost and none overtakes its own beginning."""
    feed(talk, frames.settings({frames.INITIAL_WINDOW_SIZE: 10}), talk.call(1, bytes(range(100))))
    sent = [frame for frame in await talk.said() if frame.kind == DATA]
    assert [len(frame.body) for frame in sent] == [10]
    feed(talk, frame(frames.WINDOW_UPDATE, 0, 1, _number(65_535)))
    assert await talk.answers() == {1: (framed(bytes(range(100)))[10:], "0")}
    feed(talk, frames.settings({frames.INITIAL_WINDOW_SIZE: 2**20}))
    feed(talk, talk.opening(3), *_in_frames(3, framed(bytes(80_000))), talk.call(5, b"behind it"))
    sent = [frame for frame in await talk.said() if frame.kind == DATA]
    assert sum(len(frame.body) for frame in sent) == 65_535 - 105
    feed(talk, frame(frames.WINDOW_UPDATE, 0, 0, _number(2**20)))
    ended = await talk.answers()
    assert ended[5] == (framed(b"behind it"), "0")
    assert len(ended[3][0]) == 80_005 - (65_535 - 105)


async def test_small_answers_use_up_the_window_too(talk: Talk) -> None:
    """65 of 1,005 bytes go into 65,535; the others when it widens."""
    feed(talk, b"".join(talk.call(stream, bytes(1_000)) for stream in range(1, 141, 2)))
    assert len(await talk.answers()) == 65
    feed(talk, frame(frames.WINDOW_UPDATE, 0, 0, _number(2**20)))
    assert len(await talk.answers()) == 5


async def test_the_end_of_a_request_is_not_taken_for_a_whole_one(talk: Talk) -> None:
    """Its last frame reads like a message of its own."""
    inner = framed(b"inner")
    message = framed(b"outer" + inner)
    feed(talk, talk.opening(1), frame(DATA, 0, 1, message[: -len(inner)]), frame(DATA, END_STREAM, 1, inner))
    assert await talk.answers() == {1: (message, "0")}


async def test_an_answer_before_the_end_of_the_requests_ends_them(talk: Talk) -> None:
    """The caller is told to send no more; what it had sent already is stepped over."""
    feed(talk, talk.opening(1, STREAM))
    talk.begun[0].reply(b"enough")
    sent = await talk.said()
    assert [frame.kind for frame in sent] == [HEADERS, DATA, HEADERS, frames.RST_STREAM]
    assert sent[-1].body == _number(frames.NO_ERROR)
    feed(talk, frame(DATA, END_STREAM, 1, framed(b"late")))
    assert await talk.said() == []


async def test_a_stream_may_send_on_as_it_is_read(talk: Talk) -> None:
    """What waits to be read keeps the window closed, so a fast caller waits at its own end."""
    feed(talk, talk.opening(1, STREAM), *(frame(DATA, 0, 1, framed(bytes(10_000))) for _ in range(20)))
    assert [sent for sent in await talk.said() if sent.kind == frames.WINDOW_UPDATE] == []
    inbox = talk.begun[0].inbox
    assert inbox is not None
    for _ in range(20):
        assert await inbox.next() == bytes(10_000)
    opened = [sent for sent in await talk.said() if sent.kind == frames.WINDOW_UPDATE]
    assert {sent.stream for sent in opened} == {1}
    assert sum(frames.NUMBER.unpack(sent.body)[0] for sent in opened) >= desk.stream_window_bytes // 2


async def test_a_bomb_is_not_unfolded(talk: Talk) -> None:
    """64 MB in 64 KB: refused at the bound."""
    packed = gzip.compress(bytes(64 * 1024 * 1024))
    message = frames.MESSAGE_HEAD.pack(1, len(packed)) + packed
    tracemalloc.start()
    feed(talk, talk.opening(1, grpc_encoding="gzip"), *_in_frames(1, message))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (await talk.answers())[1][1] == "8"
    assert most < 4 * message_bytes_max


async def test_large_requests_have_a_bound_together(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who goes past it is told to come again; what was kept of it is free at once."""
    monkeypatch.setattr(desk, "bytes_kept_max", 50_000)
    begun = frames.MESSAGE_HEAD.pack(0, 40_000)
    feed(talk, talk.opening(1), *_in_frames(1, begun + bytes(30_000), ends=False))
    feed(talk, talk.opening(3), *_in_frames(3, begun + bytes(30_000), ends=False))
    assert {stream: answer[1] for stream, answer in (await talk.answers()).items()} == {3: "14"}
    assert talk.server.bytes_kept == 30_005
    feed(talk, *_in_frames(1, bytes(10_000)))
    assert {stream: answer[1] for stream, answer in (await talk.answers()).items()} == {1: "0"}
    assert talk.server.bytes_kept == 0


async def test_who_does_not_read_is_not_read(talk: Talk) -> None:
    """A flood of pings fills nothing."""
    talk.connection.pause_writing()
    assert not talk.line.reads
    talk.connection.resume_writing()
    assert talk.line.reads


async def test_a_goodbye_lets_calls_end_and_refuses_new_ones(talk: Talk) -> None:
    """Refused in a way that tells a library to go elsewhere; then the connection closes by itself."""
    feed(talk, talk.call(1, path=HOLD))
    talk.connection.leave()
    feed(talk, talk.call(3))
    kinds = [(sent.kind, sent.stream) for sent in await talk.said()]
    assert kinds == [(GOAWAY, 0), (frames.RST_STREAM, 3)]
    assert not talk.line.closed
    talk.held[0][1].reply(b"in time")
    assert await talk.answers() == {1: (framed(b"in time"), "0")}
    assert talk.line.closed


def _in_frames(stream: int, data: bytes, *, ends: bool = True) -> list[bytes]:
    pieces = [data[at : at + 16_384] for at in range(0, len(data), 16_384)]
    last = END_STREAM if ends else 0
    return [frame(DATA, last if at == len(pieces) - 1 else 0, stream, piece) for at, piece in enumerate(pieces)]
