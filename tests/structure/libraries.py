"""The binary must not drag in what a tar reader and a JSON parser do not need."""
import subprocess
import sys

UNWANTED = ("libxml2", "libicu", "liblzma.so", "libarchive")


def main():
    loaded = subprocess.run(["ldd", sys.argv[1]], capture_output=True, text=True, check=True).stdout
    wrong = [line.strip() for line in loaded.splitlines() if line.strip().startswith(UNWANTED)]
    print(f"{len(loaded.splitlines())} libraries loaded")
    print("\n".join(f"unwanted: {line}" for line in wrong))
    sys.exit(1 if wrong else 0)


main()
