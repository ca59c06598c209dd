"""The doctor finds what is wrong, says what to do, and changes nothing."""

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from processes import lamplighter, serving, wait_until, working

from lamplighter import clock
from lamplighter.doctor.examine import examine
from lamplighter.doctor.finding import Finding
from lamplighter.engine.holder import locked
from lamplighter.engine.manual import pause
from lamplighter.errors import Unreadable
from lamplighter.store.agents import save_agents
from lamplighter.store.database import FILE, SCHEMA_VERSION
from lamplighter.store.health import examine_file
from lamplighter.store.schedules import set_next_due
from lamplighter.testing import HeldClock, Workspace, call, temporary_workspace, turn
from lamplighter.workspace import read_catalogue, unknown_keys

AGENT = "---\nsources: [notes]\nschedule: every 1 hour\nmodel: scripted:ok.yaml\n---\nGo."
OK = json.dumps({"turns": [turn(call("report", summary="Well."))]})
TOML = 'timezone = "UTC"\nagents_enabled = true\n[sources.notes]\npath = "notes"\n'


@pytest.fixture
def sound() -> Iterator[Workspace]:
    files = {
        "agents/a.md": AGENT,
        "ok.yaml": OK,
        "notes/hello.md": "Hello.",
        "lamplighter.toml": TOML,
    }
    notes = {"notes": {"path": "notes"}}
    with temporary_workspace(files, sources=notes, agents_enabled=True) as made:
        made.sync()
        with made.engine.begin() as connection:
            save_agents(connection, read_catalogue(made.settings), "UTC", clock.now())
        yield made


def found(workspace: Workspace, check: str) -> Finding:
    [finding] = [each for each in examine(workspace.path) if each.check == check]
    return finding


def level(workspace: Workspace, check: str) -> str:
    return found(workspace, check).level


def test_a_sound_workspace_that_is_served_has_no_findings(sound: Workspace) -> None:
    with serving(sound) as server:
        findings = examine(sound.path)
        assert str(server.process.pid) in found(sound, "server").message
    assert {each.check: each.message for each in findings if each.level != "ok"} == {}


def test_the_command_tells_the_findings_and_exits_by_them(sound: Workspace) -> None:
    done = lamplighter(sound, "doctor", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["healthy"]) == (0, True)
    [server] = [each for each in told["findings"] if each["check"] == "server"]
    assert (server["level"], server["advice"]) == ("warn", "lamplighter serve")
    sound.write("agents/b.md", "---\nschedule: [\n---\nGo.")
    done = lamplighter(sound, "doctor")
    assert done.returncode == 1
    assert "1 of 2 cannot run: b" in done.stdout
    assert "→ lamplighter agent validate" in done.stdout


def test_a_folder_before_its_first_use_is_looked_at_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "lamplighter.toml").write_text('model = "scripted:ok.yaml"\n')
    (tmp_path / "ok.yaml").write_text(OK)
    before = sorted(tmp_path.rglob("*"))
    assert "fail" not in {each.level for each in examine(tmp_path)}
    assert sorted(tmp_path.rglob("*")) == before


def test_settings_that_cannot_be_read_are_the_one_finding(tmp_path: Path) -> None:
    (tmp_path / "lamplighter.toml").write_text("port = 'x'\n")
    [finding] = examine(tmp_path)
    assert finding.level == "fail"
    assert "lamplighter.toml:1 [port]" in finding.message


def test_misspelt_settings_are_told_with_a_guess(sound: Workspace) -> None:
    assert level(sound, "settings") == "ok"
    sound.write("lamplighter.toml", 'modle = "local"\n[soruces.x]\npath = "x"\n')
    sound.write(".env", "# keys\nexport AGENT_MAX_ITERATION=3\nOTHER=1\nOPENAI_API_KEY=none\n")
    told = [str(problem) for problem in unknown_keys(sound.path)]
    assert told == [
        "lamplighter.toml:1 [modle]: warning: 'modle' is no setting (did you mean model?)",
        "lamplighter.toml:2 [soruces]: warning: 'soruces' is no setting (did you mean sources?)",
        ".env:2 [AGENT_MAX_ITERATION]: warning: 'AGENT_MAX_ITERATION' is no setting "
        "(did you mean AGENT_MAX_ITERATIONS?)",
    ]
    assert level(sound, "settings") == "warn"


def test_a_readable_file_of_secrets_is_told(sound: Workspace) -> None:
    env = sound.write(".env", "A=1\n")
    env.chmod(0o600)
    assert level(sound, "secrets") == "ok"
    env.chmod(0o640)
    assert found(sound, "secrets").advice == f"chmod 600 {env}"


def test_models_that_cannot_serve_are_told(sound: Workspace) -> None:
    assert level(sound, "models") == "ok"
    sound.write("agents/b.md", "---\nmodel: openai:gpt-5.6-terra\n---\nGo.")
    finding = found(sound, "models")
    assert finding.level == "fail"
    assert "OPENAI_API_KEY" in finding.message


@pytest.mark.parametrize(
    ("version", "expected"), [("0000", "warn"), (SCHEMA_VERSION, "ok"), ("9999", "fail")]
)
def test_the_schema_has_to_be_this_programs(sound: Workspace, version: str, expected: str) -> None:
    with sound.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    assert level(sound, "database") == expected


