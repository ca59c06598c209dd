"""People from a file: CSV with a header, or LDIF (RFC 2849)."""

import base64
import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lamplighter.access import EVERYBODY, Access
from lamplighter.errors import InvalidInput, Place
from lamplighter.store.people import NewPerson

COLUMNS = {
    "name": ("name", "fullname", "displayname", "cn"),
    "addresses": ("email", "emails", "mail", "address", "addresses", "emailaddress"),
    "title": ("title", "jobtitle", "position"),
    "department": ("department", "departmentnumber"),
    "team": ("team", "ou"),
    "manager": ("manager", "manageremail", "reportsto"),
    "office": ("office", "officelocation", "location", "physicaldeliveryofficename", "l"),
    "employee_type": ("employeetype", "type"),
    "phone": ("phone", "telephone", "telephonenumber", "mobile"),
}
"""What the columns and attributes may be called, in small letters and without other characters."""

MORE_ADDRESSES = ("otheremails", "aliases", "proxyaddresses", "mailalternateaddress")
GIVEN, FAMILY = ("firstname", "givenname"), ("lastname", "surname", "familyname", "sn")

Record = dict[str, list[str]]


def read_people(file: Path, access: Access = EVERYBODY) -> list[NewPerson]:
    """The people in a file.

    Args:
        file: Ends in ``.ldif``, or is CSV.
        access: Who may see them.

    Raises:
        InvalidInput: It cannot be read, or a line of it.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot be read: {error}", place=Place(str(file))) from error
    is_ldif = file.suffix.lower() == ".ldif"
    records = list(_read_ldif(text, file) if is_ldif else _read_csv(text, file))
    mails = {
        record["dn"][0]: _first(record, COLUMNS["addresses"])
        for record in records
        if "dn" in record
    }
    return [person for record in records if (person := _person(record, mails, access))]


def _person(record: Record, mails: Mapping[str, str], access: Access) -> NewPerson | None:
    addresses = tuple(_addresses(record))
    given = " ".join(filter(None, [_first(record, GIVEN), _first(record, FAMILY)]))
    name = _first(record, COLUMNS["name"]) or given
    if not name and not addresses:
        return None
    details = {key: _first(record, names) for key, names in COLUMNS.items()}
    details |= {"name": name, "manager": mails.get(details["manager"]) or details["manager"]}
    del details["addresses"]
    key = addresses[0] if addresses else name
    return NewPerson(key=key, addresses=addresses, access=access, **details)


def _addresses(record: Record) -> Iterator[str]:
    for name in (*COLUMNS["addresses"], *MORE_ADDRESSES):
        for value in record.get(name, []):
            for part in value.replace(";", " ").replace(",", " ").split():
                if "@" in part:
                    yield part.lower().removeprefix("smtp:")


def _first(record: Record, names: Iterable[str]) -> str:
    return next((record[name][0].strip() for name in names if record.get(name)), "")


def _read_csv(text: str, file: Path) -> Iterator[Record]:
    try:
        dialect: type[csv.Dialect] | str = csv.Sniffer().sniff(text[:4_000], ",;\t")
    except csv.Error:
        dialect = "excel"
    rows = csv.reader(text.splitlines(), dialect)
    header = [_plain(name) for name in next(rows, [])]
    if not set(header) & {*COLUMNS["name"], *COLUMNS["addresses"], *GIVEN, *FAMILY}:
        message = "no column is called name or email"
        raise InvalidInput(message, place=Place(str(file), 1), hint="the first line names them")
    try:
        for row in rows:
            pairs = zip(header, row, strict=False)
            yield {name: [value] for name, value in pairs if value.strip()}
    except csv.Error as error:
        raise InvalidInput(f"{error}", place=Place(str(file), rows.line_num)) from error


def _read_ldif(text: str, file: Path) -> Iterator[Record]:
    record: Record = {}
    for number, line in [*_unfold(text), (0, "")]:
        if not line:
            if record.get("dn"):
                yield record
            record = {}
        elif not line.startswith(("#", "-")):
            name, colon, value = line.partition(":")
            if not colon:
                raise InvalidInput("no attribute: value", place=Place(str(file), number))
            record.setdefault(_plain(name.partition(";")[0]), []).append(_value(value))


def _unfold(text: str) -> list[tuple[int, str]]:
    """Lines with their numbers; one that begins with a space goes on with the one before."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(" ") and lines:
            first, before = lines[-1]
            lines[-1] = first, before + line[1:]
        else:
            lines.append((number, line))
    return lines


def _value(text: str) -> str:
    if text.startswith(":"):
        return base64.b64decode(text[1:].strip()).decode("utf-8", "replace")
    return text.strip()


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
