"""The local issuer of tokens: its name, its audience and its key."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

ISSUER = "https://local.banyan/"
AUDIENCE = "banyan-local"
KEY_FILE = "jwt-key.pem"


def local_key(data: Path) -> RSAPrivateKey:
    """Return the key that signs local tokens; it is made once and kept for this user alone.

    Parameters
    ----------
    data : Path
        The stack's data folder.
    """
    file = data / KEY_FILE
    if not file.exists():
        make_key(file)
    key = load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


def key_id(key: RSAPublicKey) -> str:
    """Return the ``kid`` of a key."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()[:16]


def make_key(file: Path) -> None:
    """Make a key; where two make one at once, the first stays."""
    pem = generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "wb") as out:
        out.write(pem)
    with suppress(FileExistsError):
        os.link(draft, file)
    Path(draft).unlink()
