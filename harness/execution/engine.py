"""Which machines measure: this one, or the workers of a Dask scheduler."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BadInputError, out_of_range, shown
from harness.execution.cluster import Cluster, checked
from harness.execution.pool import FrameworkPool
from harness.execution.process import Listener


@dataclass(frozen=True)
class Engine:
    """Where cells are measured, and how long one may take.

    Attributes:
        scheduler: address of a Dask scheduler, such as "tcp://10.0.0.1:8786"; None for this machine.
        scheduler_file: what `dask scheduler --scheduler-file` wrote, in place of the address.
        time_limit: seconds of a cell, after which its process is killed; infinity for none.
        patience: seconds that cells wait while no Dask worker offers what they need; infinity for ever.
    """

    scheduler: str | None = None
    scheduler_file: Path | None = None
    time_limit: float = math.inf
    patience: float = 30.0

    def __post_init__(self) -> None:
        if not self.time_limit > 0:
            raise out_of_range("--time-limit", f"{self.time_limit:g}", "above 0", "give seconds, or inf for no limit")
        if not self.patience > 0:
            raise out_of_range("--patience", f"{self.patience:g}", "above 0", "give seconds, or inf to wait for ever")
        if self.scheduler is not None and self.scheduler_file is not None:
            raise BadInputError(
                f"--scheduler {self.scheduler} and --scheduler-file {self.scheduler_file} exclude each other; give one"
            )
        if self.distributed:
            checked(self.address)

    @property
    def distributed(self) -> bool:
        """Whether cells are sent to a Dask scheduler."""
        return self.scheduler is not None or self.scheduler_file is not None

    @property
    def address(self) -> str:
        """Return the scheduler's address, "" for this machine.

        Raises:
            BadInputError: the scheduler's file cannot be read as one.
        """
        if self.scheduler_file is None:
            return self.scheduler or ""
        try:
            return str(json.loads(self.scheduler_file.read_text())["address"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInputError(
                f"--scheduler-file {shown(str(self.scheduler_file))} cannot be read ({type(error).__name__}); "
                "give the file that this wrote: dask scheduler --scheduler-file FILE"
            ) from None

    def executor(self, processes: int, listener: Listener) -> FrameworkPool | Cluster:
        """Return a new executor of tasks.

        Args:
            processes: how many frameworks compute at once on this machine.
            listener: told of the progress.

        Raises:
            BadInputError: the scheduler cannot be used.
        """
        if self.distributed:
            return Cluster(self.address, listener, self.patience)
        return FrameworkPool(processes, listener)
