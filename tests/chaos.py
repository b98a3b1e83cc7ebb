"""A long mixed run, killed at random, ends with every cell measured once: python tests/chaos.py FOLDER --seconds 3600.

The driver, or one of its processes, is killed with SIGKILL after a random time, again and again, and the same command
is given again, until the seconds are over; then the run is left alone to its end. What is in the store afterwards is
compared with the plan: every cell once, no failure, every digest right.
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

import psutil

SWEEP = Path(__file__).with_name("chaos.toml")
RUN = (sys.executable, "-m", "harness.cli", "run", "--sweep", str(SWEEP), "--time-limit", "600")


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


def main() -> int:
    """Run, kill, and judge what is left."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("folder", type=Path)
    reader.add_argument("--seconds", type=float, default=3600.0)
    reader.add_argument("--seed", type=int, default=0)
    told = reader.parse_args()
    chance, end, kills = random.Random(told.seed), time.monotonic() + told.seconds, Counter[str]()
    command = [*RUN, "--results", str(told.folder)]
    driver, starts = None, 0
    with (told.folder.parent / "chaos.log").open("ab") as log:
        while time.monotonic() < end:
            if driver is None or driver.poll() is not None:
                if driver is not None and driver.returncode == 0:
                    break
                driver, starts = subprocess.Popen(command, stderr=log, stdout=log), starts + 1
            wait = chance.uniform(15, 150)
            try:
                driver.wait(min(wait, max(end - time.monotonic(), 0)))
            except subprocess.TimeoutExpired:
                if time.monotonic() < end:
                    kills[kill(driver, chance)] += 1
                    print(
                        f"{time.strftime('%H:%M:%S')} kills {dict(kills)} cells {len(cells(told.folder))}", flush=True
                    )
        while driver is None or driver.wait() != 0:
            driver, starts = subprocess.Popen(command, stderr=log, stdout=log), starts + 1
            if starts > 10_000:
                break
    found = cells(told.folder)
    planned = subprocess.run([*command, "--dry-run", "--format", "json"], capture_output=True, check=True)
    expected = sum(row["cells"] for row in json.loads(planned.stdout) if row["backend"] != "all")
    verified = subprocess.run(
        [sys.executable, "-m", "harness.cli", "results", "verify", str(told.folder)], capture_output=True, check=False
    )
    failures = [key for key in found if key.startswith("failure ")]
    twice = [key for key, count in found.items() if count > 1 and key not in failures]
    print(f"{starts} starts, kills {dict(kills)}, {len(found) - len(failures)} of {expected} cells, "
          f"{len(twice)} twice, {len(failures)} failures on the way, verify {verified.returncode}")  # fmt: skip
    return 0 if len(found) - len(failures) == expected and not twice and verified.returncode == 0 else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).parent.parent))
    sys.exit(main())
