"""Charts of classic repositories: index.yaml as the real helm writes it, behind a real static server."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import time

from tests.support.case import Case
from tests.support.charts import CONTENT, PROVENANCE, Helm, chart_files, sha256
from tests.support.repository import Repository
from tests.support.tls import Authority

USER, PASSWORD = "robot", "s3cr3t-Pa55word"


class ClassicRepository(Case):
    def setUp(self):
        super().setUp()
        self.helm = Helm(self.folder / "helm")

    def start(self, name="repository", **options) -> Repository:
        repository = Repository(self.folder / name, **options)
        repository.start()
        self.addCleanup(repository.stop)
        return repository

    def add(self, repository, version="1.0.0", name="web", index=True, **extra):
        """Packages a chart with the real helm; returns the archive's bytes."""
        package = self.helm.package(chart_files(name, version, **extra), name)
        shutil.move(package, repository.folder / package.name)
        if index:
            self.reindex(repository)
        return (repository.folder / package.name).read_bytes()

    def reindex(self, repository, *arguments):
        self.helm.run("repo", "index", repository.folder, *arguments)
        # File servers tell change by whole seconds.
        stamp = getattr(self, "stamp", time.time() - 1000) + 10
        self.stamp = stamp
        os.utime(repository.index, (stamp, stamp))

    def edit_index(self, repository, pattern, replacement):
        text, count = re.subn(pattern, replacement, repository.index.read_text())
        self.assertGreater(count, 0, text)
        repository.index.write_text(text)
        self.stamp += 10
        os.utime(repository.index, (self.stamp, self.stamp))

    def chart(self, repository, name="web", path="", **settings):
        return {"name": name, "repository": repository.url + path, "chart": name, **settings}

    def failed(self, reason, code=3, *arguments):
        run = self.assert_code(self.ocisync.sync(*arguments), code)
        chart = run.chart("web")
        self.assertEqual(chart["reason"], reason, chart)
        return chart

    def test_one_request_for_the_index_and_one_for_the_archive(self):
        repository = self.start()
        data = self.add(repository)
        self.ocisync.spec([self.chart(repository, version="1.0.0")])
        chart = self.assert_code(self.ocisync.sync(), 0).chart("web")
        self.assertEqual(chart["state"], "updated")
        self.assertEqual((chart["version"], chart["digest"]), ("1.0.0", sha256(data)))
        self.assertEqual(repository.asked(), [("/index.yaml", 200), ("/web-1.0.0.tgz", 200),
                                              ("/web-1.0.0.tgz.prov", 404)])
        self.assertEqual(self.ocisync.exported()["values.yaml"], chart_files()["values.yaml"])
        self.assertEqual(os.readlink(self.ocisync.export / "web").rsplit("/", 1)[1],
                         sha256(data).replace(":", "-"))
        place = self.ocisync.cache / "refs" / repository.host.replace(":", "_") / "=index/web/tags/1.0.0"
        self.assertEqual(sorted(os.listdir(place)), ["chart", "content", "meta"])
        self.assertEqual((place / "content").read_bytes(), data)
        self.assertEqual(json.loads((place / "meta").read_text())["version"], "1.0.0")
        self.assertEqual(json.loads((self.ocisync.cache / "index.json").read_text())["manifests"], [])

    def test_a_pass_with_nothing_to_do_costs_one_request_a_repository(self):
        repository = self.start()
        for name in ("web", "db", "queue"):
            self.add(repository, name=name, index=False)
        self.reindex(repository)
        self.ocisync.spec([self.chart(repository, name) for name in ("web", "db", "queue")])
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(len(repository.asked("index.yaml")), 1)
        before = self.ocisync.snapshot()
        repository.forget()
        run = self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(repository.asked(), [("/index.yaml", 304)])
        self.assertEqual({chart["state"] for chart in run.result["charts"]}, {"unchanged"})
        self.assertEqual(sum(chart["requests"] for chart in run.result["charts"]), 1)
        self.assertEqual(self.ocisync.snapshot(), before)

    def test_a_damaged_note_is_as_good_as_none(self):
        repository = self.start()
        self.add(repository)
        self.ocisync.spec([self.chart(repository)])
        self.assert_code(self.ocisync.sync(), 0)
        for note in (self.ocisync.cache / ".ocisync/notes").iterdir():
            note.write_bytes(note.read_bytes()[:-20])
        repository.forget()
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["state"], "unchanged")
        self.assertEqual(repository.asked(), [("/index.yaml", 200)])

    def test_a_range_follows_the_index(self):
        repository = self.start()
        for version in ("1.2.0", "v1.2.9", "1.3.0", "2.0.0-rc.1"):
            self.add(repository, version, index=False)
        self.reindex(repository)
        self.ocisync.spec([self.chart(repository, version="1.2")])
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["version"], "v1.2.9")
        self.add(repository, "1.2.10")
        chart = self.assert_code(self.ocisync.sync(), 0).chart("web")
        self.assertEqual((chart["state"], chart["version"]), ("updated", "1.2.10"))
        self.ocisync.spec([self.chart(repository)])
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["version"], "1.3.0")
        self.ocisync.spec([self.chart(repository, version="9.x")])
        self.assertIn("9.x", self.failed("NoMatchingVersion")["message"])
        self.ocisync.spec([self.chart(repository, version="1.2.7")])
        self.failed("NotFound")

    def test_a_wrong_digest_is_refused_and_believed_again_when_it_is_mended(self):
        repository = self.start()
        self.add(repository)
        self.edit_index(repository, r"digest: [0-9a-f]{64}", "digest: " + "ab" * 32)
        self.ocisync.spec([self.chart(repository)])
        chart = self.failed("DigestMismatch")
        self.assertIn("sha256:" + "ab" * 32, chart["message"])
        self.assertFalse((self.ocisync.export / "web").exists())
        self.reindex(repository)
        self.assert_code(self.ocisync.sync(), 0)

    def test_without_a_digest_an_entry_is_fetched_once(self):
        repository = self.start()
        data = self.add(repository)
        self.edit_index(repository, r" *digest: .*\n", "")
        self.ocisync.spec([self.chart(repository)])
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["digest"], sha256(data))
        repository.forget()
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["state"], "unchanged")
        self.assertEqual(repository.asked(), [("/index.yaml", 304)])
        newer = self.add(repository, **{"values.yaml": "replicas: 2\n"})
        self.edit_index(repository, r" *digest: .*\n", "")
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["digest"], sha256(newer))

    def test_odd_entries_hurt_only_themselves(self):
        repository = self.start()
        self.add(repository, "1.0.0", index=False)
        self.add(repository, "1.1.0", index=False)
        self.add(repository, "1.2.0", index=False)
        self.reindex(repository)
        self.edit_index(repository, r"\n    version: 1\.2\.0", "\n    removed: true\n    version: 1.2.0")
        self.edit_index(repository, r"version: 1\.1\.0", "version: not-a-version")
        self.edit_index(repository, r"entries:\n", "entries:\n  broken: {a: [1, {b: }]}\n  other:\n  - 7\n  - urls: 3\n")
        self.ocisync.spec([self.chart(repository)])
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["version"], "1.0.0")

    def test_urls_are_joined_as_helm_joins_them(self):
        other = self.start("other")
        repository = self.start()
        data = self.add(repository)
        (repository.folder / "charts/files").mkdir(parents=True)
        shutil.move(repository.folder / "web-1.0.0.tgz", repository.folder / "charts/files/web-1.0.0.tgz")
        shutil.move(repository.index, repository.folder / "charts/index.yaml")
        index = (repository.folder / "charts/index.yaml").read_text()
        for url in ("files/web-1.0.0.tgz", "./files/web-1.0.0.tgz", "/charts/files/web-1.0.0.tgz",
                    repository.url + "/charts/files/web-1.0.0.tgz"):
            with self.subTest(url=url):
                self.ocisync = self.new_ocisync("run-" + hashlib.sha256(url.encode()).hexdigest()[:8])
                (repository.folder / "charts/index.yaml").write_text(
                    re.sub(r"- web-1.0.0.tgz", f"- {url}", index))
                self.ocisync.spec([self.chart(repository, path="/charts?key=value")])
                repository.forget()
                self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["digest"], sha256(data))
                self.assertEqual(repository.asked("index")[0][0], "/charts/index.yaml?key=value")
        (other.folder / "web.tgz").write_bytes(data)
        (repository.folder / "charts/index.yaml").write_text(
            re.sub(r"- web-1.0.0.tgz", f"- missing.tgz\n    - {other.url}/web.tgz", index))
        self.ocisync = self.new_ocisync("several")
        self.ocisync.spec([self.chart(repository, path="/charts")])
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(other.asked("web.tgz$"), [("/web.tgz", 200)])

    def test_credentials_stay_with_the_repository(self):
        other = self.start("other")
        repository = self.start(user=USER, password=PASSWORD)
        data = self.add(repository, index=False)
        self.add(repository, name="db", index=False)
        (other.folder / "web-1.0.0.tgz").write_bytes(data)
        self.reindex(repository)
        self.edit_index(repository, "- web-1.0.0.tgz", f"- {other.url}/web-1.0.0.tgz")
        (other.folder / "db.tgz").write_bytes((repository.folder / "db-1.0.0.tgz").read_bytes())
        repository.redirects["/db-1.0.0.tgz"] = other.url + "/db.tgz"
        (self.folder / "password").write_text(PASSWORD)
        entry = {"host": repository.host,
                 "credentials": {"username": USER, "passwordFile": str(self.folder / "password")}}
        self.ocisync.spec([self.chart(repository), self.chart(repository, "db")], [entry])
        run = self.assert_code(self.ocisync.sync("--log-level", "debug"), 0)
        self.assertEqual([asked.headers.get("Authorization") for asked in other.seen],
                         [None] * len(other.seen))
        self.assertIn(("/web-1.0.0.tgz", 200), other.asked())
        self.assertIn(("/db.tgz", 200), other.asked())
        self.assertEqual(repository.asked("index"), [("/index.yaml", 401), ("/index.yaml", 200)])
        self.assertNotIn(PASSWORD, run.stdout + run.stderr)
        self.new_ocisync("run").spec([self.chart(repository)])
        shutil.rmtree(self.ocisync.cache)
        shutil.rmtree(self.ocisync.export)
        self.failed("Unauthorized")

    def test_https_with_an_authority_of_its_own(self):
        authority = Authority(self.folder / "tls")
        repository = self.start(tls=authority.issue("server"))
        self.add(repository)
        self.ocisync.spec([self.chart(repository)])
        self.failed("TLSFailed")
        self.ocisync.spec([self.chart(repository)],
                          [{"host": repository.host, "tls": {"caFile": str(authority.cert)}}])
        self.assert_code(self.ocisync.sync(), 0)
        plain = self.start("plain")
        shutil.copy(repository.folder / "web-1.0.0.tgz", plain.folder)
        self.edit_index(repository, "- web-1.0.0.tgz", f"- {plain.url}/web-1.0.0.tgz")
        shutil.rmtree(self.ocisync.cache)
        shutil.rmtree(self.ocisync.export)
        self.failed("PolicyRefused")
        self.assertEqual(plain.asked(), [])

    def test_cut_bodies_are_fetched_again(self):
        repository = self.start()
        self.add(repository)
        repository.cuts = {"/index.yaml": 1, "/web-1.0.0.tgz": 1}
        self.ocisync.spec([self.chart(repository)])
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual((len(repository.asked("index")), len(repository.asked("tgz$"))), (2, 2))

    def test_provenance_is_carried_along(self):
        repository = self.start()
        data = self.add(repository)
        (repository.folder / "web-1.0.0.tgz.prov").write_text("signed\n")
        self.ocisync.spec([self.chart(repository, export={"format": "archive"})])
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(self.ocisync.exported(), {"web-1.0.0.tgz": data, "web-1.0.0.tgz.prov": b"signed\n"})
        repository.forget()
        shutil.rmtree(self.ocisync.export)
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(repository.asked(), [("/index.yaml", 304)])
        self.assertIn("web-1.0.0.tgz.prov", self.ocisync.exported())

    def test_provenance_that_cannot_be_had_fails_no_chart(self):
        repository = self.start()
        data = self.add(repository)
        repository.redirects = {"/web-1.0.0.tgz.prov": "ftp://127.0.0.1/login"}
        self.ocisync.spec([self.chart(repository, export={"format": "archive"})])
        run = self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(self.ocisync.exported(), {"web-1.0.0.tgz": data})
        told = [(event["chart"], event["reason"]) for event in run.events() if event["event"] == "ProvenanceMissing"]
        self.assertEqual(told, [("web", "PolicyRefused")])

    def test_repair_prune_and_sweep_know_charts_without_manifests(self):
        repository = self.start()
        self.add(repository, index=False)
        self.add(repository, name="db", index=False)
        self.reindex(repository)
        charts = [self.chart(repository), self.chart(repository, "db")]
        self.ocisync.spec(charts)
        self.assert_code(self.ocisync.sync(), 0)
        tree = (self.ocisync.export / "web").resolve()
        (tree / "values.yaml").chmod(0o644)
        (tree / "values.yaml").write_text("altered\n")
        repository.forget()
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["state"], "repaired")
        self.assertEqual(repository.asked(), [("/index.yaml", 304)])
        self.assertEqual(self.ocisync.exported()["values.yaml"], chart_files()["values.yaml"])
        self.ocisync.spec(charts[:1], export={"keepRevisions": 0, "keepFor": "0s"})
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("db")["state"], "removed")
        old = time.time() - 7200
        for file in (self.ocisync.cache / "blobs/sha256").iterdir():
            os.utime(file, (old, old))
        for place in (self.ocisync.cache / "refs").rglob("tags/*"):
            os.utime(place, (old, old))
        self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "gc", "--all", "--config",
                                                   str(self.ocisync.spec_file)]), 0)
        left = sorted(p.name for p in (self.ocisync.cache / "refs" / repository.host.replace(":", "_") /
                                       "=index").iterdir() if list(p.rglob("content")))
        self.assertEqual(left, ["web"])
        repository.forget()
        shutil.rmtree(self.ocisync.export)
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(repository.asked("web-1.0.0.tgz$"), [])

    def test_a_damaged_archive_is_named_and_fetched_again(self):
        repository = self.start()
        data = self.add(repository)
        self.ocisync.spec([self.chart(repository)])
        self.assert_code(self.ocisync.sync(), 0)
        blob = self.ocisync.cache / "blobs/sha256" / sha256(data)[7:]
        blob.chmod(0o644)
        blob.write_bytes(data[:-1] + b"x")
        check = [self.ocisync.binary, "cache", "check", "--cache", str(self.ocisync.cache)]
        run = self.assert_code(self.ocisync.run(command=check), 1)
        self.assertIn(repository.host + "/web:1.0.0", run.stdout.replace(":80/", "/"))
        repository.forget()
        shutil.rmtree(self.ocisync.export)
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(repository.asked(), [("/index.yaml", 304), ("/web-1.0.0.tgz", 200)])
        self.assertEqual(blob.read_bytes(), data)
        self.assert_code(self.ocisync.run(command=check), 0)
        # A check with the spec knows where it comes from; and the meta blob is made anew.
        place = self.ocisync.cache / "refs" / repository.host.replace(":", "_") / "=index/web/tags/1.0.0"
        for link in ("content", "meta"):
            damaged = (place / link).resolve()
            whole = damaged.read_bytes()
            damaged.chmod(0o644)
            damaged.write_bytes(whole[:-1] + b"x")
            repaired = self.assert_code(self.ocisync.run(command=[*check, "-c", str(self.ocisync.spec_file), "--repair"]), 0)
            self.assertIn(f"{damaged.name}: fetched again", repaired.stdout)
            self.assertEqual(damaged.read_bytes(), whole)
        blob.write_bytes(data[:-1] + b"x")
        self.add(repository, **{"values.yaml": "replicas: 2\n"})  # it is not to be had any more
        lost = self.assert_code(self.ocisync.run(command=[*check, "-c", str(self.ocisync.spec_file), "--repair"]), 1)
        self.assertIn(blob.name, lost.stdout)

    def test_hostile_indexes_are_refused_in_bounded_memory(self):
        repository = self.start()
        self.ocisync.spec([self.chart(repository)])
        bombs = {
            "aliases": "apiVersion: v1\na: &a [x,x]\n" + "".join(
                f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20)) +
                "entries:\n  web: *u\n",
            "nesting": "apiVersion: v1\nentries: " + "[" * 200_000,
            "json nesting": '{"apiVersion":"v1","entries":' + "[" * 200_000,
            "anchors": "apiVersion: v1\nentries:\n" + "".join(f"- &a{i} x\n" for i in range(100_000)),
            "brackets": "apiVersion: v1\nx: [" + "a," * 5_000_000 + "]\n",
            "page": "<!doctype html><html><body>please log in</body></html>",
            "empty": "",
        }
        for name, text in bombs.items():
            with self.subTest(bomb=name):
                repository.index.write_text(text)
                done = subprocess.run(["/usr/bin/time", "-f", "%M", *self.ocisync.command("--timeout", "60s")],
                                      capture_output=True, text=True, env=self.ocisync.environment(), timeout=120)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertLess(int(done.stderr.splitlines()[-1]), 64 * 1024)
                self.assertFalse((self.ocisync.export / "web").exists())

    def test_a_sound_index_of_50_mib_is_read_and_of_a_byte_more_refused(self):
        repository = self.start()
        self.add(repository)
        head, entries, rest = repository.index.read_text().partition("entries:\n")
        self.ocisync.spec([self.chart(repository)])
        other = ("  - apiVersion: v2\n    name: other\n    version: 1.0.0\n    urls: [other.tgz]\n"
                 f"    digest: {'0' * 64}\n    description: {{}}\n")
        short = other.format("x" * 1000)
        for more in (1, 0):
            room = (50 << 20) + more - len(head + entries + "  other:\n" + rest)
            count = room // len(short) - 1
            last = other.format("x" * (room - count * len(short) - len(other.format(""))))
            repository.index.write_text(head + entries + "  other:\n" + short * count + last + rest)
            self.assertEqual(repository.index.stat().st_size, (50 << 20) + more)
            if more:
                self.assertIn(f"the limit of {50 << 20} bytes", self.failed("LimitExceeded")["message"])
                self.assertEqual(repository.asked(), [("/index.yaml", 200)])
            else:
                run = self.assert_code(self.ocisync.run("--timeout", "120s", timeout=170), 0)
                self.assertEqual(run.chart("web")["state"], "updated")

    def test_a_large_index_costs_little_memory(self):
        repository = self.start()
        data = self.add(repository)
        entry = ("  - apiVersion: v2\n    created: \"2024-05-01T10:00:00Z\"\n    description: " + "x" * 300 +
                 f"\n    digest: {'0' * 64}\n    name: NAME\n    urls:\n    - https://example.com/charts/a.tgz\n"
                 "    version: 1.0.VERSION\n")
        with repository.index.open("w") as file:
            file.write("apiVersion: v1\nentries:\n")
            for i in range(800):
                file.write(f"  chart-{i}:\n")
                for version in range(100):
                    file.write(entry.replace("VERSION", str(version)).replace("NAME", f"chart-{i}"))
            file.write("  web:\n" + entry.replace("VERSION", "7").replace("NAME", "web")
                       .replace("0" * 64, sha256(data)[7:])
                       .replace("https://example.com/charts/a.tgz", "web-1.0.0.tgz"))
        self.assertGreater(repository.index.stat().st_size, 40 << 20)
        self.ocisync.spec([self.chart(repository)])
        done = subprocess.run(["/usr/bin/time", "-f", "%M", *self.ocisync.command("--timeout", "120s")],
                              capture_output=True, text=True, env=self.ocisync.environment(), timeout=170)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLess(int(done.stderr.splitlines()[-1]), 64 * 1024)

    def test_json_is_an_index_too(self):
        repository = self.start()
        self.add(repository)
        self.reindex(repository, "--json")
        self.assertTrue(repository.index.read_text().startswith("{"))
        self.ocisync.spec([self.chart(repository)])
        self.assert_code(self.ocisync.sync(), 0)

    def test_a_spec_that_cannot_be_right_is_refused_before_anybody_is_asked(self):
        repository = self.start()
        for chart, words in (({"ref": "oci://h/c:1", "repository": repository.url, "chart": "web"}, "exactly one of"),
                             ({"repository": repository.url}, "has no chart beside it"),
                             ({"chart": "web", "ref": "oci://h/c:1"}, "has no repository beside it"),
                             ({"repository": "https://u:secret@h", "chart": "web"}, "has credentials in it"),
                             ({"repository": "http://charts.example.com", "chart": "web"}, "plain http"),
                             ({"repository": "oci://h", "chart": "web"}, "is an OCI registry"),
                             ({"repository": "https://h/index.yaml", "chart": "web"}, "names the index")):
            with self.subTest(chart=chart):
                run = self.assert_code(self.ocisync.spec([chart]).sync(), 2)
                self.assertIn(words, run.stderr)
                self.assertNotIn("secret", run.stderr)
        self.assertEqual(repository.asked(), [])

    def test_offline_and_locked(self):
        repository = self.start()
        for version in ("1.0.0", "1.1.0"):
            self.add(repository, version, index=False)
        self.reindex(repository)
        self.ocisync.spec([self.chart(repository, version="1.x")])
        self.failed("OfflineMiss", 3, "--offline")
        self.assertEqual(repository.asked(), [])
        self.assert_code(self.ocisync.sync(), 0)
        lock = [self.ocisync.binary, "lock", "--config", str(self.ocisync.spec_file)]
        self.assert_code(self.ocisync.run(command=lock), 0)
        newer = self.add(repository, "1.2.0")
        repository.forget()
        shutil.rmtree(self.ocisync.export)
        self.assertEqual(self.assert_code(self.ocisync.sync("--offline"), 0).chart("web")["version"], "1.1.0")
        self.assertEqual(self.assert_code(self.ocisync.sync("--locked"), 0).chart("web")["state"], "unchanged")
        self.assertEqual(repository.asked(), [])
        shutil.rmtree(self.ocisync.cache)
        shutil.rmtree(self.ocisync.export)
        self.assertEqual(self.assert_code(self.ocisync.sync("--locked"), 0).chart("web")["version"], "1.1.0")
        diff = [self.ocisync.binary, "diff", "--config", str(self.ocisync.spec_file), "-o", "json"]
        plan = self.assert_code(self.ocisync.run(command=diff), 4).result
        self.assertEqual((plan["charts"][0]["action"], plan["charts"][0]["digest"]), ("update", sha256(newer)))

    # Migration: chart save --repo, then push.

    def verb(self, *arguments, code=0):
        return self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "chart", *map(str, arguments)],
                                                 OCISYNC_CACHE=self.ocisync.cache), code)

    def refused(self, code, *arguments):
        """The one line that says why."""
        run = self.verb("save", *arguments, code=code)
        self.assertEqual((run.stdout, run.stderr.count("\n")), ("", 1), run.stderr)
        return run.stderr

    def test_save_from_a_repository_and_push_carry_archive_and_provenance(self):
        repository, registry = self.start(), self.start_registry()
        home = self.folder / "keys"
        home.mkdir(mode=0o700)
        gpg = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
        for arguments in (["--quick-generate-key", "Al <al@example.com>", "rsa2048", "sign"],
                          ["-o", str(home / "secret.gpg"), "--export-secret-keys"],
                          ["-o", str(home / "public.gpg"), "--export"]):
            subprocess.run([*gpg, *arguments], check=True, capture_output=True)
        self.addCleanup(subprocess.run, ["gpgconf", "--homedir", str(home), "--kill", "all"])
        self.add(repository, "1.0.0")
        self.helm.run("package", self.helm.folder / "source/web", "--version", "1.2.3", "-d", repository.folder,
                      "--sign", "--key", "Al", "--keyring", home / "secret.gpg")
        data, prov = ((repository.folder / name).read_bytes() for name in ("web-1.2.3.tgz", "web-1.2.3.tgz.prov"))
        self.reindex(repository)
        ref = f"{registry.host}/charts/web:1.2.3"
        saved = self.verb("save", "--repo", repository.url, "web", "--version", "^1.1", ref)
        self.assertRegex(saved.stdout, r"^[0-9a-f]{7}: Saving meta \(\d+ B\)\n[0-9a-f]{7}: Saving content \(.*B\)\n"
                         rf"Name: web\nVersion: 1\.2\.3\nMeta: sha256:\w+\nContent: {sha256(data)}\n1\.2\.3: saved\n$")
        self.assertEqual(repository.asked(), [("/index.yaml", 200), ("/web-1.2.3.tgz", 200),
                                              ("/web-1.2.3.tgz.prov", 200)])
        layers = {layer["mediaType"]: layer["digest"] for layer in json.loads(self.layout(ref))["layers"]}
        self.assertEqual(layers, {CONTENT: sha256(data), PROVENANCE: sha256(prov)})
        self.verb("push", ref)
        into = self.folder / "pulled"
        into.mkdir()
        pulled = self.helm.run("pull", f"oci://{registry.host}/charts/web", "--version", "1.2.3", "--verify", "--keyring",
                               home / "public.gpg", "-d", into, *self.helm.plain())
        self.assertIn("Chart Hash Verified", pulled.stdout + pulled.stderr)
        self.assertEqual((into / "web-1.2.3.tgz").read_bytes(), data)
        self.assertEqual(list((self.ocisync.cache / ".ocisync/staging").iterdir()), [])

    def test_save_refuses_what_the_index_does_not_promise(self):
        repository = self.start()
        self.add(repository)
        ref = "registry.example.com/charts/web:1.0.0"
        save = ["--repo", repository.url, "web", ref]
        self.assertIn("lists no version 9.0.0", self.refused(3, *save, "--version", "9.0.0"))
        self.assertIn(">9", self.refused(3, *save, "--version", ">9"))
        self.assertIn("lists no chart other", self.refused(3, "--repo", repository.url, "other", ref))
        self.edit_index(repository, r"digest: [0-9a-f]{64}", "digest: " + "ab" * 32)
        self.assertIn("sha256:" + "ab" * 32, self.refused(3, *save))
        self.assertEqual(self.verb("list").stdout.splitlines()[1:], [])

    def test_save_says_what_is_wrong_with_its_words(self):
        ref = "registry.example.com/charts/web:1.0.0"
        for arguments, words in (((ref, "extra", "--repo", "https://r.example.com", "web"), "extra|not expected|" + ref),
                                 (("web", ref, "--version", "1.0.0"), "--version .* needs --repo"),
                                 (("web", ref, "--plain-http"), "--plain-http .* needs --repo"),
                                 (("--repo", "https://r.example.com", "web"), "REF"),
                                 (("--repo", "oci://r.example.com", "web", ref), "--repo.*is an OCI registry"),
                                 (("--repo", "http://r.example.com", "web", ref), "plain http.*--plain-http"),
                                 (("--repo", "https://u:hush@r.example.com", "web", ref), "has credentials in it"),
                                 (("--repo", "https://r.example.com", "a/b", ref), "is not a chart's name"),
                                 (("--repo", "https://r.example.com", "web", ref, "--version", "~x!"), "--repo")):
            with self.subTest(arguments=arguments):
                line = self.refused(2, *arguments)
                self.assertRegex(line, words)
                self.assertNotIn("hush", line)
