"""The retry rule on the wire: what is sent again, under which id, after how long, and what the caller hears."""

import uuid
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from cardkeep_client import (
    CardkeepError,
    Client,
    DeadlinePassed,
    NoAnswer,
    OutcomeUnknown,
    OutOfStock,
    PoolStopped,
    Retry,
    Unavailable,
)

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_retry_keeps_the_request_id(ask: Any, server: Any, refusal: Any, hold_of: Any) -> None:
    """A second id would be a second wish: the retry must carry the first one, and a new call another."""
    server.will("Allocate", refusal(UNAVAILABLE, "ACTOR_RECOVERING", retry_ms=1), hold_of, hold_of)
    hold = await ask("allocate", "vip", 2, order_ref="o-1")
    await ask("allocate", "vip", 2, order_ref="o-2")
    first, again, other = server.requests("Allocate")
    assert first == again
    assert uuid.UUID(first.request_id).version == 7
    assert other.request_id != first.request_id
    assert (hold.name, hold.quantity) == ("tenants/acme/skus/vip/holds/1", 2)


async def test_a_callers_own_request_id_is_sent(ask: Any, server: Any, hold_of: Any) -> None:
    """Who stores ids before sending must find them on the wire."""
    server.will("Allocate", hold_of)
    await ask("allocate", "tenants/other/skus/vip", order_ref="o-1", request_id="mine")
    (sent,) = server.requests("Allocate")
    assert (sent.request_id, sent.parent) == ("mine", "tenants/other/skus/vip")


async def test_a_definite_refusal_is_asked_once(ask: Any, server: Any, refusal: Any) -> None:
    """A stock-out in a retry list would turn a flash sale into a storm."""
    server.will("Allocate", refusal(EXHAUSTED, "OUT_OF_STOCK", requested="2", available="1"))
    with pytest.raises(OutOfStock) as caught:
        await ask("allocate", "vip", 2, order_ref="o-1", request_id="r-1")
    error = caught.value
    assert len(server.seen) == 1
    assert (error.reason, error.did_it_happen, error.code) == ("OUT_OF_STOCK", "refused", "RESOURCE_EXHAUSTED")
    assert error.metadata == {"requested": "2", "available": "1"}
    assert error.request_id == "r-1"
    assert not error.refund_due


async def test_a_payment_that_bought_nothing_says_so(ask: Any, server: Any, refusal: Any) -> None:
    """The one thing a shop must not overlook after a late payment."""
    server.will("Confirm", refusal(EXHAUSTED, "OUT_OF_STOCK_LATE", refundDue="true"))
    with pytest.raises(OutOfStock) as caught:
        await ask("confirm", "tenants/acme/skus/vip/holds/1", payment_ref="p-1")
    assert caught.value.refund_due


async def test_a_call_without_an_answer_in_time_is_a_doubt(ask: Any, server: Any) -> None:
    """The server may have acted: the client must not retry by itself and must not say no."""
    server.will("Confirm", lambda _request, _context: server.closing.wait())
    with pytest.raises(OutcomeUnknown) as caught:
        await ask("confirm", "tenants/acme/skus/vip/holds/1", payment_ref="p-1", request_id="r-9", timeout_s=0.2)
    error = caught.value
    assert len(server.seen) == 1
    assert (error.request_id, error.did_it_happen, error.code) == ("r-9", "unknown", "DEADLINE_EXCEEDED")
    assert "request_id='r-9'" in str(error)
    assert "get_hold" in str(error)


async def test_a_broken_connection_is_a_doubt_for_a_write_only(ask: Any, server: Any) -> None:
    """A question that got no answer changed nothing; a write may have."""
    server.close()
    with pytest.raises(OutcomeUnknown) as caught:
        await ask("release", "tenants/acme/skus/vip/holds/1", request_id="r-3")
    assert (caught.value.reason, caught.value.request_id) == ("NO_ANSWER", "r-3")
    with pytest.raises(NoAnswer) as asked:
        await ask("get_hold", "tenants/acme/skus/vip/holds/1")
    assert asked.value.did_it_happen == "no"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ((grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_PASSED"), DeadlinePassed),
        ((grpc.StatusCode.DATA_LOSS, "POOL_STOPPED"), PoolStopped),
    ],
)
async def test_what_was_not_begun_is_a_no(
    ask: Any, server: Any, refusal: Any, status: tuple[grpc.StatusCode, str], error: type[CardkeepError]
) -> None:
    """The same codes without these reasons are doubts; the reason makes them a no, and is not retried."""
    server.will("Allocate", refusal(*status))
    with pytest.raises(error) as caught:
        await ask("allocate", "vip", order_ref="o-1")
    assert caught.value.did_it_happen == "no"
    assert len(server.seen) == 1


