"""Machines of one cluster know each other, and nobody else: over real sockets, with real certificates."""

import asyncio
import socket
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from actors.adapters.certificates import (
    for_callers,
    for_servers,
    make_authority,
    paths_in,
    write_certificates,
)
from actors.adapters.key_ring import KeyRingFile, KeyRingRefused, new_ring_text
from actors.cluster_file import ClusterFileRefused, new_cluster, read_cluster_file, write_cluster_file
from actors.store_door import serve
from actors.wire import Address, Frames, connect, listen

MACHINE = "127.0.9.1"


async def _exchange(server: Path, caller: Path | None, address: str = f"{MACHINE}:0") -> list[object]:
    """What a listening process hears of one that connects; empty when they do not come together."""
    heard: list[object] = []
    has_heard = asyncio.Event()

    def hear(_frames: Frames, message: object) -> None:
        heard.append(message)
        has_heard.set()

    listening, bound = await listen(Address("tcp", address), hear, lambda _: None, tls=for_servers(server))
    tls = for_callers(caller) if caller is not None else None
    frames: Frames | None = None
    try:
        frames = await connect(bound, lambda *_: None, lambda _: None, tls=tls)
        frames.send("hello")
        async with asyncio.timeout(0.5 if caller is None or caller != server else 5):
            await has_heard.wait()
    except (OSError, TimeoutError):
        pass
    finally:
        listening.close()
        if frames is not None:
            frames.close()
    return heard


async def test_machines_of_one_cluster_come_together(tmp_path: Path) -> None:
    """Each with a certificate of its own, from the same authority."""
    write_certificates(tmp_path, make_authority("one"), MACHINE)
    assert await _exchange(tmp_path, tmp_path) == ["hello"]


async def test_nobody_comes_in_without_a_certificate_of_the_cluster(tmp_path: Path) -> None:
    """Neither with none, nor with one of another cluster."""
    write_certificates(tmp_path / "one", make_authority("one"), MACHINE)
    write_certificates(tmp_path / "other", make_authority("one"), MACHINE)
    assert await _exchange(tmp_path / "one", None) == []
    assert await _exchange(tmp_path / "one", tmp_path / "other") == []


async def test_a_machine_is_who_it_says(tmp_path: Path) -> None:
    """A certificate of the same cluster for another address will not do."""
    authority = make_authority("one")
    write_certificates(tmp_path / "a", authority, "127.0.9.2")
    write_certificates(tmp_path / "b", authority, MACHINE)
    assert await _exchange(tmp_path / "a", tmp_path / "b") == []


def test_a_certificate_names_addresses_and_names(tmp_path: Path) -> None:
    """As anybody reads it; its key is for nobody else to read."""
    paths = write_certificates(tmp_path, make_authority("one"), "10.0.0.1", "cardkeep-head")
    certificate = x509.load_pem_x509_certificate(paths.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ip_address("10.0.0.1") in names.get_values_for_type(x509.IPAddress)
    assert "cardkeep-head" in names.get_values_for_type(x509.DNSName)
    assert paths.key.stat().st_mode & 0o077 == 0
    assert paths == paths_in(tmp_path)


async def test_the_stores_door_relays_both_ways_and_ends_with_its_caller(tmp_path: Path) -> None:
    """Byte for byte, more of them than a buffer takes."""
    write_certificates(tmp_path, make_authority("one"), MACHINE)
    inside = str(tmp_path / "store.sock")

    has_ended = asyncio.Event()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100_000):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        has_ended.set()

    store = await asyncio.start_unix_server(echo, inside)
    listening = socket.create_server((MACHINE, 0))
    door = asyncio.ensure_future(serve(listening, inside, tmp_path))
    reader, writer = await asyncio.open_connection(*listening.getsockname(), ssl=for_callers(tmp_path))
    sent = bytes(range(256)) * 20_000
    writer.write(sent)
    async with asyncio.timeout(30):
        assert await reader.readexactly(len(sent)) == sent
        writer.close()
        await writer.wait_closed()
        await has_ended.wait()
    store.close()
    door.cancel()
    with pytest.raises(asyncio.CancelledError):
        await door


def test_a_cluster_file_is_read_as_it_was_written_and_never_written_over(tmp_path: Path) -> None:
    """By its user alone."""
    path = tmp_path / "cluster.json"
    cluster = new_cluster("10.0.0.1", ray_port=1, store_port=2, ring=new_ring_text(3))
    write_cluster_file(path, cluster)
    assert read_cluster_file(path) == cluster
    with pytest.raises(FileExistsError):
        write_cluster_file(path, cluster)
    path.chmod(0o640)
    with pytest.raises(ClusterFileRefused, match="chmod 600"):
        read_cluster_file(path)


def test_what_is_no_cluster_file_is_refused_with_the_next_step(tmp_path: Path) -> None:
    """Missing, or something else."""
    with pytest.raises(ClusterFileRefused, match="there is no cluster file"):
        read_cluster_file(tmp_path / "none")
    (tmp_path / "some").write_text("{}")
    (tmp_path / "some").chmod(0o600)
    with pytest.raises(ClusterFileRefused, match="cardkeep cluster new"):
        read_cluster_file(tmp_path / "some")


def test_the_head_is_known_by_its_address_or_its_name() -> None:
    """A name means what it means now."""
    cluster = new_cluster("localhost", ray_port=1, store_port=2, ring=new_ring_text(3))
    assert cluster.has_head_at("127.0.0.1")
    assert not cluster.has_head_at("127.0.9.1")
    assert cluster._replace(head="10.0.0.1").has_head_at("10.0.0.1")
    assert not cluster._replace(head="nowhere.invalid").has_head_at("10.0.0.1")


def test_founding_makes_a_file_once(tmp_path: Path) -> None:
    """As `cardkeep cluster new` has it made."""
    file, keys = str(tmp_path / "c.json"), tmp_path / "keys"
    words = [sys.executable, "-m", "actors.founding", file, "10.0.0.1", "7710", "7702", str(keys)]
    assert subprocess.run(words, check=False).returncode == 0
    again = subprocess.run(words, check=False, capture_output=True, text=True)
    assert (again.returncode, "File exists" in again.stderr) == (1, True)
    assert read_cluster_file(tmp_path / "c.json").ray_port == 7710


def test_a_house_that_sells_already_becomes_the_head_with_its_own_ring(tmp_path: Path) -> None:
    """What it has sealed opens on every machine; a machine that has another ring is told so, and changes nothing."""
    house = KeyRingFile(tmp_path / "keys")
    house.create_if_missing(may_create=True, now_ms=1)
    words = [
        sys.executable,
        "-m",
        "actors.founding",
        str(tmp_path / "c.json"),
        "10.0.0.1",
        "1",
        "2",
        str(tmp_path / "keys"),
    ]
    assert subprocess.run(words, check=False).returncode == 0
    ring = read_cluster_file(tmp_path / "c.json").key_ring
    assert house.install_if_missing(ring) == house.current()
    rotated = house.rotate(now_ms=2)
    assert house.install_if_missing(ring) == rotated
    assert {key.key_id for key in KeyRingFile(tmp_path / "new").install_if_missing(ring).keys} < {
        key.key_id for key in rotated.keys
    }
    other = KeyRingFile(tmp_path / "other")
    made = other.create_if_missing(may_create=True, now_ms=3)
    with pytest.raises(KeyRingRefused, match=r"not the cluster's.*cardkeep cluster new"):
        other.install_if_missing(ring)
    assert other.current() == made
