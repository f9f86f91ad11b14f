"""What packagers install: completions that complete, units that systemd accepts, a Debian package, pages whose links lead somewhere."""
import json
import pathlib
import re
import shlex
import subprocess

from tests.support.case import Case
from tests.support.debian import debian_package
from tests.support.pages import PAGES, TOP

INSTALLED = [
    "bin/ocisync", "lib/systemd/system/ocisync-once.service", "lib/systemd/system/ocisync-once.timer",
    "lib/systemd/system/ocisync.service", "share/bash-completion/completions/ocisync",
    "share/doc/ocisync/CHANGELOG.md", "share/doc/ocisync/LICENSE",
    "share/fish/vendor_completions.d/ocisync.fish", "share/man/man1/ocisync.1",
    "share/zsh/site-functions/_ocisync"]
# Long or short.
FLAG = re.compile(r"(?<![\w-])-(?:-\w[\w-]+|\w\b)")


class Completion(Case):
    def script(self, shell):
        run = self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "completion", shell]), 0)
        file = self.folder / shell
        file.write_text(run.stdout)
        return file

    def complete(self, *words):
        """What bash offers for the last of these words."""
        line = " ".join(map(shlex.quote, ("ocisync", *words)))
        done = subprocess.run(
            ["bash", "-euc", f'. {self.script("bash")}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; '
                             '_ocisync; printf "%s\\n" "${COMPREPLY[@]}"'],
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()

    def test_bash_completes_commands_flags_and_choices(self):
        self.assertEqual(self.complete("regi"), ["registry"])
        self.assertEqual(self.complete("registry", "log"), ["login", "logout"])
        self.assertEqual(self.complete("chart", "save", "--rep"), ["--repo"])
        self.assertEqual(self.complete("--conf"), ["--config"])
        self.assertEqual(self.complete("completion", ""), ["--help", "bash", "fish", "zsh"])
        self.assertEqual(self.complete("sync", "--output", "j"), ["json"])
        self.assertEqual(self.complete("sync", "--config", ""), [])  # bash's own: files

    def test_fish_completes_commands_flags_and_choices(self):
        for line, offered in (("registry l", ["login", "logout"]), ("sync --output ", ["json", "text"]),
                              ("--conf", ["--config"]), ("--config charts.yaml --wat", ["--watch"]),
                              ("diff --wat", []), ("chart save --rep", ["--repo"]), ("lock --h", ["--help"])):
            done = subprocess.run(["fish", "-c", f'source {self.script("fish")}; complete -C "ocisync {line}"'],
                                  capture_output=True, text=True, env=self.ocisync.environment())
            self.assertEqual([one.split("\t")[0] for one in done.stdout.splitlines()], offered, done.stderr)

    def test_every_shell_accepts_its_script(self):
        for shell in ("bash", "zsh", "fish"):
            with self.subTest(shell=shell):
                done = subprocess.run([shell, "-n", self.script(shell)], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_another_shell_is_refused_in_one_line(self):
        run = self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "completion", "nope"]), 2)
        self.assertEqual(run.stderr, "ocisync: 'nope' is no shell of bash, zsh, fish\n")


