"""Times whole processes in turn, round after round, and prints medians and ratios."""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import statistics
import tempfile

from tests.bench.synthetic import chart_set
from tests.support import charts
from tests.support.podman import IMAGE, Podman
from tests.support.registry import Registry
from tests.support.sync import Ocisync
from tests.support.timing import Sample, timed


def total(samples) -> Sample:
    return Sample(sum(s.wall for s in samples), max(s.memory for s in samples), sum(s.cpu for s in samples), b"")


class Bench:
    def __init__(self, binary, folder, count):
        self.folder = pathlib.Path(folder)
        self.registry = Registry(self.folder / "registry")
        self.registry.start()
        self.ocisync = Ocisync(binary, self.folder / "ocisync")
        self.helm = charts.Helm(self.folder / "helm", 4)
        self.names, self.manifests, self.blobs = [], [], []
        self.fill(count)
        self.ocisync.spec([f"oci://{self.registry.host}/bench/{name}:1.0.0" for name in self.names])

    def fill(self, count):
        sizes, unpacked, files = [], [], []

        def push(entry):
            name, data, _, _ = entry
            charts.Pusher(self.registry, f"bench/{name}").current("1.0.0", data=data, name=name)
            config = charts.json.dumps({"name": name, "version": "1.0.0", "apiVersion": "v2"},
                                       separators=(",", ":")).encode()
            return name, [charts.sha256(config), charts.sha256(data)]

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            entries = list(chart_set(count))
            for name, digests in pool.map(push, entries):
                base = f"{self.registry.url}/v2/bench/{name}"
                self.names.append(name)
                self.manifests.append(f"{base}/manifests/1.0.0")
                self.blobs += [f"{base}/blobs/{digest}" for digest in digests]
        for _, data, size, number in entries:
            sizes.append(len(data))
            unpacked.append(size)
            files.append(number)
        print(f"{count} charts: packed median {statistics.median(sizes) / 1024:.0f} KiB, total "
              f"{sum(sizes) / 2**20:.1f} MiB; unpacked median {statistics.median(unpacked) / 1024:.0f} KiB, total "
              f"{sum(unpacked) / 2**20:.0f} MiB; files median {statistics.median(files):.0f}")

    def curl(self, urls, head=False):
        config = self.folder / "curl.txt"
        accept = 'header = "Accept: application/vnd.oci.image.manifest.v1+json"\n'
        config.write_text(accept + ("head\n" if head else "") +
                          "".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls))
        return timed(["curl", "-sS", "--parallel", "--parallel-max", "16", "--parallel-immediate", "-K", config])

    def clear(self, *names):
        for name in names:
            shutil.rmtree(self.ocisync.folder / name, ignore_errors=True)

    def sync(self):
        return timed(self.ocisync.command(), env=self.ocisync.environment())

    def floor(self):
        first, second = self.curl(self.manifests), self.curl(self.blobs)
        return total([first, second])

    def helm_loop(self):
        into = self.folder / "pulled"
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir()
        samples = [timed([self.helm.binary, "pull", f"oci://{self.registry.host}/bench/{name}", "--version", "1.0.0",
                          "--untar", "-d", into, "--plain-http"], env={**os.environ, "HOME": str(self.folder)})
                   for name in self.names]
        return total(samples)

    def skopeo(self):
        into = self.folder / "skopeo"
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir()
        images = "".join(f"    bench/{name}: ['1.0.0']\n" for name in self.names)
        config = self.folder / "skopeo.yaml"
        config.write_text(f"{self.registry.host}:\n  tls-verify: false\n  images:\n{images}")
        return timed(["skopeo", "sync", "--src", "yaml", "--dest", "dir", config, into])

    def cold(self):
        self.clear("cache", "export")
        return self.sync()

    def warm(self):
        self.clear("export")
        return self.sync()

    def heads(self):
        return self.curl(self.manifests, head=True)

    def version(self):
        return timed([self.ocisync.binary, "version"])

    def helm_version(self):
        return timed([self.helm.binary, "version"], env={**os.environ, "HOME": str(self.folder)})

    def container(self):
        return timed(["podman", "run", "--rm", "--network=none", IMAGE, "version"], env=Podman().environment)


STEPS = [  # in the order of one round: each pair side by side
    ("floor", "curl"), ("cold", "ocisync"), ("skopeo", "skopeo"), ("helm_loop", "helm"), ("heads", "curl"),
    ("sync", "ocisync"), ("warm", "ocisync"), ("version", "ocisync"), ("helm_version", "helm"), ("container", "podman"),
]
RATIOS = [
    ("cold sync and export / floor", "cold", "floor", "at most 1.5"),
    ("helm pull --untar loop / cold", "helm_loop", "cold", "at least 10"),
    ("skopeo sync / cold", "skopeo", "cold", "at least 3"),
    ("nothing to do / parallel curl of the HEADs", "sync", "heads", "at most 1.2"),
    ("ocisync version / helm version", "version", "helm_version", "at most 0.3"),
]
LABELS = {"floor": "floor: curl, manifests then blobs", "cold": "ocisync, cold sync and export",
          "skopeo": "skopeo sync (unpacks nothing)", "helm_loop": "helm pull --untar, one by one",
          "heads": "curl, the same HEADs", "sync": "ocisync, nothing to do", "warm": "ocisync, full cache, empty export",
          "version": "ocisync version", "helm_version": "helm version",
          "container": "a container: made, `version`, removed"}


def options(words=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--charts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without", default="", help="comma-separated: helm, skopeo, curl, podman")
    return parser.parse_args(words)


def main():
    chosen = options()
    left_out = set(chosen.without.split(","))
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ocisync-bench-") as folder:
        bench = Bench(chosen.binary.resolve(), folder, chosen.charts)
        try:
            samples = measure(bench, chosen.rounds, left_out)
        finally:
            bench.registry.stop()
    report(samples)
    if "podman" not in left_out:
        files = [entry.size for entry in Podman().files(IMAGE).values() if entry.isfile()]
        print(f"\nimage: {sum(files) / 2**20:.1f} MiB unpacked, {len(files)} files; aim: at most 30 MiB")


def measure(bench, rounds, left_out):
    samples = {}
    for number in range(rounds + 1):  # the first warms the registry's page cache and is not counted
        for step, tool in STEPS:
            if tool in left_out or (number == 0 and step in ("helm_loop", "skopeo")):
                continue
            sample = getattr(bench, step)()
            if number > 0:
                samples.setdefault(step, []).append(sample)
    return samples


def report(samples):
    print(f"\n{'':44}{'median':>10}{'min':>10}{'max':>10}{'CPU':>10}{'peak RSS':>12}")
    for step, rows in samples.items():
        walls = [row.wall for row in rows]
        memory = statistics.median(row.memory for row in rows) / 1024
        print(f"{LABELS[step]:44}{statistics.median(walls):9.3f}s{min(walls):9.3f}s{max(walls):9.3f}s"
              f"{statistics.median(row.cpu for row in rows):9.3f}s{memory:8.1f} MiB")
    print(f"\n{'ratio of each round, median':52}{'':8}{'aim':>14}")
    for label, over, under, aim in RATIOS:
        if over in samples and under in samples:
            ratios = [a.wall / b.wall for a, b in zip(samples[over], samples[under])]
            print(f"{label:52}{statistics.median(ratios):8.2f}{aim:>14}")


if __name__ == "__main__":
    main()
