"""The README's table of reasons says what src/base/error.cc says: name, exit code, meaning."""
import pathlib
import re
import sys

ROW = re.compile(r'\{Reason::\w+,\s*\{"(\w+)", Fault::\w+, (\d), "([^"]+)"\}\}')


def main():
    top = pathlib.Path(sys.argv[1])
    known = [f"| `{name}` | {code} | {text} |" for name, code, text in
             ROW.findall((top / "src/base/error.cc").read_text())]
    told = [line for line in (top / "README.md").read_text().splitlines() if re.match(r"\| `[A-Z]\w+` \| \d \|", line)]
    wrong = [f"missing: {row}" for row in known if row not in told] + [f"outdated: {row}" for row in told if row not in known]
    print("\n".join(wrong) or f"{len(known)} reasons")
    sys.exit(1 if wrong or len(known) < 20 else 0)


main()
