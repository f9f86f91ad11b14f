"""The blocks of shell in the pages, for the tests that run them."""
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
# What is built lies beside the pages and is not looked into: containers come and go there while tests run.
BUILT = ("build", ".cache", ".git")
PAGES = sorted(page for place in TOP.iterdir() if place.name not in BUILT
               for page in ([place] if place.suffix == ".md" else place.rglob("*.md")))


def shell_blocks():
    """(page, heading above, commands) of every block of shell in every page."""
    for page in PAGES:
        heading = ""
        for part in re.split(r"^(?=#+ |```)", page.read_text(), flags=re.M):
            if part.startswith("#"):
                heading = part.splitlines()[0].lstrip("# ")
            elif part.startswith("```sh\n"):
                yield str(page.relative_to(TOP)), heading, [re.sub(r" +#.*", "", line) for line in part.splitlines()[1:]]


def shell_block(page, heading) -> list:
    """The commands of the one block of shell below a heading."""
    commands, = (commands for *place, commands in shell_blocks() if place == [page, heading])
    return commands
