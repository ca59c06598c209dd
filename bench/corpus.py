"""Real documents that are on every such machine: docstrings, and sections of manual pages.

The first sentence of a docstring is taken out of it and serves as the question for which that
docstring is the answer: a known-item set.
"""

import ast
import gzip
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHORTEST, LONGEST_QUESTION = 120, 200
MANUALS = Path("/usr/share/man")


@dataclass(frozen=True, slots=True)
class Document:
    """A text, and the question that it answers, if there is one: words, and nothing else."""

    path: str
    title: str
    text: str
    question: str = ""


def read_corpus(count: int) -> list[Document]:
    """So many different documents, or all that there are."""
    found: dict[str, Document] = {}
    for document in _all():
        found.setdefault(document.text, document)
        if len(found) >= count:
            break
    return list(found.values())


def _all() -> Iterator[Document]:
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), "/usr/lib/python3"]
    for folder in folders:
        for file in sorted(Path(folder).rglob("*.py")):
            yield from _docstrings(file)
    for file in sorted(MANUALS.glob("man*/*.gz")):
        yield from _sections(file)


def _docstrings(file: Path) -> Iterator[Document]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(file.read_text(encoding="utf-8", errors="replace"))
    except (SyntaxError, ValueError, RecursionError, OSError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = (ast.get_docstring(node) or "").replace("\0", " ")
            name = getattr(node, "name", file.stem)
            path = f"{file}:{getattr(node, 'lineno', 0)}"
            question, _, answer = text.partition("\n\n")
            if len(answer) >= SHORTEST and 20 < len(question) < LONGEST_QUESTION:
                yield Document(path, name, answer, " ".join(re.findall(r"\w+", question)))
            elif len(text) >= SHORTEST:
                yield Document(path, name, text)


def _sections(file: Path) -> Iterator[Document]:
    try:
        with gzip.open(file, "rt", encoding="utf-8", errors="replace") as opened:
            page = opened.read()
    except (OSError, EOFError):
        return
    for part in re.split(r"^\.S[HS] ?", page, flags=re.M)[1:]:
        head, _, body = part.partition("\n")
        plain = re.sub(r'^\.\\".*$|^[.\'][A-Za-z]{1,2}\b ?', "", body, flags=re.M)
        plain = re.sub(r"\\f[A-Z]|\\f\(..|\\&", "", plain).replace("\\-", "-").strip()
        if len(plain) >= SHORTEST:
            title = f"{file.name.removesuffix('.gz')} {head}".strip('" ')
            yield Document(f"{file}:{head}", title, plain)


if __name__ == "__main__":
    corpus = read_corpus(int(sys.argv[1]))
    print(len(corpus), sum(bool(each.question) for each in corpus))
