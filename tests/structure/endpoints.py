"""The README's table of endpoints has every route of src/observe/endpoints.cc and no other; what changes something is a
POST there, and behind the admin token here."""
import pathlib
import re
import sys


def main():
    top = pathlib.Path(sys.argv[1])
    routes = {("POST " if access == "admin" else "") + path for path, access in
              re.findall(r'^    \{"(/[^"]+)", Access::(\w+), ', (top / "src/observe/endpoints.cc").read_text(), re.M)}
    table = (top / "README.md").read_text().split("\nIt listens on ")[1].split("\nThe two POST")[0]
    told = set(re.findall(r"`((?:POST )?/[^`]*)`", table)) - {"/"}    # that one is the page
    wrong = [f"README.md does not tell of {route}" for route in sorted(routes - told)]
    wrong += [f"README.md tells of {route}, which is no route" for route in sorted(told - routes)]
    print("\n".join(wrong) or f"{len(routes)} routes")
    sys.exit(1 if wrong or len(routes) < 8 else 0)


main()
