"""Ten thousand charts in one spec: requests counted exactly, memory bounded, nothing asked or touched twice.

    python3 tests/scale/ten_thousand.py build/dev/src/ocisync
"""
import concurrent.futures
import json
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.support import charts  # noqa: E402
from tests.support.registry import Registry  # noqa: E402
from tests.support.sync import Ocisync  # noqa: E402
from tests.support.timing import timed  # noqa: E402

COUNT, MEMORY_LIMIT_KIB = int(os.environ.get("OCISYNC_SCALE_CHARTS", "10000")), 96 * 1024


def run(ocisync):
    sample = timed(ocisync.command("--timeout", "10m"), env=ocisync.environment())
    result = json.loads(sample.stdout)
    print(f"  {sample.wall:6.1f} s, {sample.memory / 1024:5.1f} MiB, {result['summary']}")
    assert sample.memory <= MEMORY_LIMIT_KIB, sample.memory
    return result


def main():
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ocisync-scale-") as folder:
        registry = Registry(pathlib.Path(folder) / "registry")
        registry.start()
        try:
            scale(registry, Ocisync(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(folder) / "run"))
        finally:
            registry.stop()


def scale(registry, ocisync):
    pusher = charts.Pusher(registry, "scale/web")
    data = charts.archive(charts.chart_files("web", "1.0.0"))
    pusher.current("1.0.0", data=data)

    def tag(number):
        charts.Pusher(registry, "scale/web").current(f"1.0.{number}", data=data, version="1.0.0",
                                                     annotations={"number": str(number)})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(tag, range(1, COUNT + 1)))
    ocisync.spec([{"name": f"web{n}", "ref": f"oci://{registry.host}/scale/web:1.0.{n}"} for n in range(1, COUNT + 1)])
    registry.forget()
    print(f"{COUNT} charts, cold:")
    run(ocisync)
    requests = registry.requests()
    assert len(requests) == COUNT + 2, len(requests)
    registry.forget()
    print("again, nothing to do:")
    before = ocisync.snapshot()
    assert run(ocisync)["summary"]["unchanged"] == COUNT
    assert [r.method for r in registry.requests()] == ["HEAD"] * COUNT
    assert ocisync.snapshot() == before


main()
