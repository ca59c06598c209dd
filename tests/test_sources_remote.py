import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from servers import PASSWORD, s3_server, sftp_server, webdav_server
from visits import Visited, visited

BUCKET = "docs"
KEYS = {"key": "test", "secret": "test"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str) -> Iterator[Any]:
    resource = boto3.resource(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    made = resource.create_bucket(Bucket=BUCKET)
    yield made
    made.objects.all().delete()
    made.delete()


def fill(folder: Path) -> None:
    """What a server holds: two documents, and what is nobody's."""
    (folder / "team" / "deep").mkdir(parents=True)
    (folder / "team" / "a.md").write_text("# Tea\nGreen.")
    (folder / "team" / "deep" / "b ü.txt").write_text("Milk")
    (folder / "team" / ".env").write_text("SECRET=1")
    (folder / "team" / "server.pem").write_text("key")
    (folder / "other.txt").write_text("not ours")


@pytest.mark.parametrize("serve", [sftp_server, webdav_server])
def test_a_folder_of_a_server_is_read_like_one_here(tmp_path: Path, serve: Any) -> None:
    far = tmp_path / "far"
    fill(far)
    with serve(far) as address:
        protocol = "sftp" if serve is sftp_server else "webdav"
        host, _, port = address.partition(":")
        url = f"sftp://{host}/team" if protocol == "sftp" else f"webdav://{address}/team"
        options = {"port": int(port)} if protocol == "sftp" else {}
        source = visited(tmp_path, type="files", path=url, options=options)
        source.keyring.put({"username": "ann", "password": PASSWORD})
        assert source.counts() == (2, 0, 0, 0)
        assert {each.path: each.title for each in source.documents()} == {
            "a.md": "Tea",
            "deep/b ü.txt": "b ü",
        }
        assert list(source.skipped()) == ["server.pem"]
        (far / "team" / "a.md").write_text("# Tea\nBlack, and strong.")
        (far / "team" / "deep" / "b ü.txt").unlink()
        assert source.counts() == (0, 1, 1, 0)
        assert source.counts() == (0, 0, 0, 1)
        member = visited(tmp_path, **{**source.config, "owner": "ann@x.org"})
        assert "127.0.0.1" in member.error()
    assert source.error()
    assert len(source.documents()) == 1


def s3_source(tmp_path: Path, endpoint: str, **config: Any) -> Visited:
    options = {"endpoint_url": endpoint}
    source = visited(tmp_path, type="files", path=f"s3://{BUCKET}/team", options=options, **config)
    source.keyring.put(KEYS)
    return source


def test_a_bucket_is_read_like_a_folder(tmp_path: Path, endpoint: str, bucket: Any) -> None:
    bucket.put_object(Key="team/a.md", Body=b"# Tea\nGreen.")
    bucket.put_object(Key="team/deep/b.txt", Body=b"Milk")
    bucket.put_object(Key="other/c.txt", Body=b"not ours")
    bucket.put_object(Key="team/.env", Body=b"SECRET=1")
    bucket.put_object(Key="team/server.pem", Body=b"key")
    source = s3_source(tmp_path, endpoint)
    assert source.counts() == (2, 0, 0, 0)
    assert {each.path: each.title for each in source.documents()} == {
        "a.md": "Tea",
        "deep/b.txt": "b",
    }
    assert "never read" in source.skipped()["server.pem"]


def test_changes_in_a_bucket_are_seen(tmp_path: Path, endpoint: str, bucket: Any) -> None:
    bucket.put_object(Key="team/a.md", Body=b"one")
    bucket.put_object(Key="team/b.md", Body=b"two")
    source = s3_source(tmp_path, endpoint)
    source.sync()
    bucket.put_object(Key="team/a.md", Body=b"eno")
    bucket.Object("team/b.md").delete()
    assert source.counts() == (0, 1, 1, 0)


def test_wrong_keys_are_said(tmp_path: Path, endpoint: str, bucket: Any) -> None:
    source = s3_source(tmp_path, endpoint)
    source.configure(path="s3://nowhere/x")
    assert "source it: " in source.error()


def test_a_members_bucket_must_not_be_on_a_private_address(
    tmp_path: Path, endpoint: str, bucket: Any
) -> None:
    bucket.put_object(Key="team/a.md", Body=b"one")
    source = s3_source(tmp_path, endpoint, owner="ann@x.org")
    assert "127.0.0.1" in source.error() or "connect" in source.error()
    assert source.documents() == []
    allowed = visited(tmp_path, **source.config, settings={"internal_networks": ["127.0.0.1/32"]})
    assert allowed.counts() == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"path": "notes"}, "local path"),
        ({"path": "file:///etc"}, "local path"),
        ({"path": "/etc"}, "local path"),
        ({"path": "zip://::/tmp/a.zip"}, "local path"),
        ({"path": "zip://::file:///tmp/a.zip"}, "local path"),
        ({"path": "git://repo"}, "git://"),
        ({"path": "simplecache::http://9.9.9.9/a"}, "simplecache"),
        ({"path": "http://9.9.9.9/a", "options": {"ssl": "/etc/passwd"}}, "option ssl"),
        ({"path": "s3://bucket/a"}, "give key and secret"),
        ({"path": "sftp://9.9.9.9/a", "options": {"key_filename": "/root/x"}}, "key_filename"),
        ({"path": "http://9.9.9.9/a", "options": {"key": "env:HOME"}}, "env:HOME"),
    ],
)
def test_what_a_member_may_not_use(tmp_path: Path, config: dict[str, Any], reason: str) -> None:
    assert reason in visited(tmp_path, type="files", owner="ann@x.org", **config).error()


