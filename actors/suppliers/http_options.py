"""The options of the generic adapter, read and checked once. docs/suppliers.md explains each with an example."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from actors.suppliers.signing import fill

#: What may be asked, and which `{…}` its path and fields may hold.
_ORDER = frozenset({"attempt", "product", "quantity", "account", "cost_max", "cost_max_minor", "currency"})
_LOOK_UP = _ORDER | {"order_no"}
_PLACES: Mapping[str, frozenset[str]] = {
    "order": _ORDER,
    "recharge": _ORDER,
    "look_up": _LOOK_UP,
    "reverse": _LOOK_UP,
    "balance": frozenset(),
    "products": frozenset({"page"}),
    "statement": frozenset({"page", "from_ms", "to_ms", "from_s", "to_s"}),
}

#: Every other option with its usual value.
_USUAL: Mapping[str, str] = {
    "content": "json",
    "connections": "fresh",
    "headers": "{}",
    "amount": "decimal",
    "echo": "",
    "order_no": "order_no",
    "status": "status",
    "status.delivered": "delivered",
    "status.processing": "processing",
    "status.failed": "failed",
    "status.reversed": "reversed",
    "error": "error",
    "error.none": "",
    "error.order_no": "",
    "error.refused": "",
    "error.duplicate": "",
    "error.not_found": "",
    "cost": "cost",
    "currency": "",
    "codes": "codes",
    "codes.shape": "texts",
    "codes.code": "code",
    "codes.second": "",
    "codes.expires": "",
    "codes.expires_unit": "ms",
    "balance.amount": "balance",
    "balance.currency": "",
    "products.list": "products",
    "products.id": "id",
    "products.title": "title",
    "products.price": "price",
    "products.currency": "",
    "products.stock": "",
    "statement.list": "rows",
    "statement.order_no": "order_no",
    "statement.attempt": "",
    "statement.units": "units",
    "statement.cost": "cost",
    "statement.currency": "",
    "statement.at": "at",
    "statement.at_unit": "ms",
}

_CHOICES: Mapping[str, frozenset[str]] = {
    "content": frozenset({"json", "form"}),
    "connections": frozenset({"fresh", "keep"}),
    "amount": frozenset({"decimal", "minor"}),
    "codes.shape": frozenset({"texts", "objects", "lines"}),
    "codes.expires_unit": frozenset({"ms", "s", "iso"}),
    "statement.at_unit": frozenset({"ms", "s", "iso"}),
}

_METHODS = frozenset({"GET", "POST", "PUT", "DELETE"})


def known_options() -> set[str]:
    """Every option's name but those of signing.py."""
    return set(_USUAL) | set(_PLACES) | {f"{question}.fields" for question in _PLACES}


class Asking(NamedTuple):
    """How a question is put: `GET /orders/{attempt}`, and the fields of its body, or of its query."""

    method: str
    path: str
    fields: Mapping[str, Any]

    @property
    def text(self) -> str:
        """All of it, to see which `{…}` it uses."""
        return self.path + json.dumps(self.fields)


class HttpOptions:
    """See above. Raises ValueError in words for what is missing, unknown or cannot be read."""

    def __init__(self, options: Mapping[str, str]) -> None:
        known = known_options()
        unknown = sorted(name for name in options if name not in known and name.split(".")[0] != "sign")
        if unknown:
            raise ValueError(f"no option {', '.join(unknown)}; there are {', '.join(sorted(known))}, and sign…")
        self._options = {**_USUAL, **options}
        for name, choices in _CHOICES.items():
            if self[name] not in choices:
                raise ValueError(f"the option {name} is one of {', '.join(sorted(choices))}")
        self.askings = {question: _asking(question, options) for question in _PLACES if question in options}
        if "order" not in self.askings:
            raise ValueError("the option order is missing: a method and a path, like POST /orders")
        if self.askings["order"].method != "POST":
            # Lower layers may send other methods a second time on their own.
            raise ValueError("an order goes by POST")
        if self.askings.get("recharge", self.askings["order"]).method != "POST":
            raise ValueError("a recharge goes by POST")
        if self["connections"] == "keep" and not self["echo"]:
            raise ValueError("connections are kept only where each answer names our id: the option echo says where")
        self.headers: Mapping[str, str] = _object("headers", self["headers"])

    def __getitem__(self, name: str) -> str:
        return self._options[name]

    def says(self, name: str, word: str) -> bool:
        """Whether a word is one of those that an option lists, with commas between."""
        return bool(word) and word in (each.strip() for each in self[name].split(","))


def _asking(question: str, options: Mapping[str, str]) -> Asking:
    method, _, path = options[question].partition(" ")
    if method not in _METHODS or not path.startswith("/"):
        raise ValueError(f"the option {question} is a method and a path, like POST /orders")
    asking = Asking(method, path, _object(f"{question}.fields", options.get(f"{question}.fields", "{}")))
    places = dict.fromkeys(_PLACES[question], "")
    fill(asking.path, places)
    filled(asking.fields, places)
    return asking


def _object(name: str, text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict):
        return document
    raise ValueError(f"the option {name} is a JSON object, like {{}}")


def filled(template: Any, places: Mapping[str, str | int]) -> Any:
    """The template with its `{…}` replaced; a text that is nothing but `{quantity}` becomes the number."""
    if isinstance(template, Mapping):
        return {name: filled(each, places) for name, each in template.items()}
    if isinstance(template, list):
        return [filled(each, places) for each in template]
    if not isinstance(template, str):
        return template
    alone = places.get(template[1:-1]) if template.startswith("{") and template.endswith("}") else None
    return alone if isinstance(alone, int) else fill(template, {name: str(value) for name, value in places.items()})
