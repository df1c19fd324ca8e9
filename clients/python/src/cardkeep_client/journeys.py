"""The retry rule, without IO: what to send next, how long to wait, and what the caller finally hears.

Only UNAVAILABLE is retried, always with the same request_id, after the delay the server asked for or an
exponential one, within the caller's deadline and a number of tries. A doubt stays: when one try may have
acted, a later "not done" does not clear it, and the caller gets OutcomeUnknown. A definite answer does,
because the server remembers the first try's.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.message import Message

from cardkeep_client.errors import CardkeepError, NotAllowed, NotDone, OutcomeUnknown
from cardkeep_client.statuses import Asked, error_of_refusal, outcome_unknown
from cardkeep_client.v1 import types_pb2

Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)

QUESTION = Asked(is_write=False)


@dataclass(frozen=True, slots=True)
class Retry:
    """How stubborn the client is. Delays in seconds; one try means no retry."""

    tries: int = 5
    first_delay_s: float = 0.05
    longest_delay_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One RPC to make: `service/method`, the message, how to read the answer."""

    service: str
    method: str
    request: Message
    read: Callable[[Any], Answer]
    asked: Asked = QUESTION


@dataclass(frozen=True, slots=True)
class BatchCall(Generic[Answer]):
    """One batch RPC to make. `read` gives an item's answer, or its refusal."""

    service: str
    method: str
    items: Sequence[Message]
    asked: Sequence[Asked]
    pack: Callable[[Sequence[Any]], Message]
    read: Callable[[Any], Answer | types_pb2.Refusal]


class Tries:
    """Counts tries and says how long to wait before the next, or None when there is to be none."""

    def __init__(self, retry: Retry, deadline_s: float | None, chance: Callable[[], float] = random.random) -> None:
        self._retry = retry
        self._deadline_s = deadline_s
        self._chance = chance
        self._failed = 0

    def time_left_s(self, now_s: float) -> float | None:
        """Seconds until the caller's deadline, never negative; None when there is none."""
        return None if self._deadline_s is None else max(0.0, self._deadline_s - now_s)

    def delay_s(self, error: CardkeepError, now_s: float) -> float | None:
        """Seconds to wait before the next try; None to give up."""
        self._failed += 1
        if not error.facts.may_retry or self._failed >= self._retry.tries:
            return None
        delay_s = self._delay_s(error.retry_after_s)
        return delay_s if self._deadline_s is None or now_s + delay_s < self._deadline_s else None

    def start_over(self) -> None:
        """There was progress: the next failure counts as the first."""
        self._failed = 0

    def _delay_s(self, asked_s: float | None) -> float:
        """What the server asked for and up to a fifth more, or exponential with full jitter: crowds must spread."""
        if asked_s is not None:
            return asked_s * (1 + 0.2 * self._chance())
        return self._chance() * min(self._retry.longest_delay_s, self._retry.first_delay_s * 2.0**self._failed)


class Journey(Protocol[Answer_co]):
    """A call on its way. The client sends `request`, then reports what came back."""

    service: str
    method: str
    asked: Asked
    tries: Tries

    @property
    def request(self) -> Message:
        """What to send now."""

    def arrived(self, response: Any, now_s: float) -> float | None:
        """A response came. None: the answer is whole; else seconds to wait before sending `request` again."""

    def failed(self, error: CardkeepError, now_s: float) -> float | None:
        """A try failed. None: the answer is as whole as it gets; else seconds to wait. Raises the final error."""

    @property
    def answer(self) -> Answer_co:
        """What the caller gets."""


class SingleJourney(Generic[Answer]):
    """One request, one answer."""

    def __init__(self, call: Call[Answer], tries: Tries) -> None:
        self.service, self.method, self.asked, self.tries = call.service, call.method, call.asked, tries
        self.request = call.request
        self._read = call.read
        self._in_doubt = False
        self._response: Any = None

    def arrived(self, response: Any, now_s: float) -> float | None:  # noqa: ARG002 - the Journey's signature
        """The answer; never another try."""
        self._response = response
        return None

    def failed(self, error: CardkeepError, now_s: float) -> float | None:
        """Seconds to wait; raises the error when there is to be no further try."""
        self._in_doubt |= isinstance(error, OutcomeUnknown)
        delay_s = self.tries.delay_s(error, now_s)
        if delay_s is None:
            raise doubtful(self.asked, error) if self._in_doubt else error
        return delay_s

    @property
    def answer(self) -> Answer:
        """What the caller gets."""
        assert self._response is not None, "asked for the answer before it arrived"
        return self._read(self._response)


class BatchJourney(Generic[Answer]):
    """Many requests in one; items that were refused as UNAVAILABLE are sent again, the others are not."""

    def __init__(self, call: BatchCall[Answer], tries: Tries) -> None:
        self.service, self.method, self.asked, self.tries = call.service, call.method, Asked(is_write=True), tries
        self._call = call
        self._answers: list[Answer | CardkeepError | None] = [None] * len(call.items)
        self._left = list(range(len(call.items)))
        self._in_doubt: set[int] = set()

    @property
    def request(self) -> Message:
        """The items without a final answer, in order."""
        return self._call.pack([self._call.items[index] for index in self._left])

    def arrived(self, response: Any, now_s: float) -> float | None:
        """Takes the answers; seconds to wait when some items are to be sent again."""
        again: dict[int, CardkeepError] = {}
        for index, result in zip(self._left, response.results, strict=True):
            answer = self._call.read(result)
            if not isinstance(answer, types_pb2.Refusal):
                self._answers[index] = answer
                continue
            error = self._refused(index, answer)
            self._answers[index] = error
            if error.facts.may_retry:
                again[index] = error
        self._left = list(again)
        if not again:
            return None
        # The longest wait asked for serves them all: they travel together.
        longest = max(again.values(), key=lambda error: error.retry_after_s or 0.0)
        return self.tries.delay_s(longest, now_s)

    def failed(self, error: CardkeepError, now_s: float) -> float | None:
        """Seconds to wait. At the end: raises when no item has an answer, else the others keep theirs."""
        if isinstance(error, OutcomeUnknown):
            self._in_doubt.update(self._left)
        delay_s = self.tries.delay_s(error, now_s)
        if delay_s is not None:
            return delay_s
        if len(self._left) == len(self._answers):
            raise doubtful(self.asked, error) if self._in_doubt else error
        for index in self._left:
            self._answers[index] = self._final(index, error)
        return None

    @property
    def answer(self) -> list[Answer | CardkeepError]:
        """One answer or error per item, in the order of the items."""
        return [answer for answer in self._answers if answer is not None]

    def _refused(self, index: int, refusal: types_pb2.Refusal) -> CardkeepError:
        error = error_of_refusal(self._call.asked[index], refusal)
        if isinstance(error, OutcomeUnknown):
            self._in_doubt.add(index)
        return self._final(index, error)

    def _final(self, index: int, error: CardkeepError) -> CardkeepError:
        return doubtful(self._call.asked[index], error) if index in self._in_doubt else error


def doubtful(asked: Asked, error: CardkeepError) -> CardkeepError:
    """The error as it must read when an earlier try may have acted: a later "not done" says nothing about that one."""
    if isinstance(error, NotDone | NotAllowed):
        return outcome_unknown(asked, f"An earlier try got no answer; the last one: {error.message}", error.facts)
    return error
