"""How processes of the house reach each other: Unix sockets on one machine, TLS both ways between machines."""

from functools import partial
from typing import NamedTuple

from actors.adapters.certificates import for_callers, for_servers
from actors.settings import Settings
from actors.wire import Connect, Listen, connect, listen


class Roads(NamedTuple):
    """To another process, and from one."""

    connect: Connect
    listen: Listen


def roads(settings: Settings) -> Roads:
    """Those of this machine."""
    if not settings.machine:
        return Roads(connect, listen)
    folder = settings.certificates_folder
    return Roads(partial(connect, tls=for_callers(folder)), partial(listen, tls=for_servers(folder)))
