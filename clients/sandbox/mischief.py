"""What the sandbox is told to do wrong: rules, each a trick with how often, how many times and on what it strikes.

Chance is seeded: the same rules and the same requests in the same order are struck alike.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple

#: Rules at once.
rules_max = 100


class Trick(StrEnum):
    """What may go wrong. Those marked * happen instead of the order, or after it was made when `commits` is set."""

    #: Wait `ms` first.
    SLOW = "slow"
    #: Wait `ms`, before the order is made, or after it: long enough, nobody hears the answer. *
    HANG = "hang"
    #: Answer 503. *
    DOWN = "down"
    #: Break the connection. *
    DROP = "drop"
    #: Answer a web page with status 200. *
    HTML = "html"
    #: Answer half of a JSON document. *
    BAD_JSON = "bad_json"
    #: Say no.
    OUT_OF_STOCK = "out_of_stock"
    OUT_OF_BALANCE = "out_of_balance"
    #: Charge `factor` times the price.
    DEAR = "dear"
    #: Say "processing"; deliver after `ms`, or when told (0).
    PROCESSING = "processing"
    #: Say "processing"; give the money back after `ms`, or when told (0).
    FAIL_LATER = "fail_later"
    #: Make the order twice, charge it twice; the answer tells of the first, look-ups of the second.
    TWICE = "twice"
    #: Write the same answer twice on the connection, the second time after `ms`.
    ECHO = "echo"
    #: The first code cannot be read.
    BAD_CODE = "bad_code"
    #: The first code is one that was sold before.
    SOLD_CODE = "sold_code"


class Question(StrEnum):
    """What is asked of the sandbox. A rule strikes one of them, or ANY."""

    ORDER = "order"
    LOOK_UP = "look_up"
    REVERSE = "reverse"
    BALANCE = "balance"
    PRODUCTS = "products"
    STATEMENT = "statement"
    ANY = "any"


class Rule(NamedTuple):
    """One trick. It strikes a `share` of what it is `on`, `times` times at most, after it let `skip` pass."""

    trick: Trick
    share: float = 1.0
    times: int | None = None
    skip: int = 0
    ms: int = 0
    factor: int = 7
    commits: bool = False
    on: Question = Question.ORDER
    product: str = ""


def rule_from(document: Mapping[str, Any]) -> Rule:
    """A rule as JSON has it: `{"trick": "hang", "commits": true, "ms": 5000, "share": 0.3}`. Raises ValueError."""
    unknown = set(document) - set(Rule._fields)
    if unknown or "trick" not in document:
        raise ValueError(f"a rule has a trick and perhaps {', '.join(Rule._fields[1:])}, not {sorted(unknown)}")
    rule = Rule(**document)
    return rule._replace(trick=Trick(rule.trick), on=Question(rule.on))


class Mischief:
    """The rules in force. `strikes` says for each request what happens to it."""

    def __init__(self, seed: int = 0) -> None:
        self.rules: tuple[Rule, ...] = ()
        #: How often each trick struck.
        self.struck: Counter[Trick] = Counter()
        self._chance = Random(seed)  # noqa: S311 - mischief need not be unpredictable
        self._seen: list[int] = []
        self._strikes: list[int] = []

    def set(self, rules: Iterable[Rule]) -> None:
        """Put these in place of what was in force."""
        self.rules = tuple(rules)
        if len(self.rules) > rules_max:
            raise ValueError(f"at most {rules_max} rules at once")
        self._seen = [0] * len(self.rules)
        self._strikes = [0] * len(self.rules)

    def clear(self) -> None:
        """Behave."""
        self.set(())

    def strikes(self, question: Question, product: str = "") -> Mapping[Trick, Rule]:
        """What happens to this request."""
        struck = {}
        for at, rule in enumerate(self.rules):
            if rule.on not in {question, Question.ANY} or (rule.product and rule.product != product):
                continue
            self._seen[at] += 1
            is_over = rule.times is not None and self._strikes[at] >= rule.times
            if self._seen[at] <= rule.skip or is_over or self._chance.random() >= rule.share:
                continue
            self._strikes[at] += 1
            self.struck[rule.trick] += 1
            struck[rule.trick] = rule
        return struck
