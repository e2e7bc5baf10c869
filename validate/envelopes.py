"""Signatures on lists of sums: Ed25519 keys in PEM files, envelopes in the form of DSSE."""

import json
import os
import sys
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from validate.errors import SuiteError, one_line

if TYPE_CHECKING:  # optional packages, imported when something is signed or checked
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner, SSlibKey

PASSPHRASE = "PARITYGATE_PASSPHRASE"
PAYLOAD_TYPE = "application/vnd.paritygate.sha256sums"
INSTALL = "signatures need more packages: pip install 'paritygate[sign]'"


def private_key(path: Path) -> "CryptoSigner":
    """The key to sign with; SuiteError where the file holds no Ed25519 private key that can be opened."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from securesystemslib.signer import CryptoSigner
    except ImportError as missing:
        raise SuiteError("--key", INSTALL) from missing
    content = _content(path)
    try:
        key = load_pem_private_key(content, None)
    except TypeError:  # how cryptography says that a key is encrypted
        try:
            key = load_pem_private_key(content, _passphrase(path))
        except ValueError as error:
            raise SuiteError(f"--key {path}", "cannot be opened with this passphrase") from error
    except ValueError as error:
        raise SuiteError(f"--key {path}", "must be an Ed25519 private key in PEM form") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SuiteError(f"--key {path}", "must be an Ed25519 private key", type(key).__name__)
    return CryptoSigner(key)


def public_key(path: Path) -> "SSlibKey":
    """The key to check with; SuiteError where the file holds no Ed25519 public key."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from securesystemslib.signer import SSlibKey
    except ImportError as missing:
        raise SuiteError("--key", INSTALL) from missing
    try:
        key = load_pem_public_key(_content(path))
    except ValueError as error:
        rule = "must be an Ed25519 public key in PEM form: openssl pkey -in PRIVATE.pem -pubout"
        raise SuiteError(f"--key {path}", rule) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SuiteError(f"--key {path}", "must be an Ed25519 public key", type(key).__name__)
    return SSlibKey.from_crypto(key)


def signed(payload: bytes, signer: "CryptoSigner") -> bytes:
    """The envelope's file: the payload with its signature."""
    from securesystemslib.dsse import Envelope

    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return _written(envelope)


def fault(content: bytes, payload: bytes, keys: Sequence["SSlibKey"]) -> str:
    """What is wrong with an envelope that should hold this payload, signed with each key; empty where nothing is."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    try:
        envelope = Envelope.from_dict(json.loads(content))
        whole = _written(envelope) == content
    except Exception as error:  # whatever the library raises on bytes that somebody changed
        return f"is no signed envelope: {one_line(error)}"
    if not whole:
        return "is not in the form that `sign` writes"
    if envelope.payload_type != PAYLOAD_TYPE:
        return "signs something else than a list of sums"
    if envelope.payload != payload:
        return "does not sign these files: they changed since; sign again"
    try:
        for key in keys:
            envelope.verify([key], 1)
    except VerificationError:
        return "is not signed with the key that was given, or was changed"
    return ""


def _written(envelope: "Envelope") -> bytes:
    return json.dumps(envelope.to_dict(), indent=1).encode() + b"\n"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SuiteError(f"--key {path}", f"cannot be read: {error.strerror or error}") from error


def _passphrase(path: Path) -> bytes:
    if (given := os.environ.get(PASSPHRASE)) is not None:
        return given.encode()
    if not sys.stdin.isatty():
        raise SuiteError(f"--key {path}", f"is encrypted: set the variable {PASSPHRASE}")
    return getpass(f"Passphrase of {path}: ").encode()
