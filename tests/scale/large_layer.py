"""One layer of 1 GiB, limits raised: fetched, checked and unpacked in no more memory than a small chart, but for 8 MiB.

    python3 tests/scale/large_layer.py build/release/src/ocisync
"""
import gzip
import io
import json
import os
import pathlib
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.support import charts  # noqa: E402
from tests.support.registry import Registry  # noqa: E402
from tests.support.sync import Ocisync  # noqa: E402
from tests.support.timing import timed  # noqa: E402

SIZE, MOST_KIB = int(os.environ.get("OCISYNC_SCALE_LAYER", 1 << 30)), 8 * 1024


def archive(size) -> bytes:
    """A chart whose archive is as large as its one big file, since nothing of it can be packed."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=0, mtime=0) as zipped:
        with tarfile.open(fileobj=zipped, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
            for name, data in (("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.0.0\n"),
                               ("files/data.bin", os.urandom(size))):
                entry = tarfile.TarInfo(f"web/{name}")
                entry.size, entry.mode = len(data), 0o644
                tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def peak(registry, folder, binary, size) -> int:
    charts.Pusher(registry, f"scale/web{size}").current("1.0.0", data=archive(size))
    ocisync = Ocisync(binary, folder / f"run{size}")
    ocisync.spec([{"name": "web", "ref": f"oci://{registry.host}/scale/web{size}:1.0.0"}], timeout="10m",
                 limits={"archiveSize": "2Gi", "fileSize": "2Gi", "unpackedSize": "2Gi"})
    sample = timed(ocisync.command("--timeout", "20m"), env=ocisync.environment())
    state = json.loads(sample.stdout)["charts"][0]["state"]
    assert state == "updated", state
    assert (ocisync.export / "web/files/data.bin").stat().st_size == size
    print(f"  layer of {size >> 10} KiB: {sample.wall:6.2f} s, {sample.memory / 1024:5.1f} MiB")
    return sample.memory


def main():
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ocisync-scale-") as folder:
        registry = Registry(pathlib.Path(folder) / "registry")
        registry.start()
        try:
            binary = pathlib.Path(sys.argv[1]).resolve()
            small, large = (peak(registry, pathlib.Path(folder), binary, size) for size in (1 << 10, SIZE))
        finally:
            registry.stop()
    assert large - small <= MOST_KIB, f"{large - small} KiB more for the large layer"


main()
