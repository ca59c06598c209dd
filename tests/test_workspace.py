import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamplighter.config import Settings
from lamplighter.definitions.markdown import MAX_SIZE_BYTES
from lamplighter.errors import InvalidSettings, NotFound, Place
from lamplighter.workspace import find_workspace, load_settings, read_catalogue, read_entry


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """Loading settings puts ``.env`` into the environment of the process: take it out again."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "agents").mkdir(parents=True)
    (folder / "lamplighter.toml").write_text('timezone = "Europe/Berlin"\n')
    return folder


# Where it is


def test_the_named_folder_wins_over_the_environment(tmp_path: Path, workspace: Path) -> None:
    environ = {"LAMPLIGHTER_WORKSPACE": str(workspace)}
    assert find_workspace(tmp_path, environ) == tmp_path
    assert find_workspace(None, environ) == workspace


@pytest.mark.parametrize("mark", ["lamplighter.toml", ".lamplighter/x"])
def test_the_nearest_marked_folder_upwards_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    (tmp_path / "lamplighter.toml").touch()
    inner = tmp_path / "inner"
    (inner / mark).parent.mkdir(parents=True)
    (inner / mark).touch()
    (inner / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(inner / "a" / "b")
    assert find_workspace(None, {}) == inner


def test_says_how_to_make_a_workspace_when_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound, match="lamplighter init"):
        find_workspace(None, {})
    with pytest.raises(NotFound, match="lamplighter init nowhere"):
        find_workspace(Path("nowhere"), {})


# Its settings


def test_flags_win_over_environment_over_env_file_over_toml(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "lamplighter.toml").write_text("max_iterations = 1\n")
    assert load_settings(workspace).max_iterations == 1
    (workspace / ".env").write_text("AGENT_MAX_ITERATIONS=2\n")
    assert load_settings(workspace).max_iterations == 2
    monkeypatch.setenv("AGENT_MAX_ITERATIONS", "3")
    assert load_settings(workspace).max_iterations == 3
    assert load_settings(workspace, max_iterations=4).max_iterations == 4


def test_keys_of_providers_reach_the_environment_but_never_replace_it(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRST_API_KEY", "kept")
    (workspace / ".env").write_text("FIRST_API_KEY=lost\nSECOND_API_KEY=found\n")
    load_settings(workspace)
    assert (os.environ["FIRST_API_KEY"], os.environ["SECOND_API_KEY"]) == ("kept", "found")


@pytest.mark.parametrize(
    ("toml", "line", "field", "says"),
    [
        ("port = 1\nport = 2\n", None, None, "no TOML"),
        ("port = 1\nmax_iterations = \n", 2, None, "no TOML"),
        ("port = 1\nmax_iterations = 0\n", 2, "max_iterations", "greater than or equal to 1"),
        ('port = "x"\n', 1, "port", "valid integer"),
        ('\ntimezone = "Mars"\n', 2, "timezone", "unknown time zone 'Mars'"),
        ("port = 1\n[sources.docs]\n", 2, "sources.docs.path", "required"),
        (
            '[sources.a]\npath = "a"\n[sources.docs]\npath = "b"\npaht = "c"\n',
            5,
            "sources.docs.paht",
            "not permitted",
        ),
        ("[providers.x]\nbase_url = 3\n", 2, "providers.x.base_url", "valid string"),
    ],
)
def test_a_bad_setting_says_where_it_stands(
    workspace: Path, toml: str, line: int | None, field: str | None, says: str
) -> None:
    (workspace / "lamplighter.toml").write_text(toml)
    with pytest.raises(InvalidSettings) as caught:
        load_settings(workspace)
    place = caught.value.place
    assert (place.file, place.field) == ("lamplighter.toml", field)
    assert line is None or place.line == line
    assert says in str(caught.value)


def test_a_bad_setting_in_the_env_file_says_where_it_stands(workspace: Path) -> None:
    (workspace / ".env").write_text("# hello\nAGENT_MAX_ITERATIONS=many\n")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(workspace)
    assert caught.value.place == Place(".env", 2, "AGENT_MAX_ITERATIONS")


def test_a_bad_setting_in_the_environment_is_named(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_MAX_ITERATIONS", "many")
    with pytest.raises(InvalidSettings, match=r"\[AGENT_MAX_ITERATIONS\].*not 'many'"):
        load_settings(workspace)


def test_several_bad_settings_are_told_together(workspace: Path) -> None:
    (workspace / "lamplighter.toml").write_text('port = "x"\nmax_iterations = 0\n')
    with pytest.raises(InvalidSettings, match="2 settings are wrong") as caught:
        load_settings(workspace)
    assert "lamplighter.toml:1 [port]" in str(caught.value)
    assert "lamplighter.toml:2 [max_iterations]" in str(caught.value)


@pytest.mark.parametrize("name", ["lamplighter.toml", ".env"])
def test_a_file_that_is_no_text_is_named(workspace: Path, name: str) -> None:
    (workspace / name).write_bytes(b'port = 1\nmodel = "\xff"\n')
    with pytest.raises(InvalidSettings, match="0xff is no UTF-8") as caught:
        load_settings(workspace)
    assert caught.value.place == Place(name, 2)


def test_a_folder_in_place_of_a_file_is_named(workspace: Path) -> None:
    (workspace / ".env").mkdir()
    with pytest.raises(InvalidSettings, match="cannot be read"):
        load_settings(workspace)


# Its agents


@pytest.fixture
def loaded(workspace: Path) -> Settings:
    return load_settings(workspace)


def test_a_workspace_without_agents_has_an_empty_catalogue(
    workspace: Path, loaded: Settings
) -> None:
    assert read_catalogue(loaded).entries == ()
    (workspace / "agents").rmdir()
    assert read_catalogue(loaded).entries == ()


def test_reads_all_markdown_files_below_agents(workspace: Path, loaded: Settings) -> None:
    agents = workspace / "agents"
    (agents / "team").mkdir()
    (agents / ".git").mkdir()
    for name in ("b.md", "a.md", "team/c.md", ".draft.md", ".git/d.md", "notes.txt"):
        (agents / name).write_text('---\nschedule: "@daily"\ntools: []\n---\nDo it.')
    catalogue = read_catalogue(loaded)
    assert list(catalogue.agents) == ["a", "b", "team/c"]
    assert catalogue.problems == ()
    assert catalogue.agents["a"].schedules[0].timezone == "Europe/Berlin"
    assert [entry.file for entry in catalogue.entries][2] == "agents/team/c.md"


def test_one_entry_is_the_same_as_among_all(workspace: Path, loaded: Settings) -> None:
    agents = workspace / "agents"
    for folder in ("Team", "team", "folder.md"):
        (agents / folder).mkdir()
    names = ["a", "caf\u00e9", "cafe\u0301s", "Twin", "twin", "Team/b", "team/B", "bad:name"]
    names += ["unknown", "folder.md/c"]
    for name in names:
        (agents / f"{name}.md").write_text("---\nsources: [nowhere]\n---\nDo it.")
    (agents / "broken.md").write_text("---\nschedule: never\n---\nDo it.")
    (agents / "gone.md").symlink_to("nowhere.md")
    (agents / "linked").symlink_to("Team")
    catalogue = read_catalogue(loaded)
    assert len(catalogue.entries) == len(names) + 3
    found = [read_entry(loaded, entry.name) for entry in catalogue.entries]
    assert found == list(catalogue.entries)
    assert read_entry(loaded, "cafe\u0301") == catalogue.find("caf\u00e9")
    for unknown in ("A", "Team", "folder", "linked/b", "a/b", "Team/b/c", ""):
        assert read_entry(loaded, unknown) is None


def test_what_cannot_be_read_is_reported_and_stops_nothing(
    workspace: Path, loaded: Settings, tmp_path: Path
) -> None:
    agents = workspace / "agents"
    (tmp_path / "outside.md").write_text("Secret.")
    (workspace / "inside.txt").write_text("Do it.")
    (agents / "latin.md").write_bytes(b"one\nna\xefve")
    (agents / "large.md").write_bytes(b"x" * (MAX_SIZE_BYTES + 1))
    (agents / "out.md").symlink_to(tmp_path / "outside.md")
    (agents / "up.md").symlink_to("../../outside.md")
    (agents / "in.md").symlink_to("../inside.txt")
    (agents / "gone.md").symlink_to("nowhere.md")
    (agents / "loop").symlink_to(agents)
    (agents / "folder.md").mkdir()
    (agents / "fine.md").write_text("Do it.")
    os.mkfifo(agents / "pipe.md")
    catalogue = read_catalogue(loaded)
    assert list(catalogue.agents) == ["fine", "in"]
    errors = [problem for problem in catalogue.problems if problem.level == "error"]
    assert {str(problem.place): problem.message for problem in errors} == {
        "agents/gone.md": "the link leads nowhere",
        "agents/large.md": "the file is larger than 1 MB",
        "agents/latin.md:2": "the byte 0xef is no UTF-8",
        "agents/loop": "links to folders are not followed",
        "agents/out.md": "the link leads out of the workspace",
        "agents/pipe.md": "this is no ordinary file",
        "agents/up.md": "the link leads out of the workspace",
    }


def test_bare_names_in_the_environment_belong_to_other_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("HOST", "PORT", "TEAM", "MODEL", "SOURCES", "MCP", "TIMEZONE", "SANDBOX", "WORKSPACE")
    for name in names:
        monkeypatch.setenv(name, "else")
    (tmp_path / ".env").write_text("HOST=else\nTEAM=else\nLAMPLIGHTER_PORT=8400\n")
    monkeypatch.setenv("LAMPLIGHTER_HOST", "::1")
    settings = load_settings(tmp_path)
    assert (settings.host, settings.port, settings.team, settings.model) == (
        "::1",
        8400,
        None,
        None,
    )
    assert settings.sandbox == "auto"
