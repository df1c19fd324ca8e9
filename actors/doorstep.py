"""The house keeps the port, so that nobody is turned away while whoever takes the calls is started anew.

The house has the socket and never accepts. Each process that takes calls gets it from the house, over a Unix socket
that passes descriptors, listens and accepts. When it dies the socket lives on in the house: who connects meanwhile
stands in the kernel's line until the next process comes for it, and sees a slow answer instead of a refusal. Where
nobody comes for it, since front ends have sockets of their own, nobody is kept in line for nothing.
"""

import socket
from pathlib import Path
from threading import Thread

#: How long a process waits for the socket: the house answers at once.
_GIVES_WITHIN_S = 5.0

_HERE = b"\0"


class Doorstep:
    """The house's side; `port` is bound already. `path` is where processes of the house, and nobody else, may ask."""

    def __init__(self, port: socket.socket, path: Path) -> None:
        self._port = port
        self._path = path
        self._asked = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def open(self) -> None:
        """Give the socket to who comes for it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._asked.bind(str(self._path))
        self._path.chmod(0o600)
        self._asked.listen()
        Thread(target=self._give, name="doorstep", daemon=True).start()

    def close(self) -> None:
        """Give nothing any more. Callers are refused once those who have the socket have closed it, too."""
        self._asked.shutdown(socket.SHUT_RDWR)  # Wakes who waits for the next to ask, which closing would not.
        self._asked.close()
        self._port.close()

    def _give(self) -> None:
        while True:
            try:
                line, _ = self._asked.accept()
                with line:
                    socket.send_fds(line, [_HERE], [self._port.fileno()])
            except OSError:
                if self._asked.fileno() == -1:
                    return


def port_from(path: Path) -> socket.socket:
    """The socket of the house that has its doorstep there, to listen on. Raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(_GIVES_WITHIN_S)
        line.connect(str(path))
        _, descriptors, _, _ = socket.recv_fds(line, len(_HERE), 1)
    if not descriptors:
        raise ConnectionError(f"nobody gives the port away at {path}")
    return socket.socket(fileno=descriptors[0])
