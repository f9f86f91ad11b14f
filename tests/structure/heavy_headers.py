"""Headers that cost seconds to compile stay behind our own types: few .cc files, no header at all."""
import pathlib
import re
import sys

MOST = {"nlohmann/": 2, "yaml-cpp/": 2, "spdlog/": 2, "CLI/": 2, "prometheus/": 2, "microhttpd": 1}


def main():
    source = pathlib.Path(sys.argv[1]) / "src"
    wrong = []
    for prefix, most in MOST.items():
        users = [
            file
            for file in sorted(source.rglob("*.[hc]*"))
            if re.search(rf"#\s*include\s+<{re.escape(prefix)}", file.read_text())
        ]
        wrong += [f"{file}: {prefix} in a header reaches everybody" for file in users if file.suffix == ".h"]
        if len(users) > most:
            wrong.append(f"{prefix} is included by {len(users)} files, at most {most} may: {users}")
    print("\n".join(wrong) or "heavy headers stay where they are wrapped")
    sys.exit(1 if wrong else 0)


main()