def test_a_file_that_is_no_database_is_told(sound: Workspace) -> None:
    sound.engine.dispose()
    file = sound.settings.state_dir / FILE
    file.write_bytes(b"not a database, but long enough to be read as the header of one" * 100)
    assert "restore" in found(sound, "database").advice
    with pytest.raises(Unreadable):
        examine_file(file)


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / FILE
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE t (a)")
        database.executemany("INSERT INTO t VALUES (?)", [("x" * 2000,)] * 100)
    database.close()
    assert examine_file(file).problem == ""
    with file.open("r+b") as stream:
        stream.seek(3 * 4096)
        stream.write(os.urandom(4096))
    assert examine_file(file).problem


def test_a_holder_that_does_not_answer_is_told(sound: Workspace) -> None:
    with locked(sound.settings.state_dir):
        assert level(sound, "server") == "fail"
    assert level(sound, "server") == "warn"


def test_schedules_that_wait_for_nobody_are_told(sound: Workspace) -> None:
    assert level(sound, "schedules") == "ok"
    with sound.engine.begin() as connection:
        set_next_due(connection, {"a#1": clock.now() - timedelta(hours=1)})
    assert "nothing came" in found(sound, "schedules").message
    sound.write("lamplighter.toml", TOML.replace("true", "false"))
    assert "AGENTS_ENABLED" in found(sound, "schedules").advice


def test_paused_agents_are_told(sound: Workspace) -> None:
    pause(sound.settings, sound.engine, "a")
    assert found(sound, "pauses").message == "a (by hand)"


def test_sources_that_cannot_be_read_are_told(sound: Workspace) -> None:
    assert level(sound, "sources") == "ok"
    sound.write("lamplighter.toml", TOML.replace('"notes"', '"nowhere"'))
    assert "no folder nowhere" in found(sound, "sources").message
    sound.write("lamplighter.toml", TOML + '[sources.more]\npath = "agents"\n')
    assert found(sound, "sources").message == "more was never synced"


def test_a_clock_behind_the_records_is_told(sound: Workspace) -> None:
    assert level(sound, "clock") in ("ok", "warn")
    with clock.using(HeldClock(clock.now() - timedelta(days=400))):
        assert level(sound, "clock") == "fail"


# PostgreSQL


@pytest.fixture
def shared(postgresql: str) -> Iterator[Workspace]:
    files = {
        ".env": f"LAMPLIGHTER_DATABASE_URL={postgresql}\n",
        "agents/a.md": AGENT.replace("sources: [notes]", "tools: [write_file]"),
        "ok.yaml": OK,
        "lamplighter.toml": 'timezone = "UTC"\nagents_enabled = true\n',
    }
    with temporary_workspace(files, database_url=postgresql, agents_enabled=True) as made:
        (made.path / ".env").chmod(0o600)
        with made.engine.begin() as connection:
            save_agents(connection, read_catalogue(made.settings), "UTC", clock.now())
        yield made


def test_a_sound_fleet_has_no_findings(shared: Workspace) -> None:
    with working(shared) as first, working(shared) as second:
        findings = {each.check: each for each in examine(shared.path)}
        for worker in (first, second):
            assert f"process {worker.process.pid} on " in findings["workers"].message
    # Whether the extension is there depends on the server.
    bad = [each for each in findings.values() if each.level != "ok" and each.check != "pgvector"]
    assert bad == []
    assert f"schema {SCHEMA_VERSION}" in findings["database"].message
    assert "connections" in findings["postgresql"].message
    assert findings.keys().isdisjoint({"integrity", "journal", "server"})


def test_nobody_at_work_is_told(shared: Workspace) -> None:
    assert "nobody works" in found(shared, "workers").message
    assert level(shared, "workers") == "warn"


def test_a_worker_that_is_silent_is_told(shared: Workspace) -> None:
    with working(shared) as worker:
        worker.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: level(shared, "workers") == "warn", "the silence")
        assert "silent for" in found(shared, "workers").message


def test_a_database_that_cannot_be_reached_is_told_without_its_password(shared: Workspace) -> None:
    shared.write(".env", "LAMPLIGHTER_DATABASE_URL=postgresql://me:hush@127.0.0.1:1/lamp\n")
    done = lamplighter(shared, "doctor")
    assert done.returncode == 1
    assert "me:***@127.0.0.1:1/lamp" in done.stdout
    assert "LAMPLIGHTER_DATABASE_URL right" in done.stdout
    assert "hush" not in done.stdout + done.stderr


def test_a_shared_database_that_only_lets_itself_be_read_is_told(shared: Workspace) -> None:
    with shared.engine.begin() as connection:
        name = connection.scalar(sa.text("SELECT current_database()"))
        read_only = f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'
        connection.execute(sa.text(read_only))
    assert "primary" in found(shared, "postgresql").advice
    assert level(shared, "postgresql") == "fail"


@pytest.mark.parametrize(
    ("seconds", "expected", "says"),
    [(30, "warn", "seconds ahead of the database's"), (-600, "fail", "behind the database's")],
)
def test_a_clock_that_differs_from_the_databases_is_told(
    shared: Workspace, seconds: float, expected: str, says: str
) -> None:
    with clock.using(HeldClock(clock.now() + timedelta(seconds=seconds))):
        finding = found(shared, "clock")
    assert finding.level == expected
    assert says in finding.message


def test_an_old_schema_of_a_shared_database_is_told(shared: Workspace) -> None:
    with shared.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    assert found(shared, "database").advice == "lamplighter db upgrade"
