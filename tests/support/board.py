"""The real HTTP server over a board that the test moves by hand."""
import os
import subprocess
import urllib.request


class BoardServer:
    def __init__(self):
        self.process = subprocess.Popen([os.environ["OCISYNC_BOARD_SERVER"]], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def do(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def get(self, path) -> str:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read().decode()

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