async def test_tries_are_counted(ask: Any, server: Any, refusal: Any) -> None:
    """Four tries were allowed: four are made, then the caller hears the reason."""
    server.will("Allocate", *[refusal(UNAVAILABLE, "OVERLOADED", retry_ms=1)] * 9)
    with pytest.raises(Unavailable) as caught:
        await ask("allocate", "vip", order_ref="o-1")
    assert (len(server.seen), caught.value.reason, caught.value.did_it_happen) == (4, "OVERLOADED", "no")
    assert caught.value.retry_after_s == pytest.approx(0.001)


async def test_an_earlier_doubt_outlives_a_later_no(ask: Any, server: Any, refusal: Any) -> None:
    """The first try may have taken a card; that the fourth was turned away at the door proves nothing."""
    server.will("Allocate", refusal(UNAVAILABLE, "OUTCOME_UNKNOWN", retry_ms=1))
    server.will("Allocate", *[refusal(UNAVAILABLE, "OVERLOADED", retry_ms=1)] * 3)
    with pytest.raises(OutcomeUnknown) as caught:
        await ask("allocate", "vip", order_ref="o-1", request_id="r-1")
    assert caught.value.reason == "OVERLOADED"
    assert "request_id='r-1'" in str(caught.value)


async def test_a_definite_answer_ends_a_doubt(ask: Any, server: Any, refusal: Any) -> None:
    """The server remembers ids: had the first try acted, the second would have got its hold."""
    server.will("Allocate", refusal(UNAVAILABLE, "OUTCOME_UNKNOWN", retry_ms=1), refusal(EXHAUSTED, "OUT_OF_STOCK"))
    with pytest.raises(OutOfStock):
        await ask("allocate", "vip", order_ref="o-1")


@pytest.mark.parametrize("asked", [{"pushback": "60"}, {"retry_ms": 60}, {"retry_ms": 1, "pushback": "60"}])
async def test_the_servers_delay_is_honoured(
    ask: Any, server: Any, refusal: Any, hold_of: Callable[..., Any], asked: dict[str, Any]
) -> None:
    """The client's own delay would be 2 ms at most; pushback counts for more than RetryInfo."""
    server.will("Allocate", refusal(UNAVAILABLE, "OVERLOADED", **asked), hold_of)
    await ask("allocate", "vip", order_ref="o-1")
    first_s, second_s = server.arrivals_s
    assert second_s - first_s >= 0.06


async def test_a_negative_pushback_forbids_a_retry(ask: Any, server: Any, refusal: Any) -> None:
    """That is gRPC's rule, and the server's last means against a crowd."""
    server.will("Allocate", refusal(UNAVAILABLE, "OVERLOADED", pushback="-1"))
    with pytest.raises(Unavailable):
        await ask("allocate", "vip", order_ref="o-1")
    assert len(server.seen) == 1


async def test_a_delay_past_the_deadline_is_not_waited_for(ask: Any, server: Any, refusal: Any) -> None:
    """Waiting for what cannot help would only keep the buyer."""
    server.will("Allocate", refusal(UNAVAILABLE, "ACTOR_RECOVERING", pushback="60000"))
    with pytest.raises(Unavailable) as caught:
        await ask("allocate", "vip", order_ref="o-1", timeout_s=5)
    assert caught.value.retry_after_s == 60
    assert len(server.seen) == 1


def test_one_try_means_no_retry(server: Any, refusal: Any) -> None:
    """Who retries on a higher floor can turn it off here."""
    server.will("Release", refusal(UNAVAILABLE, "DRAINING", retry_ms=1))
    with Client(server.target, retry=Retry(tries=1)) as client, pytest.raises(Unavailable):
        client.release("tenants/default/skus/vip/holds/1")
    assert len(server.seen) == 1
