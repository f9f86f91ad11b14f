"""A process that reads exports over and over, as an application does, and says what it finds.

    python3 -m tests.support.reader PLACE [CHART...]

PLACE is what a reader opens once for each look: an export, or in layout snapshot `current`, which then holds those
charts. Each line on stdout is JSON: {"saw": [revision of each chart]} when that is another than before, {"wrong": text},
and once stdin ends {"looks": count}."""
import json
import os
import queue
import re
import select
import subprocess
import sys
import threading

from .charts import chart_files

KINDS = ("values.yaml", "templates/deployment.yaml", "templates/tests/check.yaml")
LINE = re.compile(r"revision (\d+)\n")


def text(revision):
    """More than one write holds, and the same all through: whatever is torn shows."""
    return f"revision {revision}\n" * 1000


def revision_files(name, revision):
    """The files of a chart, each of which tells its revision; one of them is in no other."""
    files = {path: text(revision) for path in (*KINDS, f"only-{revision}")}
    return chart_files(name, f"1.0.{revision}", **files)


def revision_of(path, content):
    """Throws ValueError when it is not one revision, whole."""
    found = LINE.match(content)
    if not found or content != text(found[1]):
        raise ValueError(f"{path} is torn: {len(content)} bytes from {content[:20]!r} to {content[-20:]!r}")
    return int(found[1])


def refuse(error):
    raise error


def read_held(place, chart):
    """The revision of all files below a directory that is held open."""
    files = {}
    for folder, _, names, fd in os.fwalk(chart or ".", dir_fd=place, follow_symlinks=True, onerror=refuse):
        for name in names:
            with open(os.open(name, os.O_RDONLY, dir_fd=fd)) as file:
                files[os.path.relpath(os.path.join(folder, name), chart or ".")] = file.read()
    files.pop("Chart.yaml")
    revisions = {revision_of(path, content) for path, content in files.items()}
    if len(revisions) != 1:
        raise ValueError(f"a mixture of the revisions {sorted(revisions)}")
    [revision] = revisions
    if set(files) != {*KINDS, f"only-{revision}"}:
        raise ValueError(f"revision {revision} has the files {sorted(files)}")
    return revision


def look(place, charts):
    """The revision of each chart; every file is opened by its path too."""
    held = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        revisions = [read_held(held, chart) for chart in charts]
        again = [read_held(held, chart) for chart in charts]
    finally:
        os.close(held)
    if again != revisions:
        raise ValueError(f"{revisions} became {again} in a directory that is held open")
    for chart in charts:
        for path in KINDS:
            with open(os.path.join(place, chart, path)) as file:
                revision_of(path, file.read())
    return revisions


def main(place, *charts):
    def say(**what):
        print(json.dumps(what), flush=True)

    looks, before = 0, None
    while not select.select([sys.stdin], [], [], 0)[0]:
        looks += 1
        try:
            saw = look(place, charts or ("",))
            if saw != before:
                say(saw=saw)
            before = saw
        except (OSError, ValueError, KeyError) as error:
            say(wrong=repr(error))
    say(looks=looks)


class Reader:
    """A context manager: such a process. `saw` is [[revision of each chart]], in the order in which they were shown."""

    def __init__(self, place, *charts):
        self.process = subprocess.Popen([sys.executable, "-m", "tests.support.reader", str(place), *charts],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.saw, self.wrong, self.looks = [], [], 0
        self.lines = queue.Queue()
        self.thread = threading.Thread(target=lambda: [self.lines.put(json.loads(line)) for line in self.process.stdout])
        self.thread.start()

    def take(self, line):
        self.saw += [line["saw"]] if "saw" in line else []
        self.wrong += [line["wrong"]] if "wrong" in line else []
        self.looks = line.get("looks", 0)

    def wait_for(self, revisions):
        """Until it has seen them, one of each chart."""
        while not self.saw or self.saw[-1] != revisions:
            self.take(self.lines.get(timeout=60))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.thread.join()
        self.process.stdout.close()
        while not self.lines.empty():
            self.take(self.lines.get())


if __name__ == "__main__":
    main(*sys.argv[1:])
