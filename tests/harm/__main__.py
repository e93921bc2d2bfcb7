"""The harness of bad inputs and faults: every script, run as a user would, on what it must refuse or survive.

    python tests/harm                     everything; one line a failing case, totals by line of the list below
    python tests/harm --only '^4.3 '      cases whose line and name the regular expression finds
    python tests/harm --quick             some cases of every line, as the test suite runs them

Exit status 1 if any case fails. What the lines mean stands in README.md beside this file.
"""

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # a process with threads cannot be forked safely
os.environ |= {"HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled", "CUDA_VISIBLE_DEVICES": ""}

from registry import all_cases
from server import Outcome, run_cases

KEPT = ("failed", "skipped")


def main() -> int:
    options = parse()
    cases = [case for case in all_cases() if re.search(options.only, f"{case.line} {case.name}")]
    cases = [case for case in cases if case.quick or not options.quick]
    if options.list:
        print("\n".join(f"{case.line:<5} {case.name}" for case in cases))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder goes then too
    folder = Path(tempfile.mkdtemp(prefix="harm-"))  # not TemporaryDirectory: forked scripts run its exit handler
    try:
        outcomes = run_cases(cases, folder, options.jobs, report)
    finally:
        shutil.rmtree(folder)
    print_totals(outcomes)
    if options.results:
        Path(options.results).write_text(json.dumps([vars(outcome) for outcome in outcomes], indent=1))
    return 1 if any(outcome.status == "failed" for outcome in outcomes) or not outcomes else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a regular expression, looked for in LINE NAME")
    parser.add_argument("--quick", action="store_true", help="the cases that the test suite runs")
    parser.add_argument("--list", action="store_true", help="print the cases and stop")
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time (default: 2)")
    parser.add_argument("--results", default="", help="file for the outcomes as JSON")
    return parser.parse_args()


def report(outcome: Outcome) -> None:
    if outcome.status in KEPT:
        print(f"{outcome.status.upper()} {outcome.line} {outcome.name}: {outcome.detail}", flush=True)


def print_totals(outcomes: list[Outcome]) -> None:
    """A row a line of the list: inputs, faults, passed, failed, skipped; then the sum."""
    print(f"\n{'line':<6}{'inputs':>8}{'faults':>8}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    lines = sorted({outcome.line for outcome in outcomes}, key=lambda line: [int(part) for part in line.split(".")])
    for label, rows in [(line, [o for o in outcomes if o.line == line]) for line in lines] + [("all", outcomes)]:
        faults = sum(row.fault for row in rows)
        counts = [sum(row.status == status for row in rows) for status in ("passed", "failed", "skipped")]
        cells = "".join(f"{count:8}" for count in (len(rows) - faults, faults, *counts[:2]))
        print(f"{label:<6}{cells}{counts[2]:9}{sum(row.seconds for row in rows):9.0f}")


if __name__ == "__main__":
    sys.exit(main())
