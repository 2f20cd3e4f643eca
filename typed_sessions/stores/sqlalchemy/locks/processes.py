"""Which process holds a lock row, and whether it lives."""

import os
import socket
from functools import cache
from pathlib import Path

PROC = Path("/proc")


def holder() -> str:
    """This process, for people."""
    return f"the process {os.getpid()} on {socket.gethostname()}"


def life() -> str:
    """This very process, told from all before and after it on this machine; empty where nobody could look it up."""
    return _life(os.getpid())


@cache
def _life(pid: int) -> str:
    machine, started = _machine(), _started(pid)
    return f"{machine} {pid} {started}" if machine and started else ""


def is_over(life: str) -> bool:
    """Whether that process is known to have ended. Of other machines and containers nothing is known."""
    machine, _, process = life.partition(" ")
    pid, _, started = process.partition(" ")
    return bool(machine) and machine == _machine() and _started(int(pid)) != started


@cache
def _machine() -> str:
    """This start of this machine, and the container in which numbers of processes mean the same as here."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process was started, in ticks since the machine's start; empty if it is no more (proc(5), `stat`)."""
    try:
        # The name of the program stands in brackets, and may hold anything.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    is_dead = fields[0] in {"Z", "X"}
    return "" if is_dead else fields[19]
