"""The Debian package, as `cpack` makes it of a build."""
import pathlib
import subprocess


def debian_package(binary, folder) -> pathlib.Path:
    """Of the build that `binary` is in, made in `folder`."""
    build = pathlib.Path(binary).resolve().parents[1]
    done = subprocess.run(["cpack", "-G", "DEB", "-B", folder, "--config", build / "CPackConfig.cmake"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"cpack: {done.stdout}{done.stderr}")
    package, = pathlib.Path(folder).glob("*.deb")
    return package
