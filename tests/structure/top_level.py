"""The top level holds what it is meant to hold, and each folder explains itself."""
import pathlib
import subprocess
import sys

ALLOWED = {"CMakeLists.txt", "CMakePresets.json", "Dockerfile", "LICENSE", "README.md",
           "src", "manifests", "deploy", "tests", "examples"}


def main():
    top = pathlib.Path(sys.argv[1])
    tracked = subprocess.run(["git", "-C", str(top), "ls-files"], capture_output=True, text=True, check=True)
    names = {line.split("/")[0] for line in tracked.stdout.splitlines()}
    wrong = [f"{name}: does not belong at the top level" for name in sorted(names - ALLOWED) if not name.startswith(".")]
    wrong += [f"{name}/README.md is missing" for name in sorted(names & ALLOWED)
              if (top / name).is_dir() and not (top / name / "README.md").is_file()]
    print("\n".join(wrong) or "the top level is as it should be")
    sys.exit(1 if wrong else 0)


main()
