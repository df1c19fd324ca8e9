"""A pool as a person would keep it on paper: one line per card, one per hold, and no cleverness at all.

Written from the rules, not from the engine: every command begins by ending what is due, cards are
chosen by sorting all of them. It answers in short: the kind of outcome and what matters in it.
"""

from typing import Any

from engine.names import Card, HoldNo, batch_of
from engine.stock import commands as ask
from engine.stock.terms import Terms

FREE, HELD, SOLD = "FREE", "HELD", "SOLD"
NEVER_MS = 10**15
UNKNOWN_COST = 10**15


class Line:
    """One card: where it is, and what is to become of it when it comes back."""

    def __init__(self, *, expires_at_ms: int | None, cost: int) -> None:
        self.place = FREE
        self.mark = ""
        self.expires_at_ms = NEVER_MS if expires_at_ms is None else expires_at_ms
        self.cost = cost


class Deal:
    """One hold."""

    def __init__(self, command: ask.Allocate, cards: list[Card], terms: Terms, now_ms: int) -> None:
        self.command = command
        self.cards = cards
        self.price = terms.price
        self.state = "ACTIVE"
        self.created_at_ms = now_ms
        self.deadline_ms = now_ms + min(command.hold_for_ms or terms.hold_for_ms, terms.hold_for_ms_max)
        self.ended_at_ms = 0
        self.payment_ref = ""
        self.reacquired = False
        self.refunds: dict[str, tuple[Any, ...]] = {}
        self.replaced: list[Card] = []


