"""A sidecar of 200 charts in which nothing happens: a thousand passes leave no descriptor, thread or memory more than
the first ones, it stays within its memory, and between passes it takes no time.

    python3 tests/scale/idle.py build/release/src/ocisync
"""
import os
import pathlib
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.support.charts import Pusher, chart_files  # noqa: E402
from tests.support.registry import Registry  # noqa: E402
from tests.support.sidecar import Sidecar, eventually  # noqa: E402
from tests.support.sync import Ocisync  # noqa: E402

PASSES = int(os.environ.get("OCISYNC_SCALE_PASSES", "1000"))
CHARTS = 200
WARM = 20  # passes before which nothing is compared
MOST_KIB, MOST_COLD_KIB = 20 * 1024, 48 * 1024
REST = 20  # seconds


def main():
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ocisync-idle-") as folder, \
            Registry(pathlib.Path(folder) / "registry") as registry:
        names = [f"chart{i}" for i in range(CHARTS)]
        for name in names:
            files = {f"templates/{i}.yaml": os.urandom(2048) for i in range(24)}  # as charts usually are
            Pusher(registry, f"charts/{name}").current("1.0.0", name=name, files=chart_files(name, **files))
        ocisync = Ocisync(sys.argv[1], pathlib.Path(folder) / "run")
        ocisync.spec([f"oci://{registry.host}/charts/{name}:1.0.0" for name in names], interval="1h")
        with Sidecar(ocisync) as sidecar:
            eventually(sidecar.is_ready, "ready", 600)
            cold = sidecar.peak_kib()
            registry.forget()

            def checked():
                return sidecar.metric("syncs_total", result="unchanged")

            def passes(count):
                for _ in range(count):
                    done = checked() + CHARTS
                    sidecar.send(signal.SIGUSR1)
                    eventually(lambda wanted=done: checked() >= wanted, "a pass", 600)

            def figures():
                return sidecar.descriptors(), sidecar.threads(), sidecar.resident_kib()

            passes(WARM)
            before, ticks, began = figures(), sidecar.cpu_ticks(), time.monotonic()
            passes(PASSES)
            after, busy, took = figures(), sidecar.cpu_ticks() - ticks, time.monotonic() - began
            ticks = sidecar.cpu_ticks()
            time.sleep(REST)
            resting = sidecar.cpu_ticks() - ticks
            asked = {request.method for request in registry.requests()}
            hertz = os.sysconf("SC_CLK_TCK")
            print(f"  {CHARTS} charts, {PASSES} passes in {took:.0f} s; descriptors, threads, KiB: {before} then {after}; "
                  f"peak of the cold pass {cold} KiB; CPU {1000 * busy / hertz / PASSES:.1f} ms a pass, "
                  f"{resting / hertz:.2f} s in {REST} s of rest")
            assert after[0] <= before[0] + 1 and after[1] == before[1], (before, after)
            assert after[2] <= before[2] + 1024, (before, after)
            assert after[2] <= MOST_KIB, after
            assert cold <= MOST_COLD_KIB, cold
            assert resting <= 2, resting
            assert asked == {"HEAD"}, asked
            assert not [event for event in sidecar.events() if event["level"] in ("warning", "error")]


if __name__ == "__main__":
    main()
