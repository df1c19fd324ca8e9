"""Did it happen? Every way a command can end, told by its exit code, one line of what, one of what to do."""

import json
import socket
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from cardkeep_client.v1 import types_pb2

Run = Callable[..., Any]

NO_STOCK = (grpc.StatusCode.RESOURCE_EXHAUSTED, "OUT_OF_STOCK")


def hold(**fields: Any) -> types_pb2.Hold:
    """A hold as the server sends it."""
    name = "tenants/default/skus/A/holds/1"
    return types_pb2.Hold(**{"name": name, "state": types_pb2.HOLD_STATE_ACTIVE, "quantity": 1, **fields})


def test_a_definite_no_is_exit_code_3_and_says_what_to_do(server: Any, cardkeep: Run, refusal: Any) -> None:
    """The reason, the facts, the next command; nothing on stdout for a script to take for an answer."""
    server.will("Allocate", refusal(*NO_STOCK, requested="2", available="1"))
    ended = cardkeep("allocate", "A", "-n", "2", "--order", "7")
    assert ended.exit_code == 3
    assert ended.stdout == ""
    what, do = ended.stderr.splitlines()
    assert "OUT_OF_STOCK" in what
    assert "available 1" in what
    assert "cardkeep import" in do


def test_a_refusal_names_the_hold_to_go_on_with(server: Any, cardkeep: Run, run_line: Run, refusal: Any) -> None:
    """The command on the screen works when it is copied."""
    known = "tenants/default/skus/A/holds/9"
    server.will("Allocate", refusal(grpc.StatusCode.ALREADY_EXISTS, "ORDER_REF_EXISTS", hold=known))
    server.will("GetHold", hold(name=known))
    ended = cardkeep("allocate", "A", "--order", "7")
    assert run_line(ended.stderr.split("`")[1]).exit_code == 0
    assert server.requests("GetHold")[0].name == known


def test_in_json_a_failure_is_one_document_on_stdout(server: Any, cardkeep: Run, refusal: Any) -> None:
    """A program reads one thing whatever happened."""
    server.will("Allocate", refusal(*NO_STOCK, available="0"))
    ended = cardkeep("allocate", "A", "--order", "7", "--request-id", "r-1", "--json")
    error = json.loads(ended.stdout)["error"]
    assert ended.exit_code == error["exit_code"] == 3
    assert (error["reason"], error["request_id"], error["facts"]) == ("OUT_OF_STOCK", "r-1", {"available": "0"})
    assert ended.stderr == ""


def test_an_unknown_outcome_prints_the_command_that_asks_again(server: Any, cardkeep: Run, run_line: Run) -> None:
    """Exit code 4. The line on the screen sends the same request id and the same order, so it never acts twice."""
    server.will("Allocate", lambda _request, context: context.abort(grpc.StatusCode.INTERNAL, "the line went dead"))
    server.will("Allocate", lambda request, _context: hold(order_ref=request.order_ref, replayed=True))
    ended = cardkeep("allocate", "A", "-n", "1")
    assert ended.exit_code == 4
    first = server.requests("Allocate")[0]
    assert first.request_id in ended.stderr
    assert run_line(ended.stderr.splitlines()[-1]).exit_code == 0
    assert server.requests("Allocate") == [first, first]


def test_an_unknown_outcome_of_a_given_id_keeps_that_id(server: Any, cardkeep: Run) -> None:
    """A second --request-id would be a second request."""
    server.will("Release", lambda _request, context: context.abort(grpc.StatusCode.INTERNAL, "the line went dead"))
    ended = cardkeep("release", "A/holds/1", "--request-id", "mine")
    assert ended.stderr.splitlines()[-1].strip() == "cardkeep release A/holds/1 --request-id mine"


def test_what_did_not_happen_is_exit_code_1(server: Any, cardkeep: Run, refusal: Any) -> None:
    """Not a no: the same command may succeed in a moment."""
    server.will("Allocate", refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_PASSED"))
    ended = cardkeep("allocate", "A")
    assert ended.exit_code == 1
    assert "--timeout" in ended.stderr


def test_a_sale_that_stands_with_an_unreadable_code_is_not_in_doubt(server: Any, cardkeep: Run, refusal: Any) -> None:
    """Asking again would not help; a fresh card does."""
    server.will(
        "Confirm", refusal(grpc.StatusCode.DATA_LOSS, "CARD_UNREADABLE", name="tenants/default/skus/A/cards/1-0")
    )
    ended = cardkeep("confirm", "A/holds/1", "--payment", "p")
    assert ended.exit_code == 1
    assert "cardkeep replace" in ended.stderr


def test_nobody_there_is_exit_code_5_and_says_up(cardkeep: Run) -> None:
    """A refused connection is a definite no, so a write is not in doubt."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        ended = cardkeep("allocate", "A", "--server", f"127.0.0.1:{port}")
    assert ended.exit_code == 5
    assert "cardkeep up" in ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("allocate",),
        ("allocate", "a b"),
        ("allocate", "A", "-n", "0"),
        ("allocate", "A", "--order", ""),
        ("allocate", "A", "--hold-for", "15"),
        ("confirm", "A/holds/1"),
        ("confirm", "A", "--payment", "p"),
        ("confirm", "A/holds/1", "--payment", "p", "--paid", "15"),
        ("hold",),
        ("hold", "--order", "7"),
        ("sku", "set", "A"),
        ("status", "--watch", "--json"),
        ("import", "no-such-file.csv", "--sku", "A"),
    ],
)
def test_a_typing_mistake_is_exit_code_2_and_asks_nobody(words: tuple[str, ...], server: Any, cardkeep: Run) -> None:
    """Nothing left the machine."""
    ended = cardkeep(*words)
    assert ended.exit_code == 2
    assert ended.output
    assert server.seen == []
