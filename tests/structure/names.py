"""A type, constant or alias is defined in one place: two of one name in the namespace would silently become one, and what
is private to a file needs a name of its own within its floor, for a release compiles several files as one."""
import collections
import pathlib
import re
import sys

# Whatever stands in a namespace is not indented.
TYPE = re.compile(r"^(?:class|struct|enum(?: class)?|union) (\w+)(?: final)?(?: : [^;{]*)?(?: \{|\{|$)")
CONSTANT = re.compile(r"^(?:inline )?(?:constexpr|const) [^=({]*?\b(k[A-Z]\w*)\b")
ALIAS = re.compile(r"^using (\w+) =")
FUNCTION = re.compile(r"^(?! )(?:\[\[\w+\]\] )?[\w:<>,&* ]*?\b(\w+\([^;{]*\)) (?:noexcept )?\{")  # with its parameters


def definitions(file: pathlib.Path):
    namespaces = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if opened := re.match(r"^namespace ?([\w:]*) \{", line):
            namespaces.append(opened[1])
            continue
        if line.startswith("}  // namespace"):
            namespaces.pop()
            continue
        private = "" in namespaces
        for pattern in (TYPE, CONSTANT, ALIAS, *([FUNCTION] if private else [])):
            if found := pattern.match(line):
                home = [file.parent.name, "(private)"] if private else namespaces
                yield "::".join([*home, found[1]]), number


def main():
    source = pathlib.Path(sys.argv[1]) / "src"
    places = collections.defaultdict(list)
    for file in sorted(source.rglob("*.[hc]*")):
        for name, number in definitions(file):
            places[name].append(f"{file.relative_to(source)}:{number}")
    wrong = [f"{name} is defined at {' and at '.join(at)}" for name, at in sorted(places.items()) if len(at) > 1]
    print("\n".join(wrong) or f"{len(places)} names, each in one place")
    sys.exit(1 if wrong or len(places) < 200 else 0)


main()
