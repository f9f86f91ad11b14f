"""Runs the real binary on a spec, and reads what it left behind."""
import dataclasses
import json
import os
import pathlib
import subprocess


@dataclasses.dataclass
class Run:
    code: int
    stdout: str
    stderr: str

    @property
    def result(self):
        return json.loads(self.stdout)

    def chart(self, name):
        return next(chart for chart in self.result["charts"] if chart["name"] == name)

    def events(self):
        """The log lines, parsed: each must be JSON."""
        return [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]


def as_user(user, group, *groups):
    """What comes before a command that another user runs."""
    return ["setpriv", f"--reuid={user}", f"--regid={group}",
            "--groups=" + ",".join(map(str, groups)) if groups else "--clear-groups"]


class Ocisync:
    """`folder` holds spec, cache and export of one test."""

    def __init__(self, binary, folder):
        self.binary, self.folder = str(pathlib.Path(binary).absolute()), pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cache, self.export, self.spec_file = (self.folder / n for n in ("cache", "export", "charts.yaml"))

    def spec(self, charts, registries=(), **settings):
        """Writes the spec; JSON is YAML, so nothing needs quoting."""
        spec = {"cache": {"path": str(self.cache)}, "retry": {"min": "50ms", "max": "200ms"}, **settings}
        spec["export"] = {"path": str(self.export), **settings.get("export", {})}
        spec["charts"] = [{"ref": chart} if isinstance(chart, str) else chart for chart in charts]
        if registries:
            spec["registries"] = list(registries)
        document = {"apiVersion": "ocisync.dev/v1alpha1", "kind": "ChartSync",
                    "metadata": {"name": "test"}, "spec": spec}
        self.spec_file.write_text(json.dumps(document, indent=1))
        return self

    def environment(self, **extra):
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith(("OCISYNC_", "HELM_", "DOCKER_")) and "proxy" not in key.lower()}
        kept.update({"HOME": str(self.folder / "home"), "CI": "true"})
        kept.update({key: str(value) for key, value in extra.items()})
        return kept

    def command(self, *arguments):
        return [self.binary, "sync", "--config", str(self.spec_file), "-o", "json", *map(str, arguments)]

    def run(self, *arguments, command=None, timeout=120, input=None, **environment) -> Run:
        done = subprocess.run(command or self.command(*arguments), capture_output=True, text=True,
                              env=self.environment(**environment), cwd=self.folder, timeout=timeout, input=input)
        return Run(done.returncode, done.stdout, done.stderr)

    def sync(self, *arguments, **environment) -> Run:
        return self.run("--timeout", "20s", *arguments, **environment)

    def popen(self, *arguments, **environment):
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, env=self.environment(**environment), cwd=self.folder)

    def exported(self, name="web"):
        """{path: bytes} of what a reader finds under the export of a chart."""
        top = self.export / name
        return {str(file.relative_to(top)): file.read_bytes() for file in sorted(top.rglob("*")) if file.is_file()}

    def snapshot(self, *skip):
        """Every path below the export with inode, mtime and link target: equal means untouched. What is
        scratch or rewritten each pass by design (staging, status) does not count."""
        seen = {}
        for path in sorted(self.export.rglob("*")):
            relative = str(path.relative_to(self.export))
            if relative == ".ocisync" or relative.startswith((".ocisync/staging", ".ocisync/status", *skip)):
                continue
            status = path.lstat()
            seen[relative] = (status.st_ino, status.st_mtime_ns, status.st_mode,
                              os.readlink(path) if path.is_symlink() else "")
        return seen
