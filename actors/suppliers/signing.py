r"""How a request is signed, by options. The canonical text is a template, and so is each header and field it adds.

| option | meaning | usual |
|---|---|---|
| `sign` | `none`, `bearer`, `hmac-sha256`, `md5`, `rsa-sha256` | `none` |
| `sign.text` | the canonical text | see below |
| `sign.headers` | JSON: header → template | see below |
| `sign.fields` | JSON: field → template, added before signing to the body, or to the query where there is none | none |
| `sign.field` | the field that takes the signature | md5: `sign` |
| `sign.encoding` | `hex` or `base64` | rsa-sha256: `base64`, else `hex` |
| `sign.timestamp` | `s` or `ms` | `s` |

Templates know `{key}`, `{timestamp}`, `{nonce}` (32 hex digits, new each time), `{signature}` (in headers), and in the
text also `{method}`, `{path}` (without host and query), `{query}` (as sent), `{body}`, `{body_md5}`, `{body_sha256}`
(hex), `{sorted}` (the request's top fields as `a=1&b=2` by name, empty ones and the signature left out) and, for md5,
`{secret}`.

- hmac-sha256: HMAC under the credential `secret`; text `{method}\n{path}\n{timestamp}\n{nonce}\n{body_sha256}`.
- rsa-sha256: RSASSA-PKCS1-v1_5 under the credential `private_key` (PEM); the same text.
- both put `X-Key`, `X-Timestamp`, `X-Nonce`, `X-Signature` into headers unless told otherwise.
- md5: of `{sorted}&key={secret}`, into the field `sign`. Weak, and what many card shops ask for.
- bearer: the credential `token` in `Authorization`.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_PLACE = re.compile(r"\{(\w+)\}")
_TEXT = "{method}\n{path}\n{timestamp}\n{nonce}\n{body_sha256}"
_HEADERS = {"X-Key": "{key}", "X-Timestamp": "{timestamp}", "X-Nonce": "{nonce}", "X-Signature": "{signature}"}
_SCHEMES = ("none", "bearer", "hmac-sha256", "md5", "rsa-sha256")
_CREDENTIALS = {"bearer": "token", "hmac-sha256": "secret", "md5": "secret", "rsa-sha256": "private_key"}
_OPTIONS = frozenset(
    {"sign", "sign.text", "sign.headers", "sign.fields", "sign.field", "sign.encoding", "sign.timestamp"}
)
_KNOWN = frozenset(
    {"key", "timestamp", "nonce", "signature", "secret", "method", "path", "query", "sorted"}
    | {"body", "body_md5", "body_sha256"}
)


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with each `{name}` replaced once. Raises ValueError for a name that is not there."""

    def value(place: re.Match[str]) -> str:
        if place[1] not in values:
            raise ValueError(f"nothing is known as {{{place[1]}}}")
        return values[place[1]]

    return _PLACE.sub(value, template)


class Sheet(NamedTuple):
    """What is signed. `fields` are the request's top fields as text."""

    method: str
    path: str
    query: str
    body: bytes
    fields: Mapping[str, str]


class Stamp(NamedTuple):
    """When a request is made, and its nonce: the same in its fields, its text and its headers."""

    values: Mapping[str, str]


