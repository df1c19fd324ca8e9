"""A line to the server: one HTTP/2 connection on a non-blocking socket, from connecting until it breaks or is left."""

import errno
import socket

from bench.load.exchange import Exchange
from bench.load.http2 import Connection, ConnectionBroken

#: Bytes taken from the socket at once: some hundreds of answers, or one batch. More would be mapped anew each time.
_RECEIVE_BYTES = 1 << 16


class LineBroken(Exception):
    """The connection could not be made, or is gone; what was under way has no answer."""


class Line:
    """Sends calls and hears answers. Connecting has begun when it is made; nothing here ever waits."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.connection = Connection()
        self.is_broken = False
        self._unsent = b""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._socket.connect_ex(address) not in (0, errno.EINPROGRESS):
            self.is_broken = True  # the first `receive` says why

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    @property
    def wants_to_send(self) -> bool:
        """Whether the socket was full, or is not connected yet."""
        return bool(self._unsent)

    def receive(self) -> list[Exchange]:
        """The calls that were answered by what has come. Raises LineBroken."""
        try:
            received = self._socket.recv(_RECEIVE_BYTES)
            if received:
                return self.connection.receive(received)
        except BlockingIOError:
            return []
        except (OSError, ConnectionBroken) as broken:
            raise LineBroken(str(broken)) from broken
        raise LineBroken("the server closed the connection")

    def send(self) -> None:
        """Give the socket what there is to send. Raises LineBroken."""
        out = self.connection.out
        if not out and not self._unsent:
            return
        unsent = b"".join((self._unsent, *out))
        out.clear()
        try:
            self._unsent = unsent[self._socket.send(unsent) :]
        except BlockingIOError:
            self._unsent = unsent
        except OSError as broken:
            raise LineBroken(str(broken)) from broken

    def close(self) -> list[Exchange]:
        """Leave it; the calls that have no answer."""
        self.is_broken = True
        self._socket.close()
        return self.connection.abandon()
