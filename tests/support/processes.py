"""What a process started, seen from outside."""
import contextlib
import os
import pathlib
import signal


def living(group):
    """The processes of a group that have not ended, by id."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, member_of = stat.read_text().rsplit(")", 1)[1].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        if int(member_of) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def kill(group):
    """All of a group, if there still is one."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
