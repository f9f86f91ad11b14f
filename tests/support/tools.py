"""The programs and schemas that deploy/setup.sh --tests keeps."""
import os
import pathlib


def tool(name) -> pathlib.Path:
    kept = pathlib.Path(os.environ.get("OCISYNC_TEST_TOOLS") or pathlib.Path.home() / ".cache/ocisync-test-tools")
    if not (kept / name).exists():
        raise RuntimeError(f"{kept / name} is missing: run deploy/setup.sh --tests")
    return kept / name
