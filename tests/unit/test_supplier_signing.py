"""Signatures, against values from elsewhere: RFC 4231, and openssl's command line."""

import base64
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from actors.suppliers.acg_faka import request_no, signature
from actors.suppliers.signing import Sheet, Signer, fill
from engine.supply.attempts import AttemptId

SHEET = Sheet("POST", "/orders", "", b'{"id":"1"}', {"id": "1"})

#: printf 'POST\n/orders\n1700000000\nabc\n<sha256 of the body>' | openssl dgst -sha256 -hmac topsecret
HMAC_HEX = "45211bc6e159a2119fade2d80dd6d12d3620339559786f0b6a3af05778886d59"


def signer(options: Mapping[str, str], **credentials: str) -> Signer:
    """One whose clock stands still and whose nonce is known."""
    return Signer(options, credentials, lambda: 1_700_000_000_999, lambda: "abc")


def test_hmac_is_that_of_rfc_4231() -> None:
    """Test case 2: key "Jefe"."""
    made = signer({"sign": "hmac-sha256", "sign.text": "what do ya want for nothing?"}, secret="Jefe")
    assert made.signature(SHEET, made.stamp()) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_the_usual_text_is_method_path_seconds_nonce_and_the_bodys_digest() -> None:
    """A line each; the headers carry what the text is made of."""
    made = signer({"sign": "hmac-sha256"}, key="k-1", secret="topsecret")
    stamp = made.stamp()
    mark = made.signature(SHEET, stamp)
    assert mark == HMAC_HEX
    assert made.headers(stamp, mark) == {
        "X-Key": "k-1",
        "X-Timestamp": "1700000000",
        "X-Nonce": "abc",
        "X-Signature": HMAC_HEX,
    }


def test_a_signature_may_be_base64_and_a_timestamp_milliseconds() -> None:
    """The same bits in other letters."""
    made = signer({"sign": "hmac-sha256", "sign.encoding": "base64"}, secret="topsecret")
    assert base64.b64decode(made.signature(SHEET, made.stamp())).hex() == HMAC_HEX
    assert signer({"sign.timestamp": "ms"}).stamp().values["timestamp"] == "1700000000999"


def test_md5_is_of_the_sorted_fields_and_the_key() -> None:
    """Empty fields and the signature itself left out: printf 'a=1&b=2&key=topsecret' | openssl dgst -md5."""
    made = signer({"sign": "md5"}, secret="topsecret")
    sheet = SHEET._replace(fields={"b": "2", "sign": "old", "c": "", "a": "1"})
    assert made.signature(sheet, made.stamp()) == "def5fdd73ef95f89ebe39df4c2d7a4ce"
    assert made.field == "sign"


def test_fields_are_added_before_signing() -> None:
    """So that time and nonce are signed, too."""
    made = signer({"sign": "md5", "sign.fields": '{"app_id": "{key}", "ts": "{timestamp}"}'}, key="7", secret="s")
    assert made.fields(made.stamp()) == {"app_id": "7", "ts": "1700000000"}


def test_rsa_is_verified_by_the_public_key_and_by_no_other_text() -> None:
    """RSASSA-PKCS1-v1_5 with SHA-256."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    made = signer({"sign": "rsa-sha256", "sign.text": "{method} {path} {query} {body} {body_md5}"}, private_key=pem)
    mark = base64.b64decode(made.signature(SHEET._replace(query="a=1"), made.stamp()))
    # printf '{"id":"1"}' | openssl dgst -md5
    text = b'POST /orders a=1 {"id":"1"} e405fac593027bc534cf08cd4d2a5647'
    key.public_key().verify(mark, text, padding.PKCS1v15(), hashes.SHA256())


def test_a_bearer_shows_its_token_and_signs_nothing() -> None:
    """One header."""
    made = signer({"sign": "bearer"}, token="t-1")
    assert made.signature(SHEET, made.stamp()) == ""
    assert made.headers(made.stamp(), "") == {"Authorization": "Bearer t-1"}


@pytest.mark.parametrize(
    ("options", "credentials", "says"),
    [
        ({"sign": "rot13"}, {}, "no signing 'rot13'"),
        ({"sign": "hmac-sha256"}, {"key": "k"}, "credential 'secret'"),
        ({"sign": "hmac-sha256", "sign.text": "{password}"}, {"secret": "s"}, "{password}"),
        ({"sign": "hmac-sha256", "sign.salt": "x"}, {"secret": "s"}, "sign.salt"),
        ({"sign.headers": "["}, {}, "sign.headers is no JSON"),
        ({"sign.headers": '{"A": 1}'}, {}, "object of texts"),
        ({"sign": "rsa-sha256"}, {"private_key": "TOP-SECRET"}, "no PEM"),
    ],
)
def test_what_cannot_sign_is_said_without_a_secret(
    options: dict[str, str], credentials: dict[str, str], says: str
) -> None:
    """When the line is made."""
    with pytest.raises(ValueError, match=r".") as told:
        signer(options, **credentials)
    assert says in str(told.value)
    assert "TOP-SECRET" not in str(told.value)


def test_a_template_is_filled_once() -> None:
    """A value that looks like a place stays what it is."""
    assert fill("{a}-{b}", {"a": "{b}", "b": "2"}) == "{b}-2"


def test_acg_faka_signs_a_form_by_md5() -> None:
    """As of printf 'app_id=1001&card_id=0&code=GAME-10&num=2&key=topsecret' | openssl dgst -md5."""
    form = {"num": "2", "code": "GAME-10", "race": "", "app_id": "1001", "card_id": "0", "sign": "x"}
    assert signature(form, "topsecret") == "3a8c3cd8dbc5a7a5877651db14c3bab4"


def test_acg_faka_has_nineteen_characters_for_our_id() -> None:
    """As of printf 'A-1' | openssl dgst -sha256 -binary | base32, its first 19 in small letters."""
    assert request_no(AttemptId("A-1")) == "xrhhx2mcvn46yt5whcf"
