"""How a sandbox begins: its name, dialect, wares, money and mischief. A JSON file says it, or a test."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clients.sandbox.mischief import Rule, rule_from
from clients.sandbox.shop import Policy, Ware
from engine.money import Money, is_currency
from engine.supply.suppliers import Idempotency

DIALECTS = ("http", "dujiao-next", "acg-faka")
SIGNINGS = ("hmac-sha256", "md5", "rsa-sha256", "bearer", "none")

#: What the sandbox takes from its buyers: it is for practice, and everybody may know them.
KEY = "1001"
SECRET = "sandbox-secret"  # noqa: S105 - see above

_BALANCE_MINOR = 100_000_000


class Scenario(NamedTuple):
    """See above. `rsa_public_key` is the buyer's, PEM, for signing "rsa-sha256"."""

    name: str = "sandbox"
    dialect: str = "http"
    currency: str = "CNY"
    balance_minor: int = _BALANCE_MINOR
    wares: Sequence[Ware] = ()
    policy: Policy = Policy()
    signing: str = "hmac-sha256"
    rsa_public_key: str = ""
    seed: int = 0
    mischief: Sequence[Rule] = ()


def usual_wares(currency: str) -> Sequence[Ware]:
    """What a sandbox sells unless told otherwise: two kinds of codes without end, and a recharge."""
    return (
        Ware("GAME-10", "Game card 10", Money(900, currency)),
        Ware("GAME-50", "Game card 50", Money(4_400, currency), life_ms=365 * 86_400_000),
        Ware("TOPUP-10", "Top-up 10", Money(950, currency), is_recharge=True),
    )


def scenario_from(document: Mapping[str, Any]) -> Scenario:
    """A scenario as JSON has it. Raises ValueError in words.

    Fields: name, dialect, currency, balance_minor, signing, rsa_public_key, seed, idempotency, replay_for_ms,
    may_reverse; `products`: [{product, title, unit_cost_minor, stock, life_ms, is_recharge, prefix}];
    `mischief`: rules of mischief.py.
    """
    left = dict(document)
    currency = str(left.get("currency", "CNY"))
    products, mischief = left.pop("products", None), left.pop("mischief", ())
    policy = Policy(
        Idempotency(left.pop("idempotency", _usual_class(left))),
        int(left.pop("replay_for_ms", Policy().replay_for_ms)),
        bool(left.pop("may_reverse", True)),
    )
    unknown = set(left) - set(Scenario._fields)
    if unknown:
        raise ValueError(f"a scenario has no {', '.join(sorted(unknown))}")
    wares = usual_wares(currency) if products is None else [_ware_from(each, currency) for each in products]
    return checked(Scenario(**left)._replace(policy=policy, wares=wares, mischief=[rule_from(r) for r in mischief]))


def checked(scenario: Scenario) -> Scenario:
    """The scenario, or ValueError in words."""
    if scenario.dialect not in DIALECTS:
        raise ValueError(f"no dialect {scenario.dialect!r}; there are {', '.join(DIALECTS)}")
    if scenario.signing not in SIGNINGS:
        raise ValueError(f"no signing {scenario.signing!r}; there are {', '.join(SIGNINGS)}")
    if not is_currency(scenario.currency):
        raise ValueError(f"{scenario.currency!r} is no currency code: write it like CNY or USD")
    return scenario if scenario.wares else scenario._replace(wares=usual_wares(scenario.currency))


def _usual_class(document: Mapping[str, Any]) -> Idempotency:
    """What the real ones do: acg-faka refuses an id it has seen and says no more."""
    return Idempotency.REJECT_BLIND if document.get("dialect") == "acg-faka" else Idempotency.REPLAY


def _ware_from(document: Mapping[str, Any], currency: str) -> Ware:
    left = dict(document)
    try:
        product, cost = str(left.pop("product")), int(left.pop("unit_cost_minor"))
        return Ware(product, str(left.pop("title", product)), Money(cost, currency), **left)
    except (KeyError, TypeError) as error:
        raise ValueError(f"a product needs product and unit_cost_minor, and may have stock, …: {error}") from None
