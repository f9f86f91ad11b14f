"""The programs and schemas that deploy/setup.sh --tests keeps."""
import os
import pathlib


KEPT = pathlib.Path(os.environ.get("OCISYNC_TEST_TOOLS") or pathlib.Path.home() / ".cache/ocisync-test-tools")


def tool(name) -> pathlib.Path:
    if not (KEPT / name).exists():
        raise RuntimeError(f"{KEPT / name} is missing: run deploy/setup.sh --tests")
    return KEPT / name
