"""Reports the longest files: a prompt to look, not a rule. Fails only when a file is out of all measure."""
import pathlib
import sys

LOOK, OUT_OF_MEASURE = 350, 700


def main():
    source = pathlib.Path(sys.argv[1]) / "src"
    sizes = sorted(((len(f.read_text().splitlines()), f) for f in source.rglob("*.[hc]*")), reverse=True)
    total = sum(size for size, _ in sizes)
    print(f"{len(sizes)} files, {total} lines; longer than {LOOK}:")
    for size, file in sizes:
        if size > LOOK:
            print(f"  {size:5} {file.relative_to(source)}")
    sys.exit(1 if sizes[0][0] > OUT_OF_MEASURE else 0)


main()
