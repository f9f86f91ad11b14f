"""What a process asked of the kernel, seen by strace."""
import pathlib
import re
import subprocess
import tempfile

from .sync import Run

CALL = re.compile(r"^(?:\d+ +)?(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")


def traced(ocisync, command, calls, **environment):
    """Runs the command under strace; returns its Run and [(name, arguments)] of the calls that succeeded."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        log = pathlib.Path(folder) / "trace"
        wrapped = ["strace", "-f", "-qq", "-s", "400", "-e", f"trace={calls}", "-e", "signal=none", "-o", log, *command]
        done = subprocess.run(list(map(str, wrapped)), capture_output=True, text=True, timeout=120,
                              env=ocisync.environment(**environment), cwd=ocisync.folder)
        found = [CALL.match(line) for line in log.read_text(errors="replace").splitlines()]
    seen = [(m["name"], m["arguments"]) for m in found if m and int(m["result"]) >= 0]
    return Run(done.returncode, done.stdout, done.stderr), seen


WRITING = ("openat,openat2,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,"
           "unlinkat,rmdir,truncate,ftruncate,utimensat,chmod,fchmod,fchmodat,chown,fchown,fchownat,mknod,mknodat,"
           "setxattr,fsetxattr,flock,mount")


def writes(seen):
    """Of those calls, the ones that change a file system: opening for reading and /dev/null do not."""
    def harmless(name, arguments):
        if name in ("openat", "openat2", "open"):
            return "O_RDONLY" in arguments and "O_CREAT" not in arguments or '"/dev/null"' in arguments
        return False
    return [(name, arguments) for name, arguments in seen if not harmless(name, arguments)]
