"""The endpoint of a supplier that is reached over HTTP."""

from typing import NamedTuple
from urllib.parse import urlsplit


class BaseUrl(NamedTuple):
    """A URL that paths are put behind: `text` without a slash at its end, `path` what of it is path."""

    text: str
    path: str


def base_url(endpoint: str) -> BaseUrl:
    """Of a supplier's endpoint. Raises ValueError in words."""
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("the endpoint is a URL like https://supplier.example/api")
    return BaseUrl(endpoint.rstrip("/"), parts.path.rstrip("/"))
