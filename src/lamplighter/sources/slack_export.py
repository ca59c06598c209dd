"""The export of a Slack workspace: a zip file of JSON files, a folder for each channel."""

import json
import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any

from lamplighter.errors import Unreadable
from lamplighter.source_config import SlackSource
from lamplighter.sources.connector import Finding, Item, Kept, State, Visit
from lamplighter.sources.slack import (
    Channel,
    Directory,
    Record,
    channel_title,
    describe,
    message_items,
)

LISTS = ("channels.json", "groups.json", "mpims.json", "dms.json")
DAY_LIMIT_BYTES = 100_000_000
"""What one file of the export may unpack to."""


def survey_export(visit: Visit[SlackSource]) -> Iterator[Finding]:
    """Every message of the export's channels that count; nothing if the file is the same."""
    path = visit.boundary.resolve(visit.config.path)
    try:
        about = path.stat()
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise Unreadable(f"source {visit.name}: {path}: {error}") from error
    stamp = f"{about.st_mtime_ns}-{about.st_size}"
    with archive:
        directory = Directory({each["id"]: each for each in _load(archive, "users.json")})
        channels = list(_channels(archive, visit.config, directory))
        yield from describe(visit.name, [channel for channel, _ in channels], directory)
        if visit.state.get("export") == stamp:
            yield Kept()
            return
        for channel, folder in channels:
            yield from _survey_channel(archive, visit.name, channel, folder, directory)
    yield State({"export": stamp})


def _channels(
    archive: zipfile.ZipFile, config: SlackSource, directory: Directory
) -> Iterator[tuple[Channel, str]]:
    wanted = {name.lstrip("#") for name in config.channels}
    for name in LISTS:
        for about in _load(archive, name):
            title = channel_title(about, directory)
            if name == "dms.json":
                title = " and ".join(directory.name(each) for each in about.get("members") or [])
            if not wanted or title.lstrip("#") in wanted:
                channel = Channel(str(about["id"]), title, about.get("members") or [])
                yield channel, str(about.get("name") or about["id"])


def _survey_channel(
    archive: zipfile.ZipFile, source: str, channel: Channel, folder: str, directory: Directory
) -> Iterator[Finding]:
    messages: list[Record] = []
    for name in archive.namelist():
        if posixpath.dirname(name) == folder and name.endswith(".json"):
            try:
                messages += _load(archive, name)
            except Unreadable as error:
                yield Item(name, problem=str(error))
    yield from message_items(source, channel, messages, directory)


def _load(archive: zipfile.ZipFile, name: str) -> list[Any]:
    """The list in one file; empty if it is not in the export.

    Raises:
        Unreadable: It holds something else, or unpacks to too much.
    """
    try:
        with archive.open(name) as file:
            data = file.read(DAY_LIMIT_BYTES + 1)
    except KeyError:
        return []
    except (zipfile.BadZipFile, RuntimeError, OSError, NotImplementedError) as error:
        raise Unreadable(f"{name} in the export: {error}") from error
    if len(data) > DAY_LIMIT_BYTES:
        raise Unreadable(f"{name} in the export unpacks to more than {DAY_LIMIT_BYTES:,} bytes")
    try:
        found = json.loads(data)
    except ValueError as error:
        raise Unreadable(f"{name} in the export is no JSON: {error}") from error
    if not isinstance(found, list):
        raise Unreadable(f"{name} in the export holds no list")
    return [each for each in found if isinstance(each, dict)]
