"""The lines of a results file, and the digests that seal them.

A sealed line ends in its digest. That of the header covers the header; that of the line which closes a cell covers
the header's digest, the records of the cell and the closing line, byte by byte: a cell cannot be changed, nor moved
to a file of another header, without being found. Lines of parts from before there were digests have none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from harness.results.schema import AnyRecord, Record

#: What decoding raises: also for bytes that are no text, and for brackets within brackets within brackets.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)

CLOSING = b'{"kind":"cell"'

_SEAL_BYTES = 45
_SEAL = re.compile(rb',"digest":"([0-9a-f]{32})"}')
_ENCODER = msgspec.json.Encoder()


class Header(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="run"):
    """The first line of a part.

    Attributes:
        schema: version of the records.
        fingerprint: what two runs must share for the one to go on where the other stopped.
        provenance: see `provenance.collect`.
        digest: "" in parts that were written before there were digests.
    """

    schema: int
    fingerprint: str
    provenance: dict[str, Any]
    digest: str = ""


class AnyHeader(msgspec.Struct, tag_field="kind", tag="run"):
    """What is read of the header of any schema.

    Attributes:
        schema: version of the records.
        provenance: of the run.
    """

    schema: int
    provenance: dict[str, Any] = {}


class Closing(msgspec.Struct, tag_field="kind", tag="cell"):
    """The line that closes a cell.

    Attributes:
        key: of the cell.
        records: how many lines before it are the cell's.
        seconds: since the cell before it was closed.
        digest: as in `Header`.
    """

    key: str
    records: int
    seconds: float
    digest: str = ""


HEADER = msgspec.json.Decoder(Header)
ANY_HEADER = msgspec.json.Decoder(AnyHeader)
CLOSED = msgspec.json.Decoder(Closing)
RECORD = msgspec.json.Decoder(AnyRecord)


def _digest(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest().encode()


def seal_of(line: bytes) -> bytes:
    """Return the digest that stands at the end of a line, or b"" where there is none."""
    found = _SEAL.fullmatch(line[-_SEAL_BYTES:])
    return found[1] if found else b""


def is_sealed(line: bytes, before: bytes = b"") -> bool:
    """Return whether a line ends in the digest of itself and what it covers.

    Args:
        line: without the newline at its end.
        before: what else the digest covers.
    """
    seal = seal_of(line)
    return seal != b"" and seal == _digest(before, line[:-_SEAL_BYTES])


def _sealed(line: msgspec.Struct, before: bytes = b"") -> bytes:
    plain = _ENCODER.encode(line)
    bare = plain.removesuffix(b',"digest":""}')
    return bare + b',"digest":"' + _digest(before, bare) + b'"}'


def header(schema: int, fingerprint: str, provenance: dict[str, Any]) -> bytes:
    """Return the header of a part, sealed, without a newline."""
    return _sealed(Header(schema, fingerprint, provenance))


def cell(head: bytes, key: str, records: Sequence[Record], seconds: float) -> bytes:
    """Return the lines of a cell, the sealed closing line the last of them.

    Args:
        head: the header of the part, without a newline.
        key: of the cell.
        records: of the cell.
        seconds: since the cell before it was closed.
    """
    body = b"".join(_ENCODER.encode(record) + b"\n" for record in records)
    return body + _sealed(Closing(key, len(records), seconds), seal_of(head) + body) + b"\n"
