"""Where this project keeps what it can make again: truths, and programs that frameworks have compiled."""

from __future__ import annotations

import os
from pathlib import Path


def cache() -> Path:
    """Return the folder: REPARAM_CACHE, or "reparam" in the user's cache directory."""
    if chosen := os.environ.get("REPARAM_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reparam"
