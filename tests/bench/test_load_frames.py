"""The HTTP/2 side of the load generator, byte by byte: no socket, no clock."""

from collections.abc import Sequence
from struct import pack

import pytest

from actors.front.http2.frames import (
    ACK,
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEAD,
    HEAD_BYTES,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    REFUSED_STREAM,
    RST_STREAM,
    SETTINGS,
    STREAM_ID_MAX,
    WINDOW_BYTES_AT_START,
    WINDOW_UPDATE,
    frame,
)
from bench.load import hpack, http2
from bench.load.exchange import REFUSED, Exchange, error, outcome
from bench.load.frames import Openings, message, request_block
from bench.load.http2 import Connection, ConnectionBroken

BLOCK = request_block("/s/M", "h:1", 100)
HEADERS_ONLY = b"\x88" + hpack.literal(b"content-type", b"application/grpc")
OK_TRAILERS = hpack.literal(b"grpc-status", b"0")

Frame = tuple[int, int, int, bytes]


class Echo:
    """A kind of call that has no meaning."""

    number = 0
    method = "M"
    sku = ""
    openings = Openings(BLOCK)


def call(size: int = 10) -> Exchange:
    """A call with a message of so many bytes, all different enough to be told apart when mixed up."""
    return Exchange(Echo(), b"i" * 32, bytes(place * 7 % 251 for place in range(size)), 1)


def settings(**values: int) -> bytes:
    """The server's SETTINGS."""
    numbers = {"streams": MAX_CONCURRENT_STREAMS, "window": INITIAL_WINDOW_SIZE, "frame": MAX_FRAME_SIZE}
    return frame(SETTINGS, 0, 0, b"".join(pack(">HI", numbers[name], value) for name, value in values.items()))


def widen(stream: int, by: int) -> bytes:
    """The server's WINDOW_UPDATE."""
    return frame(WINDOW_UPDATE, 0, stream, pack(">I", by))


def opened(**values: int) -> Connection:
    """A connection whose server has said its SETTINGS, with nothing left to send."""
    connection = Connection()
    connection.receive(settings(**values))
    connection.out.clear()
    return connection


def sent(connection: Connection) -> list[Frame]:
    """What it put out since this was last asked, as frames."""
    data = b"".join(connection.out)
    connection.out.clear()
    frames = []
    while data:
        word, flags, stream = HEAD.unpack_from(data)
        end = HEAD_BYTES + (word >> 8)
        frames.append((word & 0xFF, flags, stream, data[HEAD_BYTES:end]))
        data = data[end:]
    return frames


def bodies(frames: Sequence[Frame]) -> dict[int, bytes]:
    """By stream, the DATA in these frames."""
    found: dict[int, bytes] = {}
    for kind, _, stream, payload in frames:
        if kind == DATA:
            found[stream] = found.get(stream, b"") + payload
    return found


def test_a_connection_begins_with_the_preface_and_its_settings() -> None:
    """RFC 9113, section 3.4; then no header table, no push, a stream window of 2 GiB, and more for the connection."""
    first, *frames = Connection().out
    assert first == PREFACE
    assert frames[0] == frame(SETTINGS, 0, 0, pack(">HIHIHI", 1, 0, 2, 0, 4, 2**31 - 1))
    assert frames[1] == widen(0, (1 << 30) - 65_535)


def test_a_call_is_its_headers_and_one_data_frame() -> None:
    """The fast way and the slow way put out the same frames."""
    fast, slow = opened(), opened()
    asked = call()
    fast.start(asked)
    slow._at_once = 0
    slow.start(asked)
    assert sent(fast) == sent(slow) == [(HEADERS, END_HEADERS, 1, BLOCK), (DATA, END_STREAM, 1, asked.message)]


def test_streams_have_odd_ids_and_room_is_what_the_server_allows() -> None:
    """Before SETTINGS there is no room at all; then the smaller of both bounds, less what is under way."""
    assert Connection().room(10) == 0
    connection = opened(streams=3)
    assert connection.room(10) == 3
    assert connection.room(2) == 2
    connection.start(call())
    connection.start(call())
    assert list(connection.calls) == [1, 3]
    assert connection.room(10) == 1


def test_a_connection_whose_stream_ids_are_used_up_takes_no_more() -> None:
    """Ids end at 2^31 - 1; what is under way is still answered."""
    connection = opened()
    connection._next_stream = STREAM_ID_MAX - 2
    connection.start(call())
    assert connection.is_closing
    assert connection.room(10) == 0
    assert len(connection.receive(frame(HEADERS, END_HEADERS | END_STREAM, STREAM_ID_MAX - 2, OK_TRAILERS))) == 1


