"""Every include looks down: a file may use its own folder and the floors below, nothing else."""
import pathlib
import re
import sys

FLOORS = [
    ["base"],
    ["oci"],
    ["spec", "net", "store", "chart", "observe"],
    ["registry", "export"],
    ["reconcile"],
    ["app"],
]
HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def violations(source: pathlib.Path):
    for file in sorted(source.rglob("*.[hc]*")):
        here = file.relative_to(source).parts[0]
        if here not in HEIGHT:
            yield f"{file}: the folder {here} is on no floor"
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            there = match.group(1).split("/")[0]
            if "/" not in match.group(1) or there not in HEIGHT:
                yield f"{file}:{number}: includes are written floor/room.h: {match.group(1)}"
            elif there != here and HEIGHT[there] >= HEIGHT[here]:
                yield f"{file}:{number}: {here} may not look up or sideways to {there}"


def main():
    wrong = list(violations(pathlib.Path(sys.argv[1]) / "src"))
    print("\n".join(wrong) or "every include looks down")
    sys.exit(1 if wrong else 0)


main()
