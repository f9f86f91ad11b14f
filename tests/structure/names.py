"""A type, constant or alias of the namespace is defined in one place: two of one name would silently become one.

Headers count, and what a .cc file defines outside of its unnamed namespace.
"""
import collections
import pathlib
import re
import sys

# Whatever stands in a namespace is not indented.
TYPE = re.compile(r"^(?:class|struct|enum(?: class)?|union) (\w+)(?: final)?(?: : [^;{]*)?(?: \{|\{|$)")
CONSTANT = re.compile(r"^(?:inline )?(?:constexpr|const) [^=({]*?\b(k[A-Z]\w*)\b")
ALIAS = re.compile(r"^using (\w+) =")


def definitions(file: pathlib.Path):
    namespaces = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if opened := re.match(r"^namespace ?([\w:]*) \{", line):
            namespaces.append(opened[1])
        elif line.startswith("}  // namespace"):
            namespaces.pop()
        elif "" not in namespaces:
            for pattern in (TYPE, CONSTANT, ALIAS):
                if found := pattern.match(line):
                    yield "::".join([*namespaces, found[1]]), number


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