def transcript() -> bytes:
    """A server that answers six streams in every way there is, and pings, widens and says goodbye in between."""
    reply = message(b"reply")
    half = len(OK_TRAILERS) // 2
    return b"".join(
        (
            settings(streams=100, frame=32_768),
            frame(HEADERS, END_HEADERS, 1, HEADERS_ONLY),
            frame(DATA, 0, 1, reply[:3]),
            frame(PING, 0, 0, b"12345678"),
            frame(HEADERS, END_HEADERS, 3, HEADERS_ONLY),
            frame(DATA, 0, 1, reply[3:]),
            frame(DATA, PADDED, 3, b"\x04" + reply + b"\0\0\0\0"),
            widen(0, 1_000),
            frame(HEADERS, END_HEADERS | END_STREAM, 1, OK_TRAILERS),
            frame(HEADERS, END_STREAM, 3, OK_TRAILERS[:half]),
            frame(CONTINUATION, 0, 3, OK_TRAILERS[half:-1]),
            frame(CONTINUATION, END_HEADERS, 3, OK_TRAILERS[-1:]),
            frame(HEADERS, END_HEADERS | END_STREAM, 5, HEADERS_ONLY + error(8, "OUT_OF_STOCK")),
            frame(0x20, 0xFF, 5, b"a kind nobody knows"),
            frame(RST_STREAM, 0, 7, pack(">I", CANCEL)),
            frame(RST_STREAM, 0, 9, pack(">I", REFUSED_STREAM)),
            frame(
                HEADERS, END_HEADERS | END_STREAM | PRIORITY | PADDED, 11, b"\x02" + b"prior" + OK_TRAILERS + b"\0\0"
            ),
            frame(GOAWAY, 0, 0, pack(">II", 13, 0) + b"bye"),
            frame(HEADERS, END_HEADERS, 13, HEADERS_ONLY),
            frame(DATA, END_STREAM, 13, reply),
        )
    )


def heard(pieces: Sequence[bytes]) -> tuple[object, ...]:
    """What a connection with eight calls makes of these pieces: what is answered, what is missed, what it sends."""
    connection = Connection()
    connection.receive(settings())
    calls = [call() for _ in range(8)]
    for asked in calls:
        connection.start(asked)
    connection.out.clear()
    answered = [ended for piece in pieces for ended in connection.receive(piece)]
    streams = [2 * calls.index(ended) + 1 for ended in answered]
    missed = [2 * calls.index(ended) + 1 for ended in connection.take_unanswered()]
    ends = [(stream, ended.reply, ended.trailers) for stream, ended in zip(streams, answered, strict=True)]
    return ends, missed, connection.is_closing, len(connection.calls), b"".join(connection.out)


def test_every_way_to_answer_is_understood() -> None:
    """Whole, padded, continued, trailers only, reset, refused, with priority, above the goodbye, without trailers."""
    ends, missed, is_closing, under_way, out = heard([transcript()])
    reply = message(b"reply")
    assert ends == [
        (1, reply, OK_TRAILERS),
        (3, reply, OK_TRAILERS),
        (5, b"", HEADERS_ONLY + error(8, "OUT_OF_STOCK")),
        (9, b"", REFUSED),
        (11, b"", OK_TRAILERS),
        (15, b"", REFUSED),
        (13, reply, b""),
    ]
    assert missed == [7]
    assert is_closing
    assert under_way == 0
    assert out == frame(SETTINGS, ACK, 0) + frame(PING, ACK, 0, b"12345678")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9, 10, 64])
def test_pieces_of_any_size_mean_the_same(size: int) -> None:
    """The network cuts where it likes."""
    data = transcript()
    assert heard([data[at : at + size] for at in range(0, len(data), size)]) == heard([data])


def test_a_cut_at_any_byte_means_the_same() -> None:
    """Two pieces, cut everywhere."""
    data = transcript()
    whole = heard([data])
    assert all(heard([data[:at], data[at:]]) == whole for at in range(len(data) + 1))


