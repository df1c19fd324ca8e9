"""A port that several processes share: the kernel gives each new connection to one of those that listen."""

import socket


def shared_port(host: str, port: int) -> socket.socket:
    """A socket that has the port (0: a free one), and shares it with others of its kind. Raises OSError.

    While nobody listens on it, it only keeps the port from others.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, where = found[0]
    line = socket.socket(family, kind, protocol)
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        line.bind(where)
    except OSError:
        line.close()
        raise
    return line
