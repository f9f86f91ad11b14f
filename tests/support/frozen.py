"""One thread of a process, held still from outside while the others go on."""
import ctypes
import os

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long


class Frozen:
    """A context manager; enter and leave it on one thread. The thread may end while it is held."""

    def __init__(self, thread):
        self.thread = thread

    def ask(self, what):
        if LIBC.ptrace(what, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self.ask(SEIZE)
        self.ask(INTERRUPT)
        os.waitpid(self.thread, WALL)
        return self

    def __exit__(self, *_):
        try:
            self.ask(DETACH)
        except ProcessLookupError:
            pass