class PoolModel:
    """The whole book."""

    def __init__(self) -> None:
        self.terms = Terms()
        self.cards: dict[Card, Line] = {}
        self.deals: dict[int, Deal] = {}
        self.withdrawn: dict[int, str] = {}
        self.now_ms = 0

    def answer(self, command: Any, now_ms: int) -> tuple[Any, ...]:
        """What the pool must say."""
        self.now_ms = now_ms
        for deal in self.deals.values():
            if deal.state == "ACTIVE" and deal.deadline_ms <= now_ms:
                self._end(deal, "EXPIRED", deal.deadline_ms)
        answered: tuple[Any, ...] = getattr(self, "_" + type(command).__name__.lower())(command)
        return answered

    def free(self, life_ms: int = 0) -> list[Card]:
        """What can be sold now, first to go first."""
        after_ms = self.now_ms + life_ms
        able = [
            (line.expires_at_ms, line.cost, card)
            for card, line in self.cards.items()
            if line.place == FREE and line.expires_at_ms > after_ms and not self.withdrawn[batch_of(card)]
        ]
        return [card for _, _, card in sorted(able)]

    def count(self, *places: str) -> int:
        """Cards in these places; in a voided batch all that is neither held nor sold is void."""
        return sum(self._place(card) in places for card in self.cards)

    def _place(self, card: Card) -> str:
        place = self.cards[card].place
        return ask.VOID if self.withdrawn[batch_of(card)] == ask.VOID and place not in (HELD, SOLD) else place

    def _end(self, deal: Deal, state: str, at_ms: int) -> None:
        for card in deal.cards:
            self._give_back(card)
        deal.state, deal.ended_at_ms = state, at_ms

    def _give_back(self, card: Card) -> None:
        line = self.cards[card]
        line.place, line.mark = line.mark or FREE, ""

    def _allocate(self, command: ask.Allocate) -> tuple[Any, ...]:
        for number, deal in self.deals.items():
            if deal.command.order_ref == command.order_ref:
                return self._known_order(command, number, deal)
        if self.terms.paused:
            return ("SKU_PAUSED",)
        if command.price is not None and command.price != self.terms.price:
            return ("PRICE_CHANGED",)
        user = command.principal.user
        held = sum(
            len(deal.cards)
            for deal in self.deals.values()
            if deal.state == "ACTIVE" and deal.command.principal.user == user
        )
        if user and self.terms.quotas.user and held + command.quantity > self.terms.quotas.user:
            return ("HELD_QUOTA_EXCEEDED", held)
        cards = self.free(command.life_ms_min)[: command.quantity]
        if not cards or (len(cards) < command.quantity and not command.partial):
            return ("OUT_OF_STOCK", len(cards))
        number = len(self.deals) + 1
        self.deals[number] = deal = Deal(command, cards, self.terms, self.now_ms)
        for card in cards:
            self.cards[card].place = HELD
        return "Held", number, "ACTIVE", tuple(cards), deal.deadline_ms

    def _known_order(self, command: ask.Allocate, number: int, deal: Deal) -> tuple[Any, ...]:
        first = deal.command
        same = (first.quantity, first.principal, first.life_ms_min) == (
            command.quantity,
            command.principal,
            command.life_ms_min,
        )
        if not same or command.price not in (None, deal.price):
            return ("ORDER_REF_EXISTS", number)
        if deal.state in ("EXPIRED", "RELEASED"):
            return ("HOLD_" + deal.state, number)
        return self._gethold(ask.GetHold(HoldNo(number)))

    def _confirm(self, command: ask.Confirm) -> tuple[Any, ...]:
        deal = self.deals.get(command.hold)
        if deal is None:
            return ("HOLD_NOT_FOUND",)
        if deal.payment_ref == command.payment_ref:
            return "Confirmed", tuple(deal.cards), 0, deal.reacquired
        for number, other in self.deals.items():
            if number != command.hold and command.payment_ref in (other.payment_ref, *other.refunds):
                return ("PAYMENT_REF_USED", number)
        window_ms = command.late_window_ms or self.terms.late_window_ms
        late = deal.state in ("EXPIRED", "RELEASED")
        strict = late and (command.late == ask.STRICT or self.now_ms - deal.ended_at_ms > window_ms or not window_ms)
        reason, _, is_final = deal.refunds.get(command.payment_ref, ("", None, False))
        if is_final:
            return (reason,)
        if deal.state == "CONFIRMED" or strict:
            return self._refund(command, deal, self._why(deal))
        quantity = command.quantity or len(deal.cards)
        if quantity > len(deal.cards):
            return ("INVALID_QUANTITY",)
        if deal.price and command.paid != (deal.price.minor * quantity, deal.price.currency):
            return ("AMOUNT_MISMATCH",)
        if late and self.terms.paused:
            return self._refund(command, deal, "SKU_PAUSED")
        return self._sell(command, deal, quantity, late=late)

    def _sell(self, command: ask.Confirm, deal: Deal, quantity: int, *, late: bool) -> tuple[Any, ...]:
        keep = [] if late else [card for card in deal.cards if self._is_good(card)][:quantity]
        fresh = self.free(deal.command.life_ms_min)[: quantity - len(keep)]
        if len(keep) + len(fresh) < quantity:
            return self._refund(command, deal, "OUT_OF_STOCK_LATE" if late else self._why(deal))
        returned = 0 if late else len(deal.cards) - quantity
        if not late:
            for card in set(deal.cards) - set(keep):
                self._give_back(card)
        for card in keep + fresh:
            self.cards[card].place = SOLD
        deal.cards, deal.reacquired = keep + fresh, bool(fresh)
        deal.state, deal.ended_at_ms, deal.payment_ref = "CONFIRMED", self.now_ms, command.payment_ref
        deal.refunds.pop(command.payment_ref, None)
        return "Confirmed", tuple(deal.cards), returned, deal.reacquired

    def _is_good(self, card: Card) -> bool:
        line = self.cards[card]
        return not line.mark and not self.withdrawn[batch_of(card)] and line.expires_at_ms > self.now_ms

    def _why(self, deal: Deal) -> str:
        if deal.state == "CONFIRMED":
            return "HOLD_ALREADY_CONFIRMED"
        if deal.state != "ACTIVE":
            return "HOLD_" + deal.state
        recalled = any(self.cards[card].mark or self.withdrawn[batch_of(card)] for card in deal.cards)
        return "BATCH_RECALLED" if recalled else "OUT_OF_STOCK_LATE"

    def _refund(self, command: ask.Confirm, deal: Deal, reason: str) -> tuple[Any, ...]:
        """A late payment under STRICT may think again; any other no is the last word on it."""
        is_final = command.late == ask.REACQUIRE or deal.state in ("ACTIVE", "CONFIRMED")
        if is_final or command.payment_ref not in deal.refunds:
            deal.refunds.pop(command.payment_ref, None)
            deal.refunds[command.payment_ref] = (reason, command.paid, is_final)
        return (reason,)

    def _release(self, command: ask.Release) -> tuple[Any, ...]:
        deal = self.deals.get(command.hold)
        if deal is None:
            return ("HOLD_NOT_FOUND",)
        if deal.state == "CONFIRMED":
            return ("HOLD_ALREADY_CONFIRMED",)
        if deal.state == "ACTIVE":
            self._end(deal, "RELEASED", self.now_ms)
        return "Released", deal.state

    def _extend(self, command: ask.Extend) -> tuple[Any, ...]:
        deal = self.deals.get(command.hold)
        if deal is None:
            return ("HOLD_NOT_FOUND",)
        if deal.state != "ACTIVE":
            return (self._why(deal),)
        wanted_ms, last_ms = self.now_ms + command.hold_for_ms, deal.created_at_ms + self.terms.hold_lifetime_ms_max
        if wanted_ms > deal.deadline_ms and deal.deadline_ms >= last_ms:
            return ("MAX_LIFETIME_REACHED",)
        deal.deadline_ms = max(deal.deadline_ms, min(wanted_ms, last_ms))
        return "Extended", deal.deadline_ms

    def _withdraw(self, command: ask.Withdraw) -> tuple[Any, ...]:
        before = {card for card in self.cards if self._place(card) == ask.VOID}, set(self.free())
        named = list(dict.fromkeys(command.cards)) if command.cards else []
        moved = sum(self._withdraw_card(self.cards[card], command) for card in named)
        if not named and self.withdrawn[command.batch] != ask.VOID:
            self._withdraw_batch(command)
            after = {card for card in self.cards if self._place(card) == ask.VOID}, set(self.free())
            moved = len((before[0] ^ after[0]) if command.action == ask.VOID else (before[1] ^ after[1]))
        held = [card for card in named or self.cards if self.cards[card].place == HELD]
        sold = [card for card in named if self.cards[card].place == SOLD]
        return "Withdrawn", moved, tuple(card for card in held if batch_of(card) == command.batch), tuple(sold)

    def _withdraw_card(self, line: Line, command: ask.Withdraw) -> bool:
        action = command.action
        if line.place == HELD:
            if line.mark != ask.VOID:
                line.mark = "" if action == ask.RESTORE else action
            return False
        moves = {ask.VOID: (FREE, ask.QUARANTINE), ask.QUARANTINE: (FREE,), ask.RESTORE: (ask.QUARANTINE,)}
        if self.withdrawn[command.batch] == ask.VOID or line.place not in moves[action]:
            return False
        line.place = FREE if action == ask.RESTORE else action
        return True

    def _withdraw_batch(self, command: ask.Withdraw) -> None:
        if command.action != ask.RESTORE:
            self.withdrawn[command.batch] = command.action
            return
        self.withdrawn[command.batch] = ""
        for card, line in self.cards.items():
            if batch_of(card) == command.batch:
                line.mark = "" if line.mark == ask.QUARANTINE else line.mark
                line.place = FREE if line.place == ask.QUARANTINE else line.place

    def _replace(self, command: ask.Replace) -> tuple[Any, ...]:
        deal = self.deals.get(command.hold)
        if deal is None:
            return ("HOLD_NOT_FOUND",)
        if command.card in deal.replaced:
            return ("CARD_ALREADY_REPLACED",)
        if deal.state != "CONFIRMED" or command.card not in deal.cards:
            return ("CARD_NOT_SOLD",)
        fresh = self.free(deal.command.life_ms_min)[:1]
        if not fresh:
            return ("OUT_OF_STOCK", 0)
        self.cards[fresh[0]].place = SOLD
        deal.cards[deal.cards.index(command.card)] = fresh[0]
        deal.replaced.append(command.card)
        return "Replaced", command.card, fresh[0]

    def _configure(self, command: ask.Configure) -> tuple[Any, ...]:
        self.terms = command.terms
        return ("Configured",)

    def _gethold(self, command: ask.GetHold) -> tuple[Any, ...]:
        deal = self.deals.get(command.hold)
        if deal is None:
            return ("HOLD_NOT_FOUND",)
        refunds = tuple((payment_ref, *why) for payment_ref, why in deal.refunds.items())
        return "HoldFound", deal.state, tuple(deal.cards), refunds, deal.payment_ref, deal.ended_at_ms

    def _getshelf(self, command: ask.GetShelf) -> tuple[Any, ...]:
        free = len(self.free(command.life_ms_min))
        return "Shelf", free, self.count(FREE, ask.QUARANTINE), self.count(HELD), self.count(SOLD), self.count(ask.VOID)

    def _listsold(self, command: ask.ListSold) -> tuple[Any, ...]:
        holder = {card: number for number, deal in self.deals.items() for card in deal.replaced}
        holder |= {
            card: number for number, deal in self.deals.items() if deal.state == "CONFIRMED" for card in deal.cards
        }
        return ("Sold", *sorted((card, number) for card, number in holder.items() if batch_of(card) == command.batch))