def test_what_is_no_http2_breaks_the_connection() -> None:
    """An HTTP/1 server answers the preface with text, which reads like a frame of 4.7 MB."""
    with pytest.raises(ConnectionBroken):
        Connection().receive(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_messages_wait_for_the_windows_of_connection_and_stream() -> None:
    """65,535 bytes go at once, in frames of at most 16,384; the rest as both windows widen, in order of starting."""
    connection = opened()
    first, second = call(60_000), call(20_000)
    connection.start(first)
    connection.start(second)
    frames = sent(connection)
    assert [len(payload) for kind, _, _, payload in frames if kind == DATA] == [16_384] * 3 + [10_848, 5_535]
    assert bodies(frames) == {1: first.message, 3: second.message[:5_535]}
    connection.receive(widen(3, 1_000_000))
    assert sent(connection) == []
    connection.receive(widen(0, 10_000))
    assert bodies(sent(connection)) == {3: second.message[5_535:15_535]}
    connection.receive(widen(0, 1_000_000))
    last = sent(connection)
    assert bodies(last) == {3: second.message[15_535:]}
    assert last[-1][1] == END_STREAM
    connection.start(call())
    assert [kind for kind, _, _, _ in sent(connection)] == [HEADERS, DATA]


def test_small_messages_too_wait_for_the_window_of_the_connection() -> None:
    """Seven messages of 10,000 bytes are more than 65,535: the last is cut where the window ends."""
    connection = opened()
    calls = [call(10_000) for _ in range(7)]
    for asked in calls:
        connection.start(asked)
    assert [len(body) for body in bodies(sent(connection)).values()] == [10_000] * 6 + [5_535]
    connection.receive(widen(0, 10_000))
    assert bodies(sent(connection)) == {13: calls[6].message[5_535:]}


def test_the_window_of_a_stream_is_what_the_settings_say_even_later() -> None:
    """RFC 9113, section 6.9.2: a new initial window changes the windows of streams that are open, even below zero."""
    connection = opened(window=100)
    asked = call(1_000)
    connection.start(asked)
    assert bodies(sent(connection)) == {1: asked.message[:100]}
    connection.receive(settings(window=50))
    connection.receive(widen(1, 40))
    assert bodies(sent(connection)) == {}
    connection.receive(settings(window=500))
    assert bodies(sent(connection)) == {1: asked.message[100:540]}


def test_a_call_that_ended_before_it_was_sent_whole_sends_no_more() -> None:
    """A server may refuse early."""
    connection = opened(window=100)
    connection.start(call(1_000))
    assert len(connection.receive(frame(HEADERS, END_HEADERS | END_STREAM, 1, error(8, "NO")))) == 1
    sent(connection)
    connection.receive(widen(1, 10_000))
    assert sent(connection) == []
    assert connection._window == WINDOW_BYTES_AT_START - 100


def test_frames_are_as_long_as_the_server_allows() -> None:
    """A larger MAX_FRAME_SIZE lets a batch go in one frame."""
    connection = opened(frame=40_000)
    connection.start(call(40_000))
    assert [len(payload) for kind, _, _, payload in sent(connection) if kind == DATA] == [40_000]


def test_our_window_is_topped_up_when_half_of_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is received counts, of streams that are known and of streams that were given up, padding included."""
    connection = opened()
    monkeypatch.setattr(http2, "OWN_WINDOW_BYTES", 100)
    connection.start(call())
    connection.receive(frame(DATA, 0, 1, b"x" * 30))
    connection.receive(frame(DATA, 0, 99, b"x" * 20))
    assert WINDOW_UPDATE not in [kind for kind, _, _, _ in sent(connection)]
    connection.receive(frame(DATA, PADDED, 1, b"\x01xx\0"))
    assert sent(connection) == [(WINDOW_UPDATE, 0, 0, pack(">I", 54))]


def test_a_cancelled_call_is_unanswered_and_what_still_comes_is_ignored() -> None:
    """The server may not have heard of it yet."""
    connection = opened()
    asked = call()
    connection.start(asked)
    sent(connection)
    connection.cancel(1)
    assert sent(connection) == [(RST_STREAM, 0, 1, pack(">I", CANCEL))]
    assert connection.take_unanswered() == [asked]
    assert connection.receive(frame(HEADERS, END_HEADERS | END_STREAM, 1, OK_TRAILERS)) == []


@pytest.mark.parametrize(
    ("coded", "text"),
    [
        ("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"),
        ("a8eb10649cbf", "no-cache"),
        ("25a849e95bb8e8b4bf", "custom-value"),
        ("d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("9d29ad171863c78f0b97c8e9ae82ae43d3", "https://www.example.com"),
    ],
)
def test_huffman_reads_the_examples_of_the_rfc(coded: str, text: str) -> None:
    """RFC 7541, appendix C.4 and C.6."""
    raw = bytes.fromhex(coded)
    block = b"\0\x01n" + bytes((0x80 | len(raw),)) + raw
    assert list(hpack.fields(block)) == [("n", text)]


def test_fields_of_the_static_table_are_stepped_over_and_no_other_table_exists() -> None:
    """`:status: 200`, a table size, `content-type` by its name and a long value; then an index that nobody gave."""
    content_type = b"\x0f\x10" + hpack.text(b"application/grpc")
    long_value = b"\x10\x01k\x7f\x81\x01" + b"v" * 256
    assert list(hpack.fields(b"\x88\x20" + content_type + long_value)) == [("k", "v" * 256)]
    with pytest.raises(hpack.HpackError):
        list(hpack.fields(b"\xbe"))


@pytest.mark.parametrize(
    ("trailers", "status", "reason"),
    [
        (OK_TRAILERS, 0, ""),
        (error(8, "OUT_OF_STOCK"), 8, "OUT_OF_STOCK"),
        (hpack.literal(b"grpc-status", b"14"), 14, ""),
        (
            hpack.literal(b"grpc-status", b"5") + hpack.literal(b"grpc-status-details-bin", b"/////w"),
            5,
            "unreadable details",
        ),
        (b"", 2, "no grpc-status"),
        (b"\xbe", 2, "unreadable trailers"),
        (OK_TRAILERS[:-3], 2, "unreadable trailers"),
    ],
)
def test_an_outcome_is_a_status_and_a_reason(trailers: bytes, status: int, reason: str) -> None:
    """What cannot be read is UNKNOWN, never OK."""
    read = outcome(trailers)
    assert read.status == status
    assert read.reason.startswith(reason)
