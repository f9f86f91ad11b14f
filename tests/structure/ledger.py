"""tests/acceptance.tsv maps behaviours to tests: every test it names must exist.

A line is `id <TAB> test[, test…] <TAB> note`; the test column may also say `open` or `aside` with the
reason in the note. A name may end in `*`.
"""
import fnmatch
import json
import pathlib
import subprocess
import sys


def main():
    top, build = pathlib.Path(sys.argv[1]), sys.argv[2]
    listed = subprocess.run(["ctest", "--show-only=json-v1", "--test-dir", build],
                            capture_output=True, text=True, check=True)
    names = [test["name"] for test in json.loads(listed.stdout)["tests"]]
    wrong, counts, seen = [], {"covered": 0, "open": 0, "aside": 0}, set()
    for number, line in enumerate((top / "tests/acceptance.tsv").read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 3:
            wrong.append(f"line {number}: three fields, separated by tabs")
            continue
        row, tests, note = fields
        if row in seen:
            wrong.append(f"line {number}: {row} stands twice")
        seen.add(row)
        if tests in ("open", "aside"):
            counts[tests] += 1
            if not note.strip():
                wrong.append(f"line {number}: {row} is {tests} without a reason")
            continue
        counts["covered"] += 1
        for test in (name.strip() for name in tests.split(",")):
            if not fnmatch.filter(names, test):
                wrong.append(f"line {number}: {row}: no such test: {test}")
    print(", ".join(f"{count} {word}" for word, count in counts.items()))
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
