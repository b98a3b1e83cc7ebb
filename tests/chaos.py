"""A long mixed run, killed at random, ends with every cell measured once: python tests/chaos.py FOLDER --seconds 3600.

The driver, or one of its processes, is killed with SIGKILL after a random time, again and again, and the same command
is given again. A run that is whole is followed by another one, until the seconds are over; the last is then left alone
to its end. What is in the store afterwards is compared with the plan: every cell once, no failure, every digest right.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import IO

import psutil

SWEEP = Path(__file__).with_name("chaos.toml")
RUN = (sys.executable, "-m", "harness.cli", "run", "--sweep", str(SWEEP), "--time-limit", "600")

#: Of one round: a run that still ends with failures by then has some that no other try mends.
MOST_STARTS = 500


def processes_of(driver: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes that the driver has started, those that keep the books of multiprocessing left out."""
    children = psutil.Process(driver.pid).children(recursive=True)
    return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]


def kill(driver: subprocess.Popen[bytes], chance: random.Random) -> str:
    """Kill the driver or one of its processes; say which."""
    try:
        workers = processes_of(driver)
        if workers and chance.random() < 0.6:
            chance.choice(workers).send_signal(signal.SIGKILL)
            return "worker"
    except psutil.NoSuchProcess:
        return "nobody: it was gone"
    driver.kill()
    driver.wait()
    return "driver"


def cells(folder: Path) -> Counter[str]:
    """How often each cell is closed in the store."""
    lines = (line for part in folder.glob("*/*/part-*.jsonl") for line in part.read_bytes().splitlines())
    closed = (json.loads(line) for line in lines if line.startswith(b'{"kind":"cell"') and line.endswith(b"}"))
    return Counter(line["key"] for line in closed)


def round_of_kills(folder: Path, end: float, chance: random.Random, log: IO[bytes]) -> Counter[str]:
    """Begin a run, and give its command until it ends by itself; kill it until the clock says end.

    Returns:
        How often the driver or a worker was killed, and how often the command was given.
    """
    counts: Counter[str] = Counter()
    while True:
        driver = subprocess.Popen([*RUN, "--results", str(folder)], stderr=log, stdout=log)
        counts["starts"] += 1
        while driver.poll() is None:
            left = end - time.monotonic()
            try:
                driver.wait(min(chance.uniform(15, 150), left) if left > 0 else None)
            except subprocess.TimeoutExpired:
                if time.monotonic() < end:
                    counts[kill(driver, chance)] += 1
                    print(f"{time.strftime('%H:%M:%S')} {dict(counts)} cells {len(cells(folder))}", flush=True)
        if driver.returncode == 0 or counts["starts"] >= MOST_STARTS:
            return counts


def judge(folder: Path) -> tuple[bool, str]:
    """Say whether a run that has ended has every cell once, and every digest right."""
    found = cells(folder)
    command = [*RUN, "--results", str(folder), "--dry-run", "--format", "json"]
    planned = subprocess.run(command, capture_output=True, check=True)
    expected = sum(row["cells"] for row in json.loads(planned.stdout) if row["backend"] != "all")
    verified = subprocess.run(
        [sys.executable, "-m", "harness.cli", "results", "verify", str(folder)], capture_output=True, check=False
    )
    failures = [key for key in found if key.startswith("failure ")]
    whole = len(found) - len(failures)
    twice = sum(count > 1 for key, count in found.items() if key not in failures)
    text = (
        f"{whole} of {expected} cells, {twice} twice, {len(failures)} failures on the way, verify {verified.returncode}"
    )
    return whole == expected and not twice and verified.returncode == 0, text


def main() -> int:
    """Run, kill, and judge what is left, round after round."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("folder", type=Path)
    reader.add_argument("--seconds", type=float, default=3600.0)
    reader.add_argument("--seed", type=int, default=0)
    told = reader.parse_args()
    told.folder.mkdir(parents=True)
    chance, end, sound, number = random.Random(told.seed), time.monotonic() + told.seconds, True, 0
    with (told.folder / "commands.log").open("xb") as log:
        while time.monotonic() < end:
            number += 1
            folder = told.folder / f"round-{number}"
            counts = round_of_kills(folder, end, chance, log)
            whole, text = judge(folder)
            sound &= whole
            print(f"{time.strftime('%H:%M:%S')} round {number}: {dict(counts)}; {text}", flush=True)
    return 0 if sound else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).parent.parent))
    sys.exit(main())
