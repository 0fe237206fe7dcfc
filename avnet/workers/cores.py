"""How many processes or threads can run at once here."""

import math
import os
from pathlib import Path


def available_cores(system: Path = Path("/")) -> int:
    """Cores that this process may use: those it is bound to, and no more than the quota of its control groups.

    A container or a batch system may allow one core of a machine that has many; more workers than that only wait.

    Args:
        system: where `proc` and `sys` lie.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([bound, *(math.ceil(quota) for quota in _quotas(system))]))


def _quotas(system: Path) -> list[float]:
    """The quotas, in cores, of the control group of this process and of those that it lies in."""
    try:
        lines = (system / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return []
    quotas = []
    for _, controllers, place in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = system / "sys/fs/cgroup" / ("cpu" if controllers else "")
        group = top / place.strip("/")
        # In a container the place may be that of the host, which is not there; its own group is then at the top.
        for folder in {top, *(path for path in (group, *group.parents) if path.is_relative_to(top))}:
            quotas += _quota(folder)
    return quotas


def _quota(folder: Path) -> list[float]:
    """Of one group: in version 2 `cpu.max` holds quota and period or `max`, in version 1 each has a file."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return [int(quota) / int(period)] if int(quota) > 0 and int(period) > 0 else []
    except (OSError, ValueError):  # there is none
        return []
