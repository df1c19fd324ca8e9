"""Random little histories: right ones, made by the model itself, and ones in which an answer was tampered with."""

from random import Random

from tests.checker.linearizing import Shop
from tests.checker.lines import Line, call, held, no, refused, released, sold

CARDS = ("1-0", "1-1", "1-2")


def honest(chance: Random, calls: int, *, doubt: float = 0.0) -> list[Line]:
    """So many calls on three cards as they could have been answered; a share of the answers was never heard."""
    shop, lines, seq = Shop(frozenset(CARDS)), [], 1
    for number in range(calls):
        happened_ms = 100.0 + 10 * number
        span = happened_ms - chance.choice((1, 4, 15, 25)), happened_ms + chance.choice((1, 4, 15, 25))
        seq += chance.choice((1, 1, 2))
        shop, line = _one(chance, shop, str(number), seq, span)
        if chance.random() < doubt:
            line = _unheard(line)
        lines.append(line)
    chance.shuffle(lines)
    return lines


def _one(chance: Random, shop: Shop, name: str, seq: int, span: tuple[float, float]) -> tuple[Shop, Line]:
    kind = chance.choice(("allocate", "allocate", "release", "confirm"))
    if kind == "allocate" or not shop.holds:
        quantity = chance.choice((1, 1, 2))
        if len(shop.shelf) < quantity:
            return shop, refused(f"a{name}", span, quantity=quantity)
        cards = frozenset(chance.sample(sorted(shop.shelf), quantity))
        return shop.put(name, "ACTIVE", cards, shop.shelf - cards), held(name, sorted(cards), seq, span)
    hold, state, cards = chance.choice(shop.holds)
    request = {"request_id": f"{kind}-{name}"}
    if state == "CONFIRMED":
        return shop, no(kind, hold, "HOLD_ALREADY_CONFIRMED", span) | request
    if kind == "confirm" and state == "RELEASED":
        return shop, no(kind, hold, "HOLD_RELEASED", span) | request
    if kind == "confirm":
        return shop.put(hold, "CONFIRMED", cards, shop.shelf), sold(hold, sorted(cards), seq, span) | request
    ended_ms = {"ended_at_ms": 0.0}
    shelf = shop.shelf if state == "RELEASED" else shop.shelf | cards
    return shop.put(hold, "RELEASED", cards, shelf), released(hold, seq, span) | request | ended_ms


def _unheard(line: Line) -> Line:
    asked = ("type", "sku", "kind", "request_id", "invoked_at_ms", "quantity", "order_ref")
    kept = {name: line[name] for name in asked if name in line} | {"returned_at_ms": None, "end": "info"}
    return kept if line["kind"] == "allocate" else kept | {"hold": line["hold"]}


def tampered(chance: Random, lines: list[Line]) -> list[Line]:
    """The same with one answer changed; it may still be right."""
    lines = [dict(line) for line in lines]
    line = chance.choice(lines)
    match chance.choice(("card", "seq", "refusal", "moments", "lost", "hold")):
        case "card" if line.get("cards"):
            line["cards"] = sorted({*line["cards"][1:], chance.choice(CARDS)})
            if line["kind"] == "allocate":
                line["quantity"] = len(line["cards"])
        case "seq" if "seq" in line:
            others = [one for one in lines if "seq" in one]
            other = chance.choice(others)
            line["seq"], other["seq"] = other["seq"], line["seq"]
        case "refusal" if line["kind"] == "allocate" and line["end"] == "ok":
            lines[lines.index(line)] = refused(line["request_id"], _span(line), quantity=line["quantity"])
        case "moments" if line["end"] != "info":
            moved_ms = chance.choice((-60, -20, 20, 60))
            line["invoked_at_ms"] += moved_ms
            line["returned_at_ms"] += moved_ms
        case "lost":
            lines.remove(line)
        case "hold" if line["kind"] != "allocate" and line["end"] != "info":
            # A Release of a released hold is a success, so nobody is refused one with that reason.
            reasons = ("HOLD_NOT_FOUND", "HOLD_ALREADY_CONFIRMED", "HOLD_RELEASED")
            reason = chance.choice(reasons if line["kind"] == "confirm" else reasons[:2])
            name = line["request_id"]
            lines[lines.index(line)] = call(
                line["kind"], name, _span(line), hold=line["hold"], end="fail", reason=reason
            )
    return lines


def _span(line: Line) -> tuple[float, float]:
    return line["invoked_at_ms"], line["returned_at_ms"]
