"""What all commands have in common: the same options, the same failures, the same exit codes.

A command is a function of a Session and its own options; `command` makes a command line of it.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from clients.cli.failing import CommandFailed
from clients.cli.session import Session

Function = Callable[..., None]

#: Where a house keeps its things unless told otherwise; the same as `python -m actors.house`.
DEFAULT_DATA = Path(".cardkeep")

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="HOST:PORT",
        envvar="CARDKEEP_SERVER",
        help="Where the server is; else what runs from the data folder, else 127.0.0.1 at CARDKEEP_PORT (7700).",
    ),
]
Data = Annotated[
    Path,
    typer.Option("--data", metavar="FOLDER", envvar="CARDKEEP_DATA", help="The data folder."),
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long to wait."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document on stdout.")]
RequestId = Annotated[
    str | None,
    typer.Option(
        "--request-id", metavar="ID", help="Ask again for what an earlier run with this id asked; it never acts twice."
    ),
]

_QUESTION_OPTIONS: dict[str, tuple[Any, Any]] = {
    "server": (Server, None),
    "data": (Data, DEFAULT_DATA),
    "timeout_s": (Timeout, None),
    "as_json": (AsJson, False),
}
_WRITE_OPTIONS = {**_QUESTION_OPTIONS, "request_id": (RequestId, None)}


def command(app: typer.Typer, name: str, *, writes: bool = False) -> Callable[[Function], Function]:
    """Register a function whose first parameter is a Session. A command that `writes` also takes --request-id."""
    options = _WRITE_OPTIONS if writes else _QUESTION_OPTIONS

    def register(function: Function) -> Function:
        app.command(name, help=inspect.getdoc(function))(_with_options(function, options, writes=writes))
        return function

    return register


def _with_options(function: Function, options: dict[str, tuple[Any, Any]], *, writes: bool) -> Function:
    """The function as typer wants it: without its Session, with the options that make one."""
    hints = get_type_hints(function, include_extras=True)
    own = list(inspect.signature(function).parameters.values())[1:]
    shared = [
        inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for each, (annotation, default) in options.items()
    ]
    parameters = [parameter.replace(annotation=hints[parameter.name]) for parameter in own] + shared

    def run(**values: Any) -> None:
        session = Session(**{each: values.pop(each) for each in options}, id_option="--request-id" if writes else None)
        try:
            function(session, **values)
        except CommandFailed as failure:
            session.fail(failure)
            raise typer.Exit(failure.exit_code) from None

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__name__ = function.__name__
    return run
