"""A backend whose import kills its process, as a broken native library does; it writes down that it was tried."""

import os
import signal
from pathlib import Path

if os.environ.get("REPARAM_TRIED"):
    with Path(os.environ["REPARAM_TRIED"]).open("a") as file:
        file.write("tried\n")
os.kill(os.getpid(), signal.SIGSEGV)
