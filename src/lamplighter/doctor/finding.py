"""What a check looks at, and what it finds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lamplighter.config import Settings
from lamplighter.definitions.catalogue import Catalogue
from lamplighter.store.health import Health
from lamplighter.store.server import ServerHealth

if TYPE_CHECKING:
    from sqlalchemy import Engine

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was looked at, in one word or two.
        level: ``fail`` means that something does not work.
        message: What is the case.
        advice: What to do about it.
    """

    check: str
    level: Level
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A workspace, as the checks see it.

    Attributes:
        settings: Its settings.
        catalogue: Its agent files.
        health: Its database's; ``None`` before there is one, or if it cannot be read.
        unreadable: Why it cannot be read; empty if it can.
        engine: Its database; ``None`` if it cannot be used as it is.
    """

    settings: Settings
    catalogue: Catalogue
    health: Health | ServerHealth | None = None
    unreadable: str = ""
    engine: "Engine | None" = None
