"""Free loopback ports below the ephemeral range, so that two tests never meet."""
import os
import random
import socket


def free_port() -> int:
    chooser = random.Random(os.urandom(8))
    while True:
        port = chooser.randrange(11000, 31000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
