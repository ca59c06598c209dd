"""The toolbox: what agents find in their sandboxes, and how it comes there."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandboxes import SANDBOXED, Opened, opened

from lamplighter.errors import DownloadFailed
from lamplighter.sandbox import toolbox
from lamplighter.sandbox.bounds import Bounds
from lamplighter.sandbox.toolbox import build_toolbox, find_interpreter, is_built


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Opened]:
    with opened(Bounds()) as sandbox_:
        yield sandbox_


@SANDBOXED
@pytest.mark.toolbox
def test_agents_find_what_they_were_promised(sandbox: Opened) -> None:
    code = """
import docx2txt, matplotlib.pyplot, numpy, openpyxl, pandas, pypdf, python_calamine, sys
matplotlib.pyplot.plot([1, 2])
matplotlib.pyplot.savefig("plot.png")
pandas.DataFrame({"Region": ["North"], "Amount": [7]}).to_excel("book.xlsx", index=False)
print(sys.prefix)
"""
    finished = sandbox.run_python(code)
    assert (finished.stdout, finished.stderr) == ("/opt/toolbox\n", "")
    assert sandbox.bash("head -c 4 plot.png").stdout == "\ufffdPNG"
    assert sandbox.run("excel", "rows", "book.xlsx").stdout == "1\tRegion\tAmount\n2\tNorth\t7\n"
    every = sandbox.bash(
        "for command in inspect headers schema formulas to-csv 'cell B2' 'grep North' "
        "'filter Amount>5'; do set -- $command; excel $1 book.xlsx $2 || exit; done"
    )
    assert (every.code, every.stderr) == (0, "")
    assert every.stdout.endswith("7\nSheet1!A2\tNorth\nrow\tRegion\tAmount\n2\tNorth\t7\n")


@SANDBOXED
@pytest.mark.toolbox
def test_the_toolbox_is_not_our_own_environment(sandbox: Opened) -> None:
    finished = sandbox.run_python("import sys; print(sys.path)\nimport pydantic")
    assert sys.prefix not in finished.stdout
    assert "No module named 'pydantic'" in finished.stderr


@SANDBOXED
def test_programs_of_the_host_are_there_too(sandbox: Opened) -> None:
    for name in toolbox.list_host_tools():
        assert sandbox.run(name, "--version").code == 0


def test_without_a_toolbox_there_is_a_bare_python(tmp_path: Path) -> None:
    interpreter = find_interpreter(tmp_path / "none")
    assert not interpreter.has_toolbox
    assert os.access(interpreter.program, os.X_OK)


def test_a_toolbox_of_another_version_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "complete.json").write_text('{"contents": "other", "base": "/usr/bin/python3"}')
    assert not is_built(tmp_path)


def test_a_toolbox_that_cannot_be_built_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = tmp_path / "toolbox.txt"
    requirements.write_text("nothing-of-this-name==1.0 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(toolbox, "_REQUIREMENTS", requirements)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    old = tmp_path / "cache" / "toolbox"
    (old / "bin").mkdir(parents=True)
    said: list[str] = []
    with pytest.raises(DownloadFailed, match="nothing-of-this-name"):
        build_toolbox(said.append, old)
    assert (old / "bin").exists()
    assert {path.name for path in old.parent.iterdir()} <= {"toolbox", "toolbox.lock"}
    assert any("fetching" in line for line in said)
