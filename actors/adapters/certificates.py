"""The certificates that machines of one cluster know each other by: one authority, one certificate a machine.

Both sides of a connection show one (mutual TLS). A machine's names its address, which whoever connects compares; the
authority's key goes to every machine with the cluster file, so each makes its own at its start.
"""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: Both kinds: a cluster file is made anew long before, with the token in it.
_VALID_FOR_DAYS = 3_650

#: Clocks of machines may differ by so much.
_CLOCKS_DIFFER = timedelta(hours=1)


class Certificate(NamedTuple):
    """A certificate and its private key, as PEM."""

    certificate: str
    key: str


class Paths(NamedTuple):
    """Where a machine keeps its certificates."""

    authority: Path
    certificate: Path
    key: Path


def paths_in(folder: Path) -> Paths:
    """The files of a folder."""
    return Paths(folder / "authority.pem", folder / "machine.pem", folder / "machine-key.pem")


def make_authority(name: str) -> Certificate:
    """A new authority for one cluster."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    uses = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    built = _begun(subject, subject, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    built = built.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return _written(built.add_extension(uses, critical=True).sign(key, hashes.SHA256()), key)


def _make_certificate(authority: Certificate, *machine: str) -> Certificate:
    """A machine's certificate: its IP addresses and names, as others reach it."""
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    signs = serialization.load_pem_private_key(authority.key.encode(), None)
    assert isinstance(signs, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([*map(_alternative, machine), *map(_alternative, ("127.0.0.1", "localhost"))])
    built = _begun(_name(machine[0]), issuer.subject, key).add_extension(names, critical=False)
    for use in (
        x509.BasicConstraints(ca=False, path_length=None),
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signs.public_key()),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
    ):
        built = built.add_extension(use, critical=False)
    return _written(built.sign(signs, hashes.SHA256()), key)


def write_certificates(folder: Path, authority: Certificate, *machine: str) -> Paths:
    """Give a machine what it needs, anew at each start: an address may have changed, and a certificate ends."""
    paths = paths_in(folder)
    own = _make_certificate(authority, *machine)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, text in zip(paths, (authority.certificate, own.certificate, own.key), strict=True):
        path.touch(mode=0o600)
        path.write_text(text)
    return paths


def for_servers(folder: Path) -> ssl.SSLContext:
    """What a listening process shows and demands."""
    return _context(ssl.Purpose.CLIENT_AUTH, folder)


def for_callers(folder: Path) -> ssl.SSLContext:
    """What a connecting process shows and demands."""
    return _context(ssl.Purpose.SERVER_AUTH, folder)


def _context(purpose: ssl.Purpose, folder: Path) -> ssl.SSLContext:
    paths = paths_in(folder)
    context = ssl.create_default_context(purpose, cafile=str(paths.authority))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(str(paths.certificate), str(paths.key))
    return context


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + timedelta(days=_VALID_FOR_DAYS))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _written(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Certificate:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificate(certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode())
