"""The map of src names every room in the paragraph of its folder, and none that is gone."""
import pathlib
import re
import sys


def main():
    source = pathlib.Path(sys.argv[1]) / "src"
    parts = re.split(r"^\*\*(\w+)\*\*$", (source / "README.md").read_text().split("## The rooms")[1].split("\n## ")[0],
                     flags=re.M)
    told = {folder: set(re.findall(r"[a-z0-9_]+", text)) for folder, text in zip(parts[1::2], parts[2::2])}
    rooms = {(file.parent.name, file.stem) for file in source.glob("*/*.[hc]*")}
    wrong = [f"src/README.md does not name {folder}/{room}" for folder, room in sorted(rooms)
             if room not in told.get(folder, set())]
    wrong += [f"src/README.md names {folder}/{word}, which is gone" for folder, words in sorted(told.items())
              for word in sorted(words) if "_" in word and (folder, word) not in rooms]
    print("\n".join(wrong) or f"{len(rooms)} rooms")
    sys.exit(1 if wrong or len(rooms) < 100 else 0)


main()