class Packaging(Case):
    def say(self, *words):
        return self.assert_code(self.ocisync.run(command=[self.ocisync.binary, *words]), 0).stdout

    def flags(self):
        """{command: its flags}, as --help tells them."""
        return {command: {flag for names in re.findall(r"^ +(-.*?)  ", self.say(*command.split(), "--help"), re.M)
                          for flag in FLAG.findall(names)}
                for command in re.findall(r"^  (\w+(?: \w+)?)  ", self.say("--help"), re.M)}

    def test_the_manual_page_is_clean_and_names_every_command_and_flag(self):
        page = self.say("version", "--print-man")
        done = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-P-cbou"], input=page, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        overview = self.say("--help").splitlines()
        self.assertLessEqual(max(map(len, overview)), 80)
        self.assertLessEqual(len(overview), 24)
        commands = self.flags()
        self.assertGreater(len(commands), 17)
        sections = re.split(r'^\.SS "(.*)"$', page.split(".SH ENVIRONMENT")[0].replace("\\-", "-"), flags=re.M)[1:]
        self.assertEqual(sections[::2], list(commands))
        for command, text in zip(sections[::2], sections[1::2]):
            self.assertIn(command, done.stdout)
            named = {flag for names in re.findall(r"^\\fB(.*)\\fR", text, re.M) for flag in FLAG.findall(names)}
            self.assertEqual(named, commands[command], command)
            self.assertLessEqual(named, set(FLAG.findall(done.stdout)), command)

    def test_defaults_that_flags_tell_are_those_of_the_spec(self):
        spec = json.loads((TOP / "examples/charts.schema.json").read_text())["properties"]["spec"]["properties"]
        manual = self.say("version", "--print-man").replace("\\-", "-").replace("\n\\&", " ")
        for flag, default in (("concurrency", spec["concurrency"]["default"]),
                              ("listen", spec["http"]["properties"]["listen"]["default"])):
            for page in (manual, self.say("sync", "--help")):
                lines = re.findall(rf"--{flag}\b.*", page)
                self.assertTrue(lines)
                for line in lines:
                    self.assertRegex(line, rf"[( ]{re.escape(str(default))}\)$")

    def test_the_readme_has_the_commands_of_the_program_and_no_flag_that_it_lacks(self):
        known, told = self.flags(), set()
        table, rest = (TOP / "README.md").read_text().split("## Commands\n")[1].split("\n\n`--config` takes")
        for cell, text in re.findall(r"^\| (`ocisync.*?`) \| (.*) \|$", table, re.M):
            words = []
            for span in re.findall(r"`([^`]*)`", cell):
                last, words = words, re.sub(r"^ocisync ?|[\[\]]", "", span).split()
                names = " ".join(words[:2]), " ".join(last[:1] + words[:1]), "".join(words[:1])
                command = "sync" if names[2] == "--config" else next((name for name in names if name in known), None)
                self.assertIsNotNone(command, span)
                told.add(command)
            self.assertLessEqual(set(FLAG.findall(cell + text.replace("`sync -o json`", ""))), known[command], cell)
        self.assertEqual(told, set(known))
        self.assertLessEqual(set(FLAG.findall(rest.split("\n\n")[0])) - {"--foo-bar"}, known["sync"])

    def test_the_exit_codes_of_the_manual_are_those_of_the_readme(self):
        manual = self.say("version", "--print-man").split(".SH EXIT STATUS\n")[1].replace("\\-", "-")
        table = (TOP / "README.md").read_text().split("| exit code | meaning |")[1].split("\n\n")[0].replace("`", "")
        # The page says more, behind a colon or a semicolon.
        told = re.findall(r"^\| (\d\S*) \| (.*) \|$", table, re.M)
        for (code, text), (known, short) in zip(told, re.findall(r"\.TP\n(.*)\n(.*)\n", manual), strict=True):
            self.assertEqual(code, known)
            self.assertRegex(text, rf"^{re.escape(short)}($|[:;] )")

    def test_install_puts_everything_where_packagers_expect_it(self):
        build = pathlib.Path(self.ocisync.binary).resolve().parents[1]
        prefix = self.folder / "usr"
        subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True, capture_output=True)
        files = sorted(str(p.relative_to(prefix)) for p in prefix.rglob("*") if p.is_file())
        self.assertEqual(files, INSTALLED)
        self.assert_code(self.ocisync.run(command=[prefix / "bin/ocisync", "version"]), 0)

    def test_systemd_accepts_the_units(self):
        for unit in sorted((TOP / "deploy/systemd").iterdir()):
            # The binary is not installed where tests run.
            text = unit.read_text().replace("/usr/bin/ocisync", str(pathlib.Path(self.ocisync.binary).resolve()))
            (self.folder / unit.name).write_text(text)
        units = sorted(self.folder.glob("ocisync*.*"))
        self.assertEqual([u.name for u in units], ["ocisync-once.service", "ocisync-once.timer", "ocisync.service"])
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
        ours = [line for line in done.stderr.splitlines() if "ocisync" in line]
        self.assertEqual((done.returncode, ours), (0, []), done.stderr)

    def test_systemd_finds_the_services_little_exposed(self):
        for service in sorted((TOP / "deploy/systemd").glob("*.service")):
            # 1.5 of 10, a good part of which is the network.
            done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", service],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_debian_package_holds_what_is_installed_and_says_what_it_needs(self):
        package = debian_package(self.ocisync.binary, self.folder)
        fields = {}
        for name in ("Package", "Version", "Architecture", "Maintainer", "Section", "Depends", "Description"):
            fields[name] = subprocess.run(["dpkg-deb", "--field", package, name], check=True, capture_output=True,
                                          text=True).stdout.strip()
        version = self.ocisync.run(command=[self.ocisync.binary, "version"]).stdout.split()[1]
        machine = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True).stdout.strip()
        self.assertEqual(package.name, f"ocisync_{version}_{machine}.deb")
        self.assertEqual((fields["Package"], fields["Version"], fields["Architecture"], fields["Section"]),
                         ("ocisync", version, machine, "admin"))
        self.assertRegex(fields["Maintainer"], r"^[^<>]+ <\S+@\S+>$")
        self.assertIn("Helm charts", fields["Description"])
        self.assertRegex(fields["Depends"], r"(^|, )ca-certificates(,|$)")
        for library in ("libc6", "libstdc++6", "libcurl4", "libssl3", "libmicrohttpd12"):
            self.assertRegex(fields["Depends"], rf"(^|, ){re.escape(library)} \(>= ")
        listed = subprocess.run(["dpkg-deb", "--contents", package], check=True, capture_output=True, text=True).stdout
        entries = [line.split() for line in listed.splitlines()]
        self.assertEqual(sorted(entry[5] for entry in entries if not entry[0].startswith("d")),
                         [f"./usr/{path}" for path in INSTALLED])
        self.assertEqual({entry[1] for entry in entries}, {"root/root"})
        self.assertEqual({entry[0] for entry in entries if entry[5].startswith("./usr/bin/")} - {"drwxr-xr-x"},
                         {"-rwxr-xr-x"})

    def test_the_printed_reference_and_schema_are_the_ones_in_examples(self):
        for name, flag in (("reference.yaml", "--print-reference"), ("charts.schema.json", "--print-schema"),
                           ("result.schema.json", "--print-result-schema")):
            with self.subTest(name=name):
                run = self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "validate", flag]), 0)
                self.assertEqual((TOP / "examples" / name).read_text(), run.stdout)
        json.loads((TOP / "examples/charts.schema.json").read_text())

    def test_the_pages_are_spelt_right(self):
        done = subprocess.run(["codespell", *PAGES, "examples", "deploy", "manifests"], cwd=TOP, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_links_of_the_pages_lead_somewhere(self):
        self.assertGreater(len(PAGES), 7)
        for page in PAGES:
            text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
            for link in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:", link):
                    continue
                path, _, anchor = link.partition("#")
                target = page.parent / path if path else page
                with self.subTest(page=str(page.relative_to(TOP)), link=link):
                    self.assertTrue(target.exists())
                    if anchor:
                        anchors = [re.sub(r"[^\w\- ]", "", t).strip().lower().replace(" ", "-")
                                   for t in re.findall(r"^#+ (.*)$", target.read_text(), re.M)]
                        self.assertIn(anchor, anchors)
