"""A running `ocisync --watch`, and everything it can be asked from outside."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

from .frozen import Frozen
from .ports import free_port

SAMPLE = re.compile(r'^(?P<name>[a-zA-Z_:]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def eventually(condition, what="it", seconds=60):
    """What `condition` returns once that is true; a failure when it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


class Sidecar:
    """`ocisync` is a tests.support.sync.Ocisync whose spec is written; `command` takes the place of the words that name it."""

    def __init__(self, ocisync, *arguments, prefix=(), command=None, **environment):
        self.ocisync, self.prefix = ocisync, prefix
        self.command = command or ["sync", "--config", str(ocisync.spec_file), "--watch"]
        self.arguments, self.environment = arguments, environment
        self.port = free_port()
        self.log_file = ocisync.folder / f"stderr-{self.port}.log"
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    def start(self):
        self.output = open(self.log_file, "ab")
        self.process = subprocess.Popen(
            [*self.prefix, self.ocisync.binary, *self.command, "--listen", f"127.0.0.1:{self.port}",
             *map(str, self.arguments)],
            stdout=subprocess.PIPE, stderr=self.output, env=self.ocisync.environment(**self.environment),
            cwd=self.ocisync.folder)
        eventually(lambda: self.process.poll() is not None or self.answers(), "listening")
        return self

    def answers(self):
        try:
            return self.get("/livez")[0] > 0
        except OSError:
            return False

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process and not self.process.stdout.closed:
            self.process.stdout.close()
        self.output.close()

    def send(self, number):
        os.kill(self.process.pid, number)

    def stop(self, number=signal.SIGTERM):
        """Sends a signal, and returns the exit code."""
        self.send(number)
        return self.process.wait(timeout=60)

    def frozen(self):
        """While this lasts, the thread that reconciles does nothing; all others go on."""
        return Frozen(self.process.pid)

    def get(self, path, timeout=30, method="GET", **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         headers={key.replace("_", "-"): value for key, value in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def is_ready(self):
        return self.get("/readyz")[0] == 200

    def status(self):
        return json.loads(self.get("/status")[1])

    def chart(self, name="web"):
        return next((chart for chart in self.status()["charts"] if chart["name"] == name), None)

    def condition(self, kind, name="web"):
        return next(each for each in self.chart(name)["conditions"] if each["type"] == kind)

    def metrics(self):
        """[(name, labels, value)] of a scrape."""
        found = []
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith("#"):
                continue
            sample = SAMPLE.match(line)
            assert sample, line
            found.append((sample["name"], dict(LABEL.findall(sample["labels"] or "")), float(sample["value"])))
        return found

    def metric(self, name, **labels):
        """The sum of what matches; None when nothing does."""
        values = [value for known, have, value in self.metrics()
                  if known == "ocisync_" + name and all(have.get(key) == wanted for key, wanted in labels.items())]
        return sum(values) if values else None

    def syncs(self, result, chart="web"):
        return self.metric("syncs_total", chart=chart, result=result)

    def log(self):
        return self.log_file.read_text(errors="replace")

    def events(self, name=None):
        parsed = [json.loads(line) for line in self.log().splitlines()]
        return [event for event in parsed if name is None or event["event"] == name]

    def await_event(self, name, count=1):
        return eventually(lambda: len(self.events(name)) >= count and self.events(name), f"{count} x {name}")

    def check_now(self, name="web"):
        """Has everything checked, and waits until an attempt of that chart has ended."""
        self.next_check(name, after=lambda: self.send(signal.SIGUSR1))

    def next_check(self, name="web", times=1, after=lambda: None):
        """Waits until so many more attempts of a chart have ended, counted from before `after` is called."""
        def ended():
            return self.metric("syncs_total", chart=name) or 0

        target = ended() + times
        after()
        eventually(lambda: ended() >= target, f"{times} checks of {name}")

    def await_beat(self):
        """Waits until the thread that reconciles has shown once more that it goes on: within ten seconds."""
        def beat():
            return self.metric("reconciler_heartbeat_timestamp_seconds")

        last = beat()
        eventually(lambda: beat() > last, "a heartbeat")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def resident_kib(self, what="VmRSS"):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{what}:\s+(\d+) kB", status)[1])

    def peak_kib(self):
        """The most memory that it ever had resident."""
        return self.resident_kib("VmHWM")

    def cpu_ticks(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
