"""Signatures on lists of sums: Ed25519 keys in PEM files, envelopes in the form of DSSE."""

import base64
import json
import os
import sys
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validate.errors import SuiteError, one_line

if TYPE_CHECKING:  # optional packages, imported when something is signed or checked
    from securesystemslib.signer import CryptoSigner, SSlibKey

PASSPHRASE = "PARITYGATE_PASSPHRASE"
PAYLOAD_TYPE = "application/vnd.paritygate.sha256sums"
NO_ENVELOPE = "is no signed envelope"
LAPSED = "has lapsed: the sums changed since it was signed; sign again"
INSTALL = "signatures need more packages: pip install 'paritygate[sign]'"


def private_key(path: Path) -> "CryptoSigner":
    """The key to sign with; SuiteError where the file holds no Ed25519 private key that can be opened."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
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
        except (ValueError, TypeError) as error:  # TypeError: an empty one
            raise SuiteError(f"--key {path}", "cannot be opened with this passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        rule = "must be an Ed25519 private key in PEM form"
        found = "a public key" if b"PUBLIC KEY" in content else None
        raise SuiteError(f"--key {path}", rule, found) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SuiteError(f"--key {path}", "must be an Ed25519 private key", type(key).__name__)
    return CryptoSigner(key)


def public_key(path: Path) -> "SSlibKey":
    """The key to check with; SuiteError where the file holds no Ed25519 public key."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from securesystemslib.signer import SSlibKey
    except ImportError as missing:
        raise SuiteError("--key", INSTALL) from missing
    content = _content(path)
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        rule = "must be an Ed25519 public key in PEM form: openssl pkey -in PRIVATE.pem -pubout"
        raise SuiteError(f"--key {path}", rule, "a private key" if b"PRIVATE KEY" in content else None) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SuiteError(f"--key {path}", "must be an Ed25519 public key", type(key).__name__)
    return SSlibKey.from_crypto(key)


def public_keys(paths: Sequence[Path]) -> "dict[str, tuple[Path, SSlibKey]]":
    """The keys to check with, by their ids; SuiteError also for one that is given twice: it is one signer."""
    known: dict[str, tuple[Path, SSlibKey]] = {}
    for path in paths:
        key = public_key(path)
        if key.keyid in known:
            raise SuiteError(f"--key {path}", "must be the key of another signer", f"that of {known[key.keyid][0]}")
        known[key.keyid] = (path, key)
    return known


def signed(payload: bytes, signer: "CryptoSigner", earlier: bytes | None = None) -> bytes:
    """The envelope's file: the payload with its signature, beside those that an earlier envelope of it has."""
    from securesystemslib.dsse import Envelope

    if earlier is not None and not fault(earlier, payload):
        envelope = Envelope.from_dict(json.loads(earlier))
    else:
        envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return (json.dumps(envelope.to_dict(), indent=1) + "\n").encode()


def fault(content: bytes, payload: bytes) -> str:
    """What keeps a file from being an envelope of this payload, as far as that shows without a key; empty if nothing.

    Needs none of the packages that signing does.
    """
    if reason := _malformed(content):
        return f"{NO_ENVELOPE}: {reason}"
    return "" if _opened(content)["payload"] == _text(payload) else LAPSED


def keyids(content: bytes) -> tuple[str, ...]:
    """The ids of the keys that an envelope says it is signed with; only a key can tell whether it is."""
    return tuple(signature["keyid"] for signature in _opened(content)["signatures"])


def signed_with(content: bytes, key: "SSlibKey") -> bool:
    """Whether an envelope without a fault has this key's signature."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    try:
        Envelope.from_dict(json.loads(content)).verify([key], 1)
    except VerificationError:
        return False
    return True


def _malformed(content: bytes) -> str:
    """Why these are not the bytes of an envelope that `sign` wrote; empty where they are."""
    try:
        document = _opened(content)
        encoded = [document["payload"], *(signature["sig"] for signature in document["signatures"])]
        whole = all(_text(base64.b64decode(text, validate=True)) == text for text in encoded)
        named = [signature["keyid"] for signature in document["signatures"]]
        parts = [sorted(document), *(sorted(signature) for signature in document["signatures"])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return one_line(error)
    if not all(isinstance(name, str) for name in named) or len(set(named)) < len(named):
        return "each signature needs a key of its own"
    if not whole or parts != [["payload", "payloadType", "signatures"], *[["keyid", "sig"]] * (len(parts) - 1)]:
        return "not in the form that `sign` writes"
    if document["payloadType"] != PAYLOAD_TYPE:
        return "it signs something else than a list of sums"
    if json.dumps(document, indent=1).encode() + b"\n" != content:
        return "not in the form that `sign` writes"
    return "" if len(parts) > 1 else "nobody has signed it"


def _opened(content: bytes) -> Any:  # noqa: ANN401 - JSON is of any type
    return json.loads(content)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


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
