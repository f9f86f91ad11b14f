"""What packagers install: completions that complete, units that systemd accepts, a Debian package, pages whose links lead somewhere."""
import json
import pathlib
import re
import shlex
import shutil
import subprocess

from tests.support.case import Case
from tests.support.debian import debian_package
from tests.support.pages import PAGES, TOP, shell_block

INSTALLED = [
    "bin/ocisync", "lib/systemd/system/ocisync-once.service", "lib/systemd/system/ocisync-once.timer",
    "lib/systemd/system/ocisync.service", "lib/sysusers.d/ocisync.conf", "share/bash-completion/completions/ocisync",
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
                              ("--conc", ["--concurrency"]), ("--config charts.yaml --wat", ["--watch"]),
                              ("diff --wat", []), ("chart save --rep", ["--repo"]), ("lock --h", ["--help"])):
            done = subprocess.run(["fish", "-c", f'source {self.script("fish")}; complete -C "ocisync {line}"'],
                                  capture_output=True, text=True, env=self.ocisync.environment())
            self.assertEqual([one.split("\t")[0] for one in done.stdout.splitlines()], offered, done.stderr)

    def test_zsh_completes_commands_flags_choices_and_files(self):
        shutil.copy(self.script("zsh"), self.folder / "_ocisync")
        (self.folder / "charts.yaml").touch()
        cases = {"regi": ["registry"], "registry log": ["login", "logout"], "chart save --rep": ["--repo"],
                 "--conf": ["--config"], "completion ": ["--help", "bash", "fish", "zsh"], "sync --output j": ["json"],
                 "--config charts.yaml --wat": ["--watch"], "diff --wat": [], "sync --config char": ["charts.yaml"]}
        # A shell that a person would use, which asks itself what it would offer them as soon as it listens.
        (self.folder / ".zshrc").write_text(f"""
            fpath=({self.folder} $fpath)
            autoload -Uz compinit && compinit -u -D
            typeset -U offered
            compadd() {{ local hits=(); builtin compadd -A hits "$@"; offered+=($hits); builtin compadd "$@" }}
            zle-line-init() {{
              for line in {" ".join(map(shlex.quote, cases))}; do
                BUFFER="ocisync $line" CURSOR=999 offered=()
                zle complete-word
                print -r -- "$line|$offered" >>offered
              done
              exit
            }}
            zle -N zle-line-init""")
        subprocess.run(["script", "--quiet", "--command", "zsh -d -i", "/dev/null"], cwd=self.folder,
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                       env=self.ocisync.environment(ZDOTDIR=self.folder, TERM="dumb"))
        lines = (line.split("|") for line in (self.folder / "offered").read_text().splitlines())
        self.assertEqual({line: offered.split() for line, offered in lines}, cases)

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

    def install(self, *options, **environment):
        build = pathlib.Path(self.ocisync.binary).resolve().parents[1]
        subprocess.run(["cmake", "--install", build, *options], check=True, capture_output=True,
                       env=self.ocisync.environment(**environment))

    def assert_units_start(self, binary, folder):
        services = sorted(folder.glob("*.service"))
        self.assertEqual(len(services), 2)
        for service in services:
            self.assertEqual(re.findall(r"^ExecStart=(\S+)", service.read_text(), re.M), [str(binary)], service.name)

    def test_install_puts_everything_where_packagers_expect_it(self):
        prefix = self.folder / "usr"
        self.install("--prefix", prefix)
        files = sorted(str(p.relative_to(prefix)) for p in prefix.rglob("*") if p.is_file())
        self.assertEqual(files, INSTALLED)
        self.assert_code(self.ocisync.run(command=[prefix / "bin/ocisync", "version"]), 0)
        self.assert_units_start(prefix / "bin/ocisync", prefix / "lib/systemd/system")

    def test_installed_as_the_page_says_systemd_enables_the_units_and_makes_their_user(self):
        install, users, configuration = (line.split() for line in shell_block("deploy/README.md", "Without a package"))
        enable = shell_block("deploy/README.md", "As a service")[-1].split()
        self.assertEqual((install[:3], users, configuration, enable),
                         (["cmake", "--install", "build/release"], ["systemd-sysusers"],
                          ["install", "-d", "/etc/ocisync"], ["systemctl", "enable", "--now", "ocisync"]))
        root = self.folder / "root"
        self.install(*install[3:], DESTDIR=root)
        self.assert_units_start("/usr/bin/ocisync", root / "usr/lib/systemd/system")
        self.assert_code(self.ocisync.run(command=[root / "usr/bin/ocisync", "version"]), 0)
        (root / "etc").mkdir()
        for words in (["systemd-sysusers", f"--root={root}"], ["systemctl", f"--root={root}", "enable", "ocisync"],
                      ["systemctl", f"--root={root}", "enable", "ocisync-once.timer"]):
            done = subprocess.run(words, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(str(link.relative_to(root / "etc/systemd/system"))
                                for link in root.rglob("*.wants/*")),
                         ["multi-user.target.wants/ocisync.service", "timers.target.wants/ocisync-once.timer"])
        users = {line.split(":")[0]: line.split(":") for line in (root / "etc/passwd").read_text().splitlines()}
        groups = {line.split(":")[0] for line in (root / "etc/group").read_text().splitlines()}
        for service in root.rglob("lib/systemd/system/*.service"):
            settings = dict(line.split("=", 1) for line in service.read_text().splitlines() if re.match(r"\w+=", line))
            # A dynamic user's state lies where no other user may enter.
            self.assertNotIn("DynamicUser", settings)
            self.assertEqual(users[settings["User"]][5], f"/var/lib/{settings['StateDirectory']}")
            self.assertIn(settings["Group"], groups)
            self.assertEqual(settings["StateDirectoryMode"], "0755")
            self.assertEqual(f"/etc/{settings['ConfigurationDirectory']}", configuration[-1])

    def test_systemd_accepts_the_units(self):
        units = [self.folder / name for name in ("ocisync-once.service", "ocisync-once.timer", "ocisync.service")]
        for unit in units:
            # The binary is not installed where tests run.
            text = (TOP / "deploy/systemd" / unit.name).read_text()
            unit.write_text(text.replace("/usr/bin/ocisync", str(pathlib.Path(self.ocisync.binary).resolve())))
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
        unpacked = self.folder / "unpacked"
        subprocess.run(["dpkg-deb", "--extract", package, unpacked], check=True)
        self.assert_units_start("/usr/bin/ocisync", unpacked / "usr/lib/systemd/system")
        self.assertEqual({entry[0] for entry in entries if entry[5].startswith("./usr/bin/")} - {"drwxr-xr-x"},
                         {"-rwxr-xr-x"})

    def test_setup_as_a_user_asks_nothing_though_sudo_keeps_no_variables(self):
        log = self.folder / "log"
        for name, does in (("id", "echo 1000"), ("dpkg-query", "exit 1"), ("sudo", 'exec env -i "PATH=$PATH" "$@"'),
                           ("apt-get", f'echo "$1 $DEBIAN_FRONTEND" >>{log}')):
            (self.folder / name).write_text(f"#!/bin/sh\n{does}\n")
            (self.folder / name).chmod(0o755)
        subprocess.run([TOP / "deploy/setup.sh"], check=True, capture_output=True,
                       env={"PATH": f"{self.folder}:/usr/bin:/bin", "HOME": str(self.folder)})
        self.assertEqual(log.read_text().splitlines(), ["update ", "install noninteractive"])

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
