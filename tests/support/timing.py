"""Whole processes, timed from outside."""
import dataclasses
import os
import subprocess
import tempfile
import time


@dataclasses.dataclass
class Sample:
    wall: float  # seconds
    memory: int  # peak resident, KiB
    cpu: float   # seconds, user and system
    stdout: bytes


def timed(command, env=None, cwd=None) -> Sample:
    """Runs a command to its end; a failure raises. The peak is read by time(1), whose own is small: a
    child of a large process would be charged with what its parent held when it forked."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as figures, tempfile.TemporaryFile(dir="/dev/shm") as out:
        wrapped = ["/usr/bin/time", "-f", "%M %U %S", "-o", figures.name, *map(str, command)]
        started = time.monotonic()
        done = subprocess.run(wrapped, stdout=out, stderr=subprocess.PIPE, env=env or os.environ, cwd=cwd)
        wall = time.monotonic() - started
        if done.returncode != 0:
            raise RuntimeError(f"{command[:4]}: {done.stderr[-2000:].decode(errors='replace')}")
        memory, user, system = open(figures.name).read().split()
        out.seek(0)
        return Sample(wall, int(memory), float(user) + float(system), out.read())
