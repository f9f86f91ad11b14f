"""The version stands in CMakeLists.txt, and whatever repeats it says the same."""
import pathlib
import re
import sys

NAMED = r"\bocisync(?::|-|/manifests/)(\d+\.\d+\.\d+)"
PLACES = {
    "README.md": NAMED,
    "deploy/README.md": NAMED,
    "deploy/CHANGELOG.md": r"\A# Changes\n\n## (\S+)",
    "deploy/chart/Chart.yaml": r"^(?:version|appVersion): (\S+)",
    "manifests/README.md": r"\bnewTag: ([^\s}]+)",
    "manifests/**/*.yaml": r"\bimage: ocisync:(\S+)",
    "manifests/components/labels/kustomization.yaml": r"kubernetes\.io/version: (\S+)",
    "tests/*/*_test.py": NAMED,
}


def main():
    top = pathlib.Path(sys.argv[1])
    version = re.search(r"^project\(ocisync VERSION (\S+)", (top / "CMakeLists.txt").read_text(), re.M)[1]
    wrong, count = [], 0
    for place, pattern in PLACES.items():
        found = [(file.relative_to(top), said) for file in sorted(top.glob(place))
                 for said in re.findall(pattern, file.read_text(), re.M)]
        wrong += [f"{file}: {said}, which is not {version}" for file, said in found if said != version]
        wrong += [] if found else [f"{place}: names no version any more"]
        count += len(found)
    print("\n".join(wrong) or f"{version}, in {count} places")
    sys.exit(1 if wrong else 0)


main()
