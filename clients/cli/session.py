"""One run of one command: what the options every command has say, its request id, and where its answer goes."""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from clients.cli.connection import find_server, require_listener
from clients.cli.failing import CommandFailed, ExitCode, failure_of

if TYPE_CHECKING:
    from cardkeep_client import Client
    from rich.console import RenderableType

#: How long a call may take when --timeout says nothing.
call_timeout_s = 10.0

Answer = TypeVar("Answer")


@dataclass
class Session:
    """What `--server`, `--data`, `--timeout`, `--json` and `--request-id` say.

    `id_option` is the option that gives the request id; None when the command writes nothing.
    """

    server: str | None
    data: Path
    timeout_s: float | None
    as_json: bool
    request_id: str | None = None
    id_option: str | None = None

    @contextmanager
    def connected(self, **about: str) -> "Iterator[Client]":
        """A client of the server. What the client raises becomes CommandFailed, with the exit code it deserves.

        `about` is what the command is about (sku, hold, batch, card, order, payment), for what it says when it fails.
        """
        target = find_server(self.server, self.data)
        require_listener(target)
        from cardkeep_client import CardkeepError, Client, new_request_id

        if self.id_option is not None:
            self.request_id = self.request_id or new_request_id()
        try:
            with Client(target, channels=1, timeout_s=self.timeout_s or call_timeout_s) as client:
                yield client
        except CardkeepError as error:
            raise failure_of(error, again=self.again(), target=target, about=about) from error
        except KeyboardInterrupt:
            if self.id_option is None:
                raise
            raise CommandFailed(
                what="Stopped before the answer came.",
                do=f"It may have happened. Ask again, it never acts twice:\n  {self.again()}",
                exit_code=ExitCode.OUTCOME_UNKNOWN,
                reason="STOPPED",
                request_id=self.request_id or "",
            ) from None

    def again(self) -> str:
        """The command line that asks again for the same thing."""
        words = ["cardkeep", *sys.argv[1:]]
        option = self.id_option
        if option and self.request_id and not any(word.partition("=")[0] == option for word in words):
            words += [option, self.request_id]
        return shlex.join(words)

    def show(self, answer: Answer, human: "Callable[[Answer], RenderableType | None]") -> None:
        """The command's answer: one JSON document, or what `human` makes of it."""
        from clients.cli import show

        if self.as_json:
            show.write_json(show.as_plain(answer))
        elif (shown := human(answer)) is not None:
            show.write(shown)

    def note(self, text: str) -> None:
        """A remark for people, beside the answer; programs that asked for JSON are spared it."""
        if not self.as_json:
            from clients.cli import show

            show.err().print(text, soft_wrap=True)

    def fail(self, failure: CommandFailed) -> None:
        """Say what happened and what to do."""
        from clients.cli import show

        if self.as_json:
            show.write_json(failure.as_plain())
            return
        show.err().print(f"cardkeep: {failure.what}", soft_wrap=True, style="bold red")
        show.err().print(failure.do, soft_wrap=True)


def rows_of(name: str, rows: Any) -> dict[str, Any]:
    """A list as a JSON document of its own: lists at the top could never get a second field."""
    return {name: rows}
