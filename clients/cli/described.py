"""Things too rich for options, such as a supplier: a TOML or JSON file read into the message that the server takes.

Fields are called as in the .proto. Money may be typed like "15.00 CNY", a span of time like "10m", a moment like
2026-12-31; enums by their last words ("REPLAY").
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from clients.cli import typed
from clients.cli.failing import CommandFailed, ExitCode, wrong_usage

if TYPE_CHECKING:
    from google.protobuf.message import Message

#: Bytes of such a file: nobody describes anything in more.
_FILE_BYTES_MAX = 1 << 20

_Message = TypeVar("_Message", bound="Message")


def read(path: Path) -> Mapping[str, Any]:
    """The file's fields."""
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise wrong_usage(f"{path} is too large.", "Give the file that describes it, of at most 1 MB.")
        text = path.read_text()
        fields = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as failure:
        raise CommandFailed(
            what=f"{path} cannot be read: {failure}.", do="Check the path.", exit_code=ExitCode.USAGE
        ) from None
    except ValueError as failure:
        raise wrong_usage(f"{path} is neither TOML nor JSON: {failure}.", "Mend that line.") from None
    if not isinstance(fields, dict):
        raise wrong_usage(f"{path} holds no fields.", 'Write it as name = "value" lines, or as one JSON object.')
    return fields


def fill(message: _Message, fields: Mapping[str, Any], of: str) -> _Message:
    """The message with these fields set; `of` is what they describe, for what is said about a wrong one."""
    known = message.DESCRIPTOR.fields_by_name
    for name, value in fields.items():
        if name not in known:
            raise wrong_usage(f"{name!r} is no field of {of}.", f"Choose from {', '.join(sorted(known))}.")
        try:
            _set(message, known[name], value)
        except (TypeError, ValueError) as wrong:
            raise wrong_usage(f"{name} cannot be {value!r}: {wrong}.", "See the field's comment in docs.") from None
    return message


def _set(message: "Message", field: Any, value: Any) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        getattr(message, field.name).update({str(key): str(each) for key, each in value.items()})
    elif field.is_repeated and field.message_type is not None:
        for each in value:
            fill(getattr(message, field.name).add(), each, field.name)
    elif field.is_repeated:
        getattr(message, field.name).extend(value)
    elif field.message_type is not None:
        _set_message(getattr(message, field.name), field, value)
    elif field.enum_type is not None:
        setattr(message, field.name, _enum(field, value))
    else:
        setattr(message, field.name, value)


def _set_message(into: "Message", field: Any, value: Any) -> None:
    kind = field.message_type.full_name
    if kind == "google.protobuf.Duration":
        span = typed.span(str(value))
        assert span is not None
        into.FromTimedelta(span)  # type: ignore[attr-defined]
    elif kind == "google.protobuf.Timestamp":
        when = typed.moment(str(value))
        assert when is not None
        into.FromDatetime(when)  # type: ignore[attr-defined]
    elif kind == "cardkeep.v1.Money" and isinstance(value, str):
        amount = typed.money(value)
        assert amount is not None
        fill(into, {"minor": amount.minor, "currency": amount.currency}, field.name)
    else:
        fill(into, value, field.name)


def _enum(field: Any, value: Any) -> int:
    common = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
    values: dict[str, int] = {each.name.removeprefix(common): each.number for each in field.enum_type.values}
    if value not in values:
        raise ValueError(f"choose from {', '.join(name for name in values if name != 'UNSPECIFIED')}")
    return values[value]
