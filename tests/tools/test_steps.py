"""How a chain of the project's commands ends when one of them fails, or when it is told to end itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.errors import InputError
from tools.steps import run

ROOT = Path(__file__).resolve().parents[2]
WAITS = """
import signal, sys, time
from pathlib import Path
def end(*_):
    Path(sys.argv[1]).write_text("cleaned up")
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(600)
"""
CHAIN = """
import sys
from config.errors import run_script
from tools.steps import run
run_script(lambda: run(*sys.argv[1:]))
"""


def test_bad_input_is_one_line_of_the_script_that_found_it(capfd):
    with pytest.raises(SystemExit) as ended:
        run("tools/demo.py", "only_one_file.mp4")
    lines = capfd.readouterr().err.splitlines()
    assert ended.value.code == 2 and len(lines) == 1 and lines[0].startswith("error: 1 file(s)")


def test_another_failure_names_the_script(tmp_path):
    script = tmp_path / "fails.py"
    script.write_text("import sys; sys.exit(1)")
    with pytest.raises(InputError, match="fails.py ended with status 1"):
        run(str(script))


def test_a_chain_that_is_told_to_end_ends_its_script(tmp_path):
    script, cleaned = tmp_path / "waits.py", tmp_path / "cleaned"
    script.write_text(WAITS)
    command = [sys.executable, "-c", CHAIN, script, cleaned]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as chain:
        while chain.stdout.readline() != "ready\n":
            assert chain.poll() is None
        chain.terminate()
        assert chain.wait() == 143
    assert cleaned.read_text() == "cleaned up"
