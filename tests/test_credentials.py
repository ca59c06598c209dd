import os
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from visits import visited

from lamplighter.errors import InvalidSettings, SignInFailed
from lamplighter.store.tables import credentials


def test_secrets_are_stored_encrypted_under_a_private_key(tmp_path: Path) -> None:
    source = visited(tmp_path, type="slack")
    source.keyring.put({"token": "hunter2"})
    assert source.keyring.get("token") == "hunter2"
    with source.engine.begin() as connection:
        assert "hunter2" not in str(connection.execute(sa.select(credentials)).all())
    assert b"hunter2" not in b"".join(
        file.read_bytes() for file in (tmp_path / ".lamplighter").rglob("*") if file.is_file()
    )
    assert stat.S_IMODE((tmp_path / ".lamplighter" / "key").stat().st_mode) == 0o600


def test_a_key_file_of_ones_own_serves_every_worker(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "lamp"
    one = visited(tmp_path, type="slack", settings={"key_file": key})
    one.keyring.put({"token": "a"})
    assert key.exists()
    assert visited(tmp_path, type="slack", settings={"key_file": key}).keyring.get("token") == "a"


def test_another_key_or_none_is_said_and_none_is_made_over_what_is_there(tmp_path: Path) -> None:
    visited(tmp_path, type="slack").keyring.put({"token": "a"})
    key = tmp_path / "other"
    other = visited(tmp_path, type="slack", settings={"key_file": key})
    with pytest.raises(InvalidSettings, match="cannot be read"):
        other.keyring.get("token")
    with pytest.raises(InvalidSettings, match="cannot be read"):
        other.keyring.put({"token": "b"})
    assert not key.exists()
    fresh = tmp_path / "elsewhere"
    fresh.mkdir()
    visited(fresh, type="slack", settings={"key_file": key}).keyring.put({"token": "x"})
    with pytest.raises(SignInFailed, match="encrypted with another key"):
        other.keyring.get("token")


def test_sealed_secrets_are_no_other_sources(tmp_path: Path) -> None:
    source = visited(tmp_path, type="slack")
    source.keyring.put({"token": "a"})
    with source.engine.begin() as connection:
        connection.execute(credentials.update().values(source="another"))
    stolen = type(source.keyring)(
        source.engine, source.settings.key_path, "another", source.settings.sources["it"]
    )
    assert stolen.get("token") is None


def test_what_the_settings_refer_to_wins_over_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = visited(tmp_path, type="slack", token="env:IT_TOKEN")
    source.keyring.put({"token": "stored"})
    with pytest.raises(SignInFailed, match="IT_TOKEN is not set"):
        source.keyring.get("token")
    monkeypatch.setenv("IT_TOKEN", "from the environment")
    assert source.keyring.get("token") == "from the environment"


def test_a_member_gets_nothing_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IT_TOKEN", "of the organisation")
    source = visited(tmp_path, type="slack", token="env:IT_TOKEN", owner="ann@x.org")
    with pytest.raises(SignInFailed, match="only be used by a source of an admin"):
        source.keyring.get("token")


def test_a_damaged_key_is_said(tmp_path: Path) -> None:
    source = visited(tmp_path, type="slack")
    source.keyring.put({"token": "a"})
    os.truncate(tmp_path / ".lamplighter" / "key", 5)
    with pytest.raises(InvalidSettings, match="no key"):
        source.keyring.get("token")