def archive(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name.replace("__", "/") + ".txt", data)
    return stream.getvalue()


def test_a_zip_file_of_documents(tmp_path: Path) -> None:
    (tmp_path / "docs.zip").write_bytes(archive(a=b"tea", deep__b=b"milk"))
    source = visited(tmp_path, type="files", path="docs.zip")
    assert source.counts() == (2, 0, 0, 0)
    assert [(each.path, each.text) for each in source.documents()] == [
        ("a.txt", "tea"),
        ("deep/b.txt", "milk"),
    ]
    (tmp_path / "docs.zip").write_bytes(archive(a=b"tea", deep__b=b"cream"))
    assert source.counts() == (0, 1, 0, 1)


def test_a_zip_bomb_costs_one_document(tmp_path: Path) -> None:
    (tmp_path / "docs.zip").write_bytes(archive(a=b"tea", bomb=b"\0" * 25_000_000))
    source = visited(tmp_path, type="files", path="docs.zip")
    assert source.counts() == (1, 0, 0, 0)
    assert "25,000,000 bytes, over the limit" in source.skipped()["bomb.txt"]


def test_a_broken_zip_is_said_and_keeps_what_was_read(tmp_path: Path) -> None:
    (tmp_path / "docs.zip").write_bytes(archive(a=b"tea"))
    source = visited(tmp_path, type="files", path="docs.zip")
    source.sync()
    (tmp_path / "docs.zip").write_bytes(archive(a=b"tea")[:-30])
    assert "zip" in source.error().lower()
    assert len(source.documents()) == 1


@pytest.mark.parametrize("path", [".lamplighter", ".env", "link.zip", "lamp"])
def test_secrets_are_no_source(tmp_path: Path, path: str) -> None:
    (tmp_path / ".env").write_text("SECRET=1")
    (tmp_path / "lamp").write_text("key")
    os.symlink(tmp_path / ".env", tmp_path / "link.zip")
    source = visited(tmp_path, type="files", path=path, settings={"key_file": "lamp"})
    assert "holds" in source.error()


def test_the_key_and_links_to_secrets_within_a_folder_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "lamp.txt").write_text("key")
    (tmp_path / ".env").write_text("SECRET=1")
    os.link(tmp_path / ".env", tmp_path / "notes" / "harmless.txt")
    source = visited(tmp_path, type="files", path="notes", settings={"key_file": "notes/lamp.txt"})
    assert source.counts() == (0, 0, 0, 0)
    assert set(source.skipped()) == {"lamp.txt", "harmless.txt"}


def test_rules_for_folders_say_who_may_see_what(tmp_path: Path) -> None:
    for name in ("all.md", "hr/pay.md", "hr/open/menu.md"):
        (tmp_path / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / name).write_text(name)
    rules: dict[str, Any] = {"hr": {"users": ["ann@x.org"]}, "hr/open": {"groups": ["x.org"]}}
    access = {"groups": ["x.org"]}
    source = visited(tmp_path, type="files", path="docs", access=access, folders=rules)
    source.sync()

    def seen(address: str) -> list[str]:
        return [each.path for each in source.documents(address)]

    assert seen("ann@x.org") == ["all.md", "hr/open/menu.md", "hr/pay.md"]
    assert seen("bo@x.org") == ["all.md", "hr/open/menu.md"]
    assert seen("cy@y.org") == []
    source.configure(folders={"hr": {"users": ["bo@x.org"]}})
    assert source.counts() == (0, 0, 0, 3)
    assert seen("ann@x.org") == ["all.md"]
    assert len(source.documents()) == 3


def test_a_secret_in_a_url_is_refused_without_repeating_it(tmp_path: Path) -> None:
    source = visited(tmp_path, type="files", path="sftp://ann:hunter2@x.org/docs")
    with pytest.raises(ValueError, match="does not belong into this file"):
        _ = source.settings


def test_an_unknown_protocol_is_said(tmp_path: Path) -> None:
    source = visited(tmp_path, type="files", path="gopher://x.org/")
    assert "gopher" in source.error()
