"""How it shows that a document, or who may see it, has changed."""

import hashlib
from dataclasses import dataclass, fields
from typing import Self

from lamplighter.access import Access
from lamplighter.sources import extract
from lamplighter.sources.connector import Document


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of a document to see whether it changed.

    Attributes:
        stamp: The connector's, with the version of our readers; empty: read it again.
        digest: Of what it held.
        access: Of who may see it.
    """

    stamp: str = ""
    digest: str = ""
    access: str = ""

    @classmethod
    def read(cls, text: str) -> Self:
        """From how it is stored."""
        return cls(*f"{text}  ".split(" ")[:3])

    def __str__(self) -> str:
        return f"{self.stamp} {self.digest} {self.access}"


def digest_of_document(document: Document) -> str:
    """A hash of all that the index would be told, but for a date that is only its file's."""
    hashed = hashlib.sha256(b"%d " % extract.VERSION + (document.data or b""))
    told = [
        repr(getattr(document, each.name))
        for each in fields(document)
        if each.name not in ("data", "size_bytes")
        and (each.name != "dated_at" or not document.data)
    ]
    hashed.update("\n".join(told).encode("utf-8", "surrogatepass"))
    return hashed.hexdigest()[:32]


def digest_of_access(access: Access) -> str:
    """A hash of everybody whom it admits."""
    return hashlib.sha256("\n".join(sorted(access.principals)).encode()).hexdigest()[:16]
