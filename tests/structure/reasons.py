"""The README's table of reasons says what src/base/error.cc says: name, exit code, meaning; and names the other words
of a status condition."""
import pathlib
import re
import sys

ROW = re.compile(r'\{Reason::\w+,\s*\{"(\w+)", Fault::\w+, (\d), "([^"]+)"\}\}')


# A literal that begins in upper case, inside the functions that give a condition its reason.
WORD = re.compile(r'"([A-Z]\w+)"')


def words_of_conditions(source):
    grounds = source[source.index("unsettled("):source.index("Json condition_json(")]
    return set(WORD.findall(grounds))


def main():
    top = pathlib.Path(sys.argv[1])
    known = [f"| `{name}` | {code} | {text} |" for name, code, text in
             ROW.findall((top / "src/base/error.cc").read_text())]
    page = (top / "README.md").read_text()
    told = [line for line in page.splitlines() if re.match(r"\| `[A-Z]\w+` \| \d \|", line)]
    wrong = [f"missing: {row}" for row in known if row not in told] + [f"outdated: {row}" for row in told if row not in known]
    words = words_of_conditions((top / "src/observe/status_document.cc").read_text())
    names = {row.split("`")[1] for row in known}
    listed = set(re.findall(r"`(\w+)`", page[page.index("The conditions of a chart"):].split("\n\n")[0]))
    wrong += [f"a condition's reason that the page does not list, or lists in vain: {word}"
              for word in sorted((words - names) ^ listed)]
    print("\n".join(wrong) or f"{len(known)} reasons")
    sys.exit(1 if wrong or len(known) < 20 else 0)


main()
