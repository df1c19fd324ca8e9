"""Messages of the API on the screen: as JSON documents, and the parts of them that tables show."""

from typing import TYPE_CHECKING, Any

from clients.cli.amounts import money_words

if TYPE_CHECKING:
    from google.protobuf.message import Message


def document(message: "Message") -> dict[str, Any]:
    """A message as a JSON document: every field that is no message is there, set or not."""
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - help must not wait for protobuf

    fields: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return fields


def money(message: Any, field: str) -> str:
    """`15.00 CNY`; empty where it is not set."""
    if not message.HasField(field):
        return ""
    amount = getattr(message, field)
    return money_words(amount.minor, amount.currency)


def label(name: str) -> str:
    """The last part of a name, which is what people call it."""
    return name.rpartition("/")[2]
