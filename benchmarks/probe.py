"""How long looking at this machine takes: each source, the whole probe, whole processes; as ratios against a bare interpreter of the same run.

    python benchmarks/probe.py [--rounds 15] [--capture FILE] [--json]

Times on a shared machine wander; ratios within one run do not. Each figure is the median of ``--rounds`` rounds that take turns, so that a slow moment
hits all alike. With ``llmfit`` on the path, its ``llmfit system --json`` is a row of the same table.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
IN_PROCESS = """
import json, sys
from time import perf_counter
started = perf_counter()
import sizer.probes
imported = perf_counter()
host = sizer.probes.Replay(sizer.probes.Capture.read(sys.argv[1])) if sys.argv[1:] else sizer.probes.Live()
rows = {}
for way in ("first", "again"):
    begun = perf_counter()
    sizer.probes.probe(host, timer=lambda name, spent: rows.__setitem__(f"{way}: {name}", spent))
    rows[f"{way}: whole probe"] = (perf_counter() - begun) * 1000
rows["import sizer.probes"] = (imported - started) * 1000
print(json.dumps(rows))
"""


def environment() -> dict[str, str]:
    """Return an environment in which compiled bytecode is kept, as on a user's machine."""
    found = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**found, "PYTHONPATH": str(ROOT)}


def process_ms(command: list[str]) -> tuple[float, str]:
    """Return the milliseconds of a whole process and what it printed."""
    started = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)
    return (perf_counter() - started) * 1000, done.stdout


def measure(rounds: int, capture: str | None) -> dict[str, float]:
    """Return the median milliseconds of each row."""
    more = [capture] if capture else []
    commands = {"process: python -c pass": [sys.executable, "-c", "pass"]}
    commands["process: sizer probe --json"] = [sys.executable, "-m", "sizer", "probe", "--json", *(["--machine", capture] if capture else [])]
    if peer := shutil.which("llmfit"):
        commands["process: llmfit system --json"] = [peer, "system", "--json"]
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, command in commands.items():
            spent, _ = process_ms(command)
            if number:  # the first round fills the caches
                times[name].append(spent)
        _, printed = process_ms([sys.executable, "-c", IN_PROCESS, *more])
        for name, spent in json.loads(printed).items() if number else ():
            times[name].append(spent)
    return {name: statistics.median(spent) for name, spent in times.items()}


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--capture", help="replay this recorded machine instead of looking at this one")
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    rows = measure(options.rounds, options.capture)
    bare = rows["process: python -c pass"]
    if options.json:
        print(json.dumps({name: {"ms": round(spent, 2), "ratio": round(spent / bare, 3)} for name, spent in rows.items()}, indent=1))
        return
    print(f"{'what':<36}{'ms':>9}{'/ bare python':>16}")
    for name, spent in rows.items():
        print(f"{name:<36}{spent:>9.2f}{spent / bare:>16.3f}")


if __name__ == "__main__":
    main()
