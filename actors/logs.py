"""Logs: one line per event, `key=value`, into a file per process. Never a code, a key or a token."""

import logging
from logging.handlers import RotatingFileHandler

from actors.settings import Settings

_BYTES_MAX = 10 * 1024 * 1024


def begin_logging(settings: Settings, process: str) -> None:
    """Send this process's log lines to `<data>/logs/<process>.log`."""
    folder = settings.data / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(folder / f"{process}.log", maxBytes=_BYTES_MAX, backupCount=3, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    for before in list(root.handlers):
        root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(settings.log_level)