class Signer:
    """See above. Raises ValueError in words when an option or a credential is missing or unknown."""

    def __init__(
        self,
        options: Mapping[str, str],
        credentials: Mapping[str, str],
        now_ms: Callable[[], int],
        nonce: Callable[[], str],
    ) -> None:
        self.scheme = options.get("sign", "none")
        if self.scheme not in _SCHEMES:
            raise ValueError(f"no signing {self.scheme!r}; there are {', '.join(_SCHEMES)}")
        unknown = sorted(name for name in options if name.startswith("sign") and name not in _OPTIONS)
        if unknown:
            raise ValueError(f"no option {', '.join(unknown)}; there are {', '.join(sorted(_OPTIONS))}")
        needed = _CREDENTIALS.get(self.scheme, "")
        if needed and not credentials.get(needed):
            raise ValueError(f"signing {self.scheme} needs the credential {needed!r}")
        is_signed = self.scheme in {"hmac-sha256", "rsa-sha256"}
        is_md5 = self.scheme == "md5"
        self.field = options.get("sign.field", "sign" if is_md5 else "")
        self._text = options.get("sign.text", "{sorted}&key={secret}" if is_md5 else _TEXT)
        self._headers = _templates(options, "sign.headers", _HEADERS if is_signed else {})
        self._fields = _templates(options, "sign.fields", {})
        self._encoding = options.get("sign.encoding", "base64" if self.scheme == "rsa-sha256" else "hex")
        self._in_ms = options.get("sign.timestamp", "s") == "ms"
        self._secret = credentials.get(needed, "")
        self._key = credentials.get("key", "")
        self._rsa = _rsa_key(self._secret) if self.scheme == "rsa-sha256" else None
        self._now_ms, self._nonce = now_ms, nonce
        for template in (self._text, *self._headers.values(), *self._fields.values()):
            fill(template, dict.fromkeys(_KNOWN, ""))

    def stamp(self) -> Stamp:
        """For one request."""
        now_ms = self._now_ms()
        return Stamp(
            {
                "key": self._key,
                "timestamp": str(now_ms if self._in_ms else now_ms // 1_000),
                "nonce": self._nonce(),
            }
        )

    def fields(self, stamp: Stamp) -> Mapping[str, str]:
        """What is added to the request before it is signed."""
        return {name: fill(template, stamp.values) for name, template in self._fields.items()}

    def signature(self, sheet: Sheet, stamp: Stamp) -> str:
        """The signature, encoded; empty without one."""
        if self.scheme in {"none", "bearer"}:
            return ""
        text = fill(self._text, {**stamp.values, **self._parts(sheet)}).encode()
        match self.scheme:
            case "hmac-sha256":
                mark = hmac.new(self._secret.encode(), text, hashlib.sha256).digest()
            case "md5":
                mark = hashlib.md5(text).digest()  # noqa: S324 - what many card shops ask for
            case _:
                assert self._rsa is not None
                mark = self._rsa.sign(text, padding.PKCS1v15(), hashes.SHA256())
        return mark.hex() if self._encoding == "hex" else base64.b64encode(mark).decode()

    def headers(self, stamp: Stamp, signature: str) -> Mapping[str, str]:
        """What is added beside the body."""
        values = {**stamp.values, "signature": signature}
        headers = {name: fill(template, values) for name, template in self._headers.items()}
        return {**headers, "Authorization": f"Bearer {self._secret}"} if self.scheme == "bearer" else headers

    def _parts(self, sheet: Sheet) -> Mapping[str, str]:
        fields = sheet.fields
        named = [f"{name}={fields[name]}" for name in sorted(fields) if fields[name] and name != self.field]
        return {
            "method": sheet.method,
            "path": sheet.path,
            "query": sheet.query,
            "body": sheet.body.decode(),
            "body_md5": hashlib.md5(sheet.body).hexdigest(),  # noqa: S324 - a checksum here
            "body_sha256": hashlib.sha256(sheet.body).hexdigest(),
            "sorted": "&".join(named),
            "secret": self._secret if self.scheme == "md5" else "",
        }


def _templates(options: Mapping[str, str], name: str, usual: Mapping[str, str]) -> Mapping[str, str]:
    if name not in options:
        return usual
    try:
        templates = json.loads(options[name])
    except ValueError:
        raise ValueError(f"the option {name} is no JSON") from None
    if not isinstance(templates, dict) or not all(isinstance(each, str) for each in templates.values()):
        raise ValueError(f"the option {name} is no JSON object of texts")
    return templates


def _rsa_key(pem: str) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise ValueError("the credential 'private_key' is no PEM of a private key") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the credential 'private_key' is no RSA key")  # noqa: TRY004 - a wrong setting, as above
    return key
