"""A thousand checks of an idle sidecar: no descriptor, thread or memory more than after the first ones.

    python3 tests/scale/idle.py build/dev/src/ocisync
"""
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.support.charts import Pusher  # noqa: E402
from tests.support.registry import Registry  # noqa: E402
from tests.support.sidecar import Sidecar, eventually  # noqa: E402
from tests.support.sync import Ocisync  # noqa: E402

CHECKS = int(os.environ.get("OCISYNC_SCALE_CHECKS", "1000"))
CHARTS = 20  # so that a check of each second makes the thousand in a minute


def resident(sidecar):
    return int(open(f"/proc/{sidecar.process.pid}/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def main():
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ocisync-idle-") as folder, \
            Registry(pathlib.Path(folder) / "registry") as registry:
        Pusher(registry, "charts/web").current("1.0.0")
        ocisync = Ocisync(sys.argv[1], pathlib.Path(folder) / "run")
        ocisync.spec([{"name": f"chart{i}", "ref": f"oci://{registry.host}/charts/web:1.0.0"}
                      for i in range(CHARTS)], interval="1s")
        with Sidecar(ocisync) as sidecar:
            eventually(sidecar.is_ready, "ready")

            def checks():
                return sidecar.metric("syncs_total", result="unchanged")

            eventually(lambda: checks() >= 100, "the first checks", 600)
            before = sidecar.descriptors(), sidecar.threads(), resident(sidecar)
            eventually(lambda: checks() >= 100 + CHECKS, "all checks", 6000)
            after = sidecar.descriptors(), sidecar.threads(), resident(sidecar)
            print(f"  descriptors, threads, KiB: {before} then {after}; {sidecar.cpu_ticks()} ticks in all")
            assert after[0] <= before[0] + 1 and after[1] == before[1], (before, after)
            assert after[2] <= before[2] + 2048, (before, after)
            assert not [event for event in sidecar.events() if event["level"] in ("warning", "error")]


if __name__ == "__main__":
    main()
