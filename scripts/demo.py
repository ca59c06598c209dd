"""The main job, end to end: an agent, fired by its schedule, makes a digest of real documents.

Makes a workspace, serves it until the scheduled run has ended, shows what happens meanwhile,
and then checks the digest by evidence: from the run's record, not from what the model says.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from lamplighter import clock

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
AGENT = "release-digest"
PERIOD = (date(2026, 10, 28), date(2026, 11, 6))
DUE_SECONDS = 8
SCRIPT = "scripted:script.yaml"
SETTINGS = """\
# The demo's workspace.
[sources.releases]      # release notes of Python packages, see examples/README.md
path = "releases"

[sources.handbook]      # Lamplighter's own documents
path = "handbook"
"""


def main() -> int:
    """Run the demo; 0 if the digest is there and is what it should be."""
    arguments = parse_arguments()
    workspace = arguments.workspace or new_folder()
    model = arguments.model or fetch_local_model()
    make_workspace(workspace, model)
    say("The documents")
    lamplighter(workspace, "source", "sync")
    say(f"The agent, due in {DUE_SECONDS} seconds")
    write_agent(workspace, model)
    lamplighter(workspace, "agent", "list")
    say("Its round")
    with serving(workspace):
        run = watch_first_run(workspace)
    return judge(workspace, run, model)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="An agent, fired by its schedule, makes a digest of real documents.",
        epilog="Examples: scripts/demo --model anthropic:claude-sonnet-5-5 (with its key in the "
        "environment); scripts/demo --model scripted:script.yaml (no model at all).",
    )
    parser.add_argument("--model", help="default: the small model that runs on this machine")
    parser.add_argument("--workspace", type=Path, help="a new folder; default: below build/")
    return parser.parse_args()


def fetch_local_model() -> str:
    """The name of the model that can run here: the local one, or else the script."""
    say("The model that runs on this machine")
    if lamplighter(None, "model", "pull", "local", "--yes") == 0:
        return "local"
    say("The model cannot be had here, so a SCRIPT plays its part: nothing below was thought up")
    return SCRIPT


def new_folder() -> Path:
    """A folder of this demo's own."""
    return ROOT / "build" / f"demo-{clock.now().astimezone():%Y%m%d-%H%M%S}"


def make_workspace(workspace: Path, model: str) -> None:
    """Settings and documents; without a workspace of that name before."""
    workspace.mkdir(parents=True)
    (workspace / "lamplighter.toml").write_text(SETTINGS)
    (workspace / ".env").write_text("AGENTS_ENABLED=true\n")
    shutil.copytree(EXAMPLES / "releases", workspace / "releases")
    handbook = workspace / "handbook"
    handbook.mkdir()
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        shutil.copy2(page, handbook)
    shutil.copy2(EXAMPLES / "digest" / "script.yaml", workspace)


def write_agent(workspace: Path, model: str) -> None:
    """The example agent, with a schedule that is due in a moment."""
    due = clock.now().astimezone() + timedelta(seconds=DUE_SECONDS)
    head = f"---\nschedule: {due.isoformat(timespec='seconds')}\nmodel: {model}\n"
    text = (EXAMPLES / "digest" / f"{AGENT}.md").read_text().replace("---\n", head, 1)
    (workspace / "agents").mkdir()
    (workspace / "agents" / f"{AGENT}.md").write_text(text)


@contextmanager
def serving(workspace: Path) -> Iterator[None]:
    """``lamplighter serve`` while the block runs, stopped as Ctrl-C does."""
    server = subprocess.Popen(command(workspace, "serve", "--port", "0"))
    try:
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def watch_first_run(workspace: Path) -> dict[str, Any]:
    """Show what the scheduled run does until it has ended; the run with its record."""
    import time

    deadline = clock.monotonic() + DUE_SECONDS + 60
    while not (runs := ask(workspace, "run", "list")):
        if clock.monotonic() > deadline:
            sys.exit("demo: the schedule did not fire")
        time.sleep(0.5)
    lamplighter(workspace, "run", "watch", runs[0]["id"])
    run: dict[str, Any] = ask(workspace, "run", "show", runs[0]["id"], "--events")
    return run


def judge(workspace: Path, run: dict[str, Any], model: str) -> int:
    """Check by evidence that every document of the period was read and is cited."""
    expected = documents_of_the_period(workspace / "releases")
    read = {
        event["arguments"]["id"]
        for event in run["events"]
        if event["kind"] == "tool_call" and event["tool"] == "read_document"
    }
    digest = workspace / run["delivered"][0] if run["delivered"] else None
    text = digest.read_text() if digest else ""
    bullets = re.findall(r"^[-*] .+", text, flags=re.MULTILINE)
    cited = [set(re.findall(r"releases:[\w.-]+\.md", bullet)) for bullet in bullets]
    findings = {
        "the run completed": run["status"] == "completed",
        "its schedule fired it": run["trigger"] == "scheduled",
        f"all {len(expected)} documents of the period were read": expected <= read,
        "the digest has bullets": bool(bullets),
        "each bullet cites a document that was read": all(ids and ids <= read for ids in cited),
        "the digest cites every document of the period": expected <= set().union(*cited),
    }
    say("The digest")
    print(text)
    say("Checked against the record")
    for finding, holds in findings.items():
        print(f"  {'yes' if holds else 'NO '}  {finding}")
    print_next_steps(workspace, digest, run, model)
    return 0 if all(findings.values()) else 1


def documents_of_the_period(folder: Path) -> set[str]:
    """The ids of the documents whose own date lies in the period."""
    found = set()
    for file in folder.glob("*.md"):
        dated = re.search(r"^date: (\S+)$", file.read_text(), flags=re.MULTILINE)
        if dated and PERIOD[0] <= date.fromisoformat(dated[1]) <= PERIOD[1]:
            found.add(f"releases:{file.name}")
    return found


def print_next_steps(workspace: Path, digest: Path | None, run: dict[str, Any], model: str) -> None:
    """Where everything is, and what to do now."""
    here = os.path.relpath(workspace)
    program = os.path.relpath(ROOT / ".venv" / "bin" / "lamplighter")
    print(f"\n{run['model']} [{run['label'] or 'no label'}], {run['duration_seconds']:.0f} s")
    if digest:
        print(f"digest:  {os.path.relpath(digest)}")
    print(f"record:  {program} -w {here} run show last --events")
    say("Next")
    print(
        f"  your own folder   {program} init my-agents, then name the folder in lamplighter.toml\n"
        f"  your own key      write it into my-agents/.env, like ANTHROPIC_API_KEY=...\n"
        f"  try an agent      {program} -w my-agents run start daily-digest --wait\n"
        f"  keep it running   {program} -w my-agents serve"
    )
    if model == SCRIPT:
        print("\nWARNING: no model took part. A script played its part, as labelled above.")


def say(title: str) -> None:
    """A heading."""
    print(f"\n── {title} " + "─" * max(0, 90 - len(title)), flush=True)


def command(workspace: Path | None, *arguments: str) -> list[str]:
    """The command line of ``lamplighter`` in this very environment."""
    where = ["-w", str(workspace)] if workspace else []
    return [sys.executable, "-m", "lamplighter", *where, *arguments]


def lamplighter(workspace: Path | None, *arguments: str) -> int:
    """Run a command, with its output on ours; its exit code."""
    return subprocess.run(command(workspace, *arguments), check=False).returncode


def ask(workspace: Path, *arguments: str) -> Any:
    """The JSON answer of a command."""
    done = subprocess.run(
        command(workspace, *arguments, "--json"), check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
