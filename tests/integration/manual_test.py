"""The manual is what the binary says of itself, and a page that man reads without complaint."""
import re
import subprocess

from tests.support.case import Case


class Manual(Case):
    def page(self, name):
        subprocess.run(["deploy/man.sh", self.ocisync.binary, str(self.folder / "man")], check=True)
        done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-P-c", str(self.folder / "man" / name)],
                              check=True, capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return [line.strip() for line in re.sub(".\b", "", done.stdout).splitlines()]

    def say(self, *arguments):
        return [line.strip() for line in self.ocisync.run(command=[self.ocisync.binary, *arguments]).stdout.splitlines()]

    def test_it_says_what_the_help_and_the_reference_say(self):
        page = self.page("man1/ocisync.1")
        commands = [line.split("  ")[0] for line in self.say("--help") if "  " in line and not line.startswith("usage:")]
        self.assertIn("chart push", commands)
        for command in commands:
            self.assertIn(f"ocisync {command}", page)
            self.assertEqual(set(self.say(*command.split(), "--help")) - set(page), set(), command)
        self.assertEqual(set(self.say("validate", "--print-reference")) - set(self.page("man5/ocisync-charts.5")), set())
