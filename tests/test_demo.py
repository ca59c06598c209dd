"""The demo, with a script in the model's place: the whole way through real processes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "scripts" / "demo.py"


def run_demo(tmp_path: Path, model: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DEMO), "--workspace", str(tmp_path / "demo"), "--model", model]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def test_the_scheduled_run_makes_a_digest_that_the_record_proves(tmp_path: Path) -> None:
    done = run_demo(tmp_path, "scripted:script.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all 5 documents of the period were read" in done.stdout
    assert "WARNING: no model took part" in done.stdout
    [digest] = (tmp_path / "demo" / "delivered").rglob("digest.md")
    assert digest.read_text().count("[releases:") == 5


def test_a_digest_that_the_record_does_not_prove_fails_the_demo(tmp_path: Path) -> None:
    lazy = tmp_path / "lazy.yaml"
    lazy.write_text("turns: [{calls: [{tool: report, arguments: {summary: I read them all.}}]}]")
    done = run_demo(tmp_path, f"scripted:{lazy}")
    assert done.returncode == 1
    assert "NO   all 5 documents of the period were read" in done.stdout
