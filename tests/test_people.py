"""The directory: read from files, merged, and searched."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from processes import lamplighter

from lamplighter.access import EVERYBODY, OWNER, Access, Scope
from lamplighter.errors import InvalidInput
from lamplighter.search.people import search_people
from lamplighter.sources.directory import read_people
from lamplighter.store.database import open_database
from lamplighter.store.people import DIRECTORY, NewPerson, merge_addresses, save_people
from lamplighter.testing import Workspace

SCOPE = Scope.of([OWNER], ["mail"])
CSV = """\
Name;E-Mail;Other Emails;Job Title;Department;Manager;Office
Ann Berg;Ann@x.org;a.berg@home.example;CTO;Engineering;;Oslo
Bo Li;bo@x.org;;Developer;Engineering;ann@x.org;Bergen
;;;;;;
"""
LDIF = """\
version: 1

# Ann
dn: uid=ann,dc=x,dc=org
cn:: w4Vubg==
mail: ann@x.org
title: Chief of
  everything

dn: uid=bo,dc=x,dc=org
displayName: Bo Li
mail: bo@x.org
proxyAddresses: SMTP:bo.li@x.org
manager: uid=ann,dc=x,dc=org
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    made = open_database(tmp_path / "state")
    yield made
    made.dispose()


def save(engine: sa.Engine, *people: NewPerson, source: str = DIRECTORY) -> None:
    with engine.begin() as connection:
        save_people(connection, source, people)


def names(engine: sa.Engine, text: str = "", scope: Scope = SCOPE, **where: str) -> list[str]:
    return [person.name for person in search_people(engine, scope, text, where=where)]


@pytest.fixture
def staff(engine: sa.Engine, tmp_path: Path) -> sa.Engine:
    file = tmp_path / "staff.csv"
    file.write_text(CSV)
    save(engine, *read_people(file))
    return engine


def test_people_are_found_by_name_address_title_and_details(staff: sa.Engine) -> None:
    assert names(staff) == ["Ann Berg", "Bo Li"]
    assert names(staff, "ber an") == ["Ann Berg"]
    assert names(staff, "bo@x.org") == ["Bo Li"]
    assert names(staff, "home.example") == ["Ann Berg"]
    assert names(staff, "developer") == ["Bo Li"]
    assert names(staff, "nobody") == []
    assert names(staff, department="engin", office="oslo") == ["Ann Berg"]
    assert names(staff, manager="ann berg") == ["Bo Li"]


def test_an_empty_scope_knows_nobody(staff: sa.Engine) -> None:
    assert names(staff, scope=Scope.of([OWNER], [])) == []


def test_ldif_has_folded_and_encoded_lines_and_managers_by_name(
    engine: sa.Engine, tmp_path: Path
) -> None:
    file = tmp_path / "staff.ldif"
    file.write_text(LDIF)
    save(engine, *read_people(file))
    ann, bo = search_people(engine, SCOPE, "")
    assert (ann.name, ann.title) == ("Ånn", "Chief of everything")
    assert bo.addresses == ["bo@x.org", "bo.li@x.org"]
    assert bo.manager == "Ånn"


def test_one_persons_addresses_merge_over_sources(staff: sa.Engine) -> None:
    save(staff, NewPerson(key="1", name="", addresses=("a.berg@home.example",)), source="mail")
    assert names(staff) == ["Ann Berg", "Bo Li"]
    save(staff, NewPerson(key="1", name="Annie", addresses=("annie@y.org",)), source="mail")
    assert names(staff) == ["Ann Berg", "Annie", "Bo Li"]
    with staff.begin() as connection:
        merge_addresses(connection, ["ann@x.org", "Annie@y.org"])
    ann, _bo = search_people(staff, SCOPE, "")
    assert ann.addresses == ["ann@x.org", "a.berg@home.example", "annie@y.org"]
    assert ann.sources == ["directory", "mail"]


def test_what_is_merged_is_only_what_the_reader_may_see(engine: sa.Engine) -> None:
    secret = Access(users=["boss@x.org"])
    save(engine, NewPerson(key="1", name="Ann", addresses=("ann@x.org",), access=EVERYBODY))
    hidden = NewPerson(
        key="2", name="", addresses=("ann@x.org", "alias@z.org"), title="Spy", access=secret
    )
    save(engine, hidden, source="mail")
    [seen] = search_people(engine, Scope.of(["user:bo@x.org"], ["mail"]), "")
    assert (seen.addresses, seen.title) == (["ann@x.org"], "")
    [known] = search_people(engine, Scope.of(["user:boss@x.org"], ["mail"]), "")
    assert (known.addresses, known.title) == (["ann@x.org", "alias@z.org"], "Spy")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "colour,size\nred,2\n", r"a\.csv:1: no column is called name or email"),
        ("a.ldif", "dn: x\nnonsense\n", r"a\.ldif:2: no attribute: value"),
    ],
)
def test_a_file_that_is_no_directory_is_refused_with_its_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        read_people(file)


def test_users_groups_and_people_on_the_command_line(workspace: Workspace) -> None:
    def run(*command: str) -> str:
        done = lamplighter(workspace, *command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    workspace.write("lamplighter.toml", '[sources.notes]\npath = "notes"\n')
    run("source", "sync")
    run("user", "add", "Ann@x.org", "--name", "Ann", "--address", "ann@y.org", "--admin")
    run("group", "add", "eng", "--member", "ann@y.org", "--member", "group:x.org")
    [user] = json.loads(run("user", "list", "--json"))
    assert (user["id"], user["addresses"]) == ("ann@x.org", ["ann@x.org", "ann@y.org"])
    [group] = json.loads(run("group", "list", "--json"))
    assert group["members"] == ["group:x.org", "user:ann@y.org"]

    assert json.loads(run("search", "lamp", "--json"))
    assert json.loads(run("search", "lamp", "--as", "ann@x.org", "--json")) == []
    assert lamplighter(workspace, "search", "lamp", "--as", "eve@x.org").returncode == 5
    assert lamplighter(workspace, "user", "add", "ann@y.org").returncode == 1
    assert lamplighter(workspace, "user", "add", "owner").returncode == 2

    workspace.write("staff.csv", CSV)
    run("people", "import", str(workspace.path / "staff.csv"), "--group", "x.org")
    [found] = json.loads(run("people", "search", "bo", "--as", "ann@x.org", "--json"))
    assert found["manager"] == "Ann Berg"
    run("group", "remove", "eng")
    run("user", "add", "root@x.org", "--admin")
    run("user", "remove", "ann@y.org")
    [left] = json.loads(run("user", "list", "--json"))
    assert left["id"] == "root@x.org"
