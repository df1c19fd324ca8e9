"""The cluster file: all that the machines of one cluster have in common, and nobody else may know.

Made once by `cardkeep cluster new`, and the same on every machine: a person copies it, `ray up` mounts it, Kubernetes
keeps it as a secret. What differs between machines is each one's own address. The head is the machine that keeps the
store, Ray's head, the steward and the archivist; every machine has owners, and is a front end.
"""

import json
import os
import socket
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple
from urllib.parse import urlencode

from actors.adapters.certificates import Certificate, Paths, make_authority
from engine.errors import NotDone

#: Ports that a cluster takes on each machine, beside the public one, unless its file says otherwise.
ray_port_usual, store_port_usual = 7710, 7702


class ClusterFileRefused(NotDone):
    """The file is missing, damaged, or readable by others; the text says what to do."""


class ClusterFile(NamedTuple):
    """See above. `head` is the head machine's address, or its name, as the others reach it."""

    head: str
    ray_port: int
    store_port: int
    token: str
    authority: Certificate
    #: The text of the key ring's file, which is put where there is none.
    key_ring: str

    def has_head_at(self, machine: str) -> bool:
        """Whether this machine is the head: its address is the head's, or what the head's name means now."""
        if machine == self.head:
            return True
        try:
            found = socket.getaddrinfo(self.head, None)
        except socket.gaierror:
            return False
        return machine in {str(address[0]) for _, _, _, _, address in found}

    def store_url(self, paths: Paths) -> str:
        """Where the head's store is for a machine with these certificates."""
        shown = {"ssl_ca_certs": paths.authority, "ssl_certfile": paths.certificate, "ssl_keyfile": paths.key}
        return f"rediss://{self.head}:{self.store_port}?{urlencode(shown)}"


def new_cluster(head: str, *, ray_port: int, store_port: int, ring: str) -> ClusterFile:
    """A new cluster's secrets, and the text of the key ring that it has."""
    return ClusterFile(head, ray_port, store_port, token_hex(32), make_authority(f"cardkeep {head}"), ring)


def write_cluster_file(path: Path, cluster: ClusterFile) -> None:
    """Write it for this user alone. Raises FileExistsError rather than lose a cluster's secrets."""
    fields = cluster._asdict() | {"authority": cluster.authority._asdict()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(fields, out, indent=1)


def read_cluster_file(path: Path) -> ClusterFile:
    """What stands there. Raises ClusterFileRefused."""
    try:
        if path.stat().st_mode & 0o077:
            raise ClusterFileRefused(f"other users can read {path}: run  chmod 600 {path}")
        fields = json.loads(path.read_text())
        return ClusterFile(**fields | {"authority": Certificate(**fields["authority"])})
    except OSError as error:
        raise ClusterFileRefused(f"there is no cluster file at {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ClusterFileRefused(f"{path} is no cluster file: make one with `cardkeep cluster new`") from error
