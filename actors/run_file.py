"""What a house or an annex says of itself in `<data>/run.json`, for `cardkeep up`, `down`, `status` and `doctor`."""

import json
import os
from pathlib import Path
from typing import Any


class RunFile:
    """The one of this process."""

    def __init__(self, data: Path) -> None:
        self._path = data / "run.json"

    def say(self, **news: Any) -> None:
        """Add what is new to what was said before by this process."""
        path = self._path
        path.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text()) if path.exists() else {}
        if known.get("pid") != os.getpid():
            known = {"pid": os.getpid(), "state": "starting"}
        part = path.with_suffix(".part")
        part.write_text(json.dumps({**known, **news}, indent=1))
        part.replace(path)
