"""What readers see: whole revisions only, nobody else's files touched, damage repaired."""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

from tests.support import charts
from tests.support.case import Case
from tests.support.proxy import FaultProxy, delay


class Publishing(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)
        self.push.current("1.0.0")
        self.ref = f"oci://{self.registry.host}/charts/web:1.0.0"

    def sync(self, code=0, *arguments, **settings):
        self.ocisync.spec(settings.pop("charts", [self.ref]), **settings)
        return self.assert_code(self.ocisync.sync(*arguments), code)

    def test_directory_layout_is_a_real_directory_swapped_whole(self):
        self.sync(export={"layout": "directory"})
        self.assertFalse((self.ocisync.export / "web").is_symlink())
        self.assertEqual(self.ocisync.exported(), charts.chart_files("web", "1.0.0"))
        self.push.current("1.0.0", charts.chart_files("web", "1.0.0", **{"new": "n"}))
        self.sync(export={"layout": "directory"})
        self.assertIn("new", self.ocisync.exported())

    def test_where_directories_cannot_be_exchanged_the_way_out_is_said_and_works(self):
        without_exchange = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2",
                            "-e", "inject=renameat2:error=EINVAL"]
        self.registry.forget()
        for layout, code, path in (("directory", 2, "web"), ("symlink", 0, "web"), ("snapshot", 0, "current/web")):
            with self.subTest(layout=layout):
                self.ocisync.spec([self.ref], export={"layout": layout})
                run = self.assert_code(self.ocisync.run(command=without_exchange + self.ocisync.command()), code)
                if code == 0:
                    self.assertEqual(self.ocisync.exported(path), charts.chart_files("web", "1.0.0"))
                else:
                    self.assertIn("use layout symlink", run.stderr)
                    self.assertEqual(self.registry.requests(), [])

    def test_layout_and_format_may_change_in_place(self):
        for layout in ("symlink", "directory", "symlink"):
            for form in ("directory", "both"):
                self.sync(export={"layout": layout, "format": form})
                self.assertEqual((self.ocisync.export / "web").is_symlink(), layout == "symlink")
                self.assertEqual("web-1.0.0.tgz" in self.ocisync.exported(), form == "both")

    def test_what_was_altered_deleted_or_lost_is_repaired_from_the_cache(self):
        for layout in ("symlink", "directory"):
            export = {"layout": layout}
            self.sync(export=export)
            top = self.ocisync.export / "web"

            def alter():
                (top / "values.yaml").write_text("altered")

            def same_size_and_time():
                file = top / "Chart.yaml"
                status, text = file.stat(), file.read_text()
                file.write_text(text.swapcase())
                os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

            def delete():
                (top / "values.yaml").unlink()

            def add():
                (top / "templates/extra.yaml").write_text("x")

            def lose():
                shutil.rmtree(top.resolve())

            def unlink():
                top.unlink() if top.is_symlink() else shutil.rmtree(top)

            for damage in (alter, same_size_and_time, delete, add, lose, unlink):
                with self.subTest(layout=layout, damage=damage.__name__):
                    damage()
                    self.registry.forget()
                    self.assertEqual(self.sync(export=export).chart("web")["state"], "repaired")
                    self.assertFalse([r for r in self.registry.requests() if "/blobs/" in r.path])
                    self.assertEqual(self.ocisync.exported(), charts.chart_files("web", "1.0.0"))
            shutil.rmtree(self.ocisync.export)

    def test_a_damaged_blob_is_noticed_and_fetched_again(self):
        data = charts.archive(charts.chart_files("web", "1.0.0"))
        self.sync()
        blob = self.ocisync.cache / "blobs/sha256" / charts.sha256(data)[7:]
        blob.chmod(0o644)
        for damage, told in ((lambda: blob.write_bytes(data[:-1] + b"?"), 1), (lambda: blob.write_bytes(b""), 1),
                             (blob.unlink, 0)):
            shutil.rmtree(self.ocisync.export)
            damage()
            self.registry.forget()
            events = [event["event"] for event in self.sync().events()]
            self.assertEqual(events.count("CacheDamaged"), told)
            self.assertEqual(len([r for r in self.registry.requests() if "/blobs/" in r.path]), 1)
            self.assertEqual(blob.read_bytes(), data)
            blob.chmod(0o644)

    def test_foreign_things_in_the_way_are_never_touched(self):
        top = self.ocisync.export / "web"
        top.parent.mkdir(parents=True)
        (top.parent / "lost+found").mkdir()
        (top.parent / "theirs").write_text("theirs")

        def directory():
            top.mkdir()
            (top / "mine").write_text("mine")

        def file():
            top.write_text("mine")

        def link():
            top.symlink_to("theirs")

        for make in (directory, file, link):
            with self.subTest(make.__name__):
                make()
                before = self.ocisync.snapshot(".ocisync")
                chart = self.sync(3).chart("web")
                self.assertEqual((chart["reason"], chart["requests"]), ("PathConflict", 0))
                self.assertEqual(self.ocisync.snapshot(".ocisync"), before)
                shutil.rmtree(top) if top.is_dir() and not top.is_symlink() else top.unlink()
        self.sync()
        self.assertEqual((top.parent / "theirs").read_text(), "theirs")
        self.assertTrue((top.parent / "lost+found").is_dir())

    def test_a_chart_that_left_the_spec_is_withdrawn_but_only_by_its_owner(self):
        self.sync(charts=[self.ref, {"name": "gone", "ref": self.ref}])
        document = json.loads(self.ocisync.spec_file.read_text())
        document["metadata"]["name"] = "other"
        document["spec"]["charts"] = [{"name": "others", "ref": self.ref}]
        other = self.folder / "other.yaml"
        other.write_text(json.dumps(document))
        self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "sync", "-c", str(other), "-o", "json"]), 0)
        run = self.sync(0, "--only", "web", charts=[self.ref])
        self.assertTrue((self.ocisync.export / "gone").exists())
        self.sync(export={"prune": False})
        self.assertTrue((self.ocisync.export / "gone").exists())
        run = self.sync()
        self.assertEqual([c["name"] for c in run.result["charts"] if c["state"] == "removed"], ["gone"])
        self.assertEqual(sorted(p.name for p in self.ocisync.export.iterdir()), [".ocisync", "others", "web"])
        document["spec"]["charts"] = [{"name": "web", "ref": self.ref}]
        other.write_text(json.dumps(document))
        run = self.ocisync.run(command=[self.ocisync.binary, "sync", "-c", str(other), "-o", "json"])
        self.assertEqual(self.assert_code(run, 3).chart("web")["reason"], "PathConflict")
        self.assertIn("test", run.chart("web")["message"])

    def test_modes_come_from_policy_whatever_the_umask(self):
        for group, modes in ((False, (0o755, 0o644)), (True, (0o775, 0o664))):
            shutil.rmtree(self.ocisync.export, ignore_errors=True)
            self.ocisync.spec([self.ref], export={"groupWrite": group})
            command = ["sh", "-c", 'umask 077; exec "$@"', "sh"] + self.ocisync.command()
            self.assert_code(self.ocisync.run(command=command), 0)
            top = (self.ocisync.export / "web").resolve()
            for path in [top, *top.rglob("*")]:
                self.assertEqual(path.stat().st_mode & 0o7777, modes[0] if path.is_dir() else modes[1], path)

    def test_superseded_revisions_stay_as_long_as_they_are_told_to(self):
        def trees():
            return sorted(p.name for p in (self.ocisync.export / ".ocisync/trees/directory").iterdir() if p.is_dir())

        keep = {"keepRevisions": 1, "keepFor": "0s"}
        digests = []
        for number in range(4):
            digests.append(self.push.current("1.0.0", charts.chart_files("web", "1.0.0", n=str(number))))
            self.sync(export=keep)
        self.assertEqual(trees(), sorted(d.replace(":", "-") for d in digests[-2:]))
        self.sync(export={"keepRevisions": 0, "keepFor": "0s"})
        self.assertEqual(trees(), [digests[-1].replace(":", "-")])
        self.push.current("1.0.0", charts.chart_files("web", "1.0.0", n="last"))
        self.sync(export={"keepRevisions": 0, "keepFor": "1h"})
        self.assertEqual(len(trees()), 2)

    def test_two_charts_of_one_digest_share_blob_and_tree(self):
        self.sync(charts=[self.ref, {"name": "twin", "ref": self.ref}])
        self.assertEqual(os.readlink(self.ocisync.export / "web"), os.readlink(self.ocisync.export / "twin"))
        self.sync(charts=[{"name": "twin", "ref": self.ref}])
        self.assertEqual(self.ocisync.exported("twin"), charts.chart_files("web", "1.0.0"))

    def test_several_processes_share_one_download(self):
        files = {name: charts.chart_files(name, "1.0.0", **{"noise": os.urandom(1 << 18)}) for name in "abcde"}
        for name in files:
            self.pusher(self.registry, f"charts/{name}").current("1.0.0", files[name], name=name)
        self.ocisync.spec([f"oci://{self.registry.host}/charts/{name}:1.0.0" for name in files])
        self.registry.forget()
        processes = [self.ocisync.popen("--timeout", "60s") for _ in range(8)]
        for process in processes:
            out, err = process.communicate(timeout=90)
            self.assertEqual(process.returncode, 0, out + err)
        fetched = [r.path for r in self.registry.requests() if "/blobs/" in r.path]
        self.assertEqual((len(fetched), len(set(fetched))), (10, 10))
        for name in files:
            self.assertEqual(self.ocisync.exported(name), files[name])
        check = [self.ocisync.binary, "cache", "check", "--cache", str(self.ocisync.cache), "-o", "json"]
        self.assertEqual(self.assert_code(self.ocisync.run(command=check), 0).result["blobs"], 15)

    def test_killed_at_any_moment_the_next_run_puts_everything_right(self):
        before = charts.chart_files("web", "1.0.0")
        after = charts.chart_files("web", "2.0.0", **{f"files/{i}": os.urandom(2000) for i in range(100)})
        self.push.current("2.0.0", after)
        check = [self.ocisync.binary, "cache", "check", "--cache", str(self.ocisync.cache)]
        undisturbed = 0
        for round_number in range(1 + int(os.environ.get("OCISYNC_KILL_ROUNDS", "12"))):
            shutil.rmtree(self.ocisync.folder)
            self.ocisync.folder.mkdir()
            self.sync(charts=[{"name": "web", "ref": self.ref}])
            self.ocisync.spec([{"name": "web", "ref": self.ref.replace("1.0.0", "2.0.0")}])
            started = time.monotonic()
            process = self.ocisync.popen()
            if round_number == 0:
                process.communicate()
                undisturbed = time.monotonic() - started
                continue
            moment = random.uniform(0, undisturbed)
            with self.subTest(killed_after=moment, of=undisturbed):
                time.sleep(moment)
                process.send_signal(signal.SIGKILL)
                process.communicate()
                self.assertIn(self.ocisync.exported(), (before, after))
                left = set(os.listdir(self.ocisync.export / ".ocisync/staging"))
                self.assert_code(self.ocisync.sync(), 0)
                self.assertEqual(self.ocisync.exported(), after)
                self.assertEqual(sorted(os.listdir(self.ocisync.export)), [".ocisync", "web"])
                self.assertEqual(os.listdir(self.ocisync.cache / ".ocisync/staging"), [])
                # What the killed one left goes once it is an hour old; the next adds nothing.
                self.assertLessEqual(set(os.listdir(self.ocisync.export / ".ocisync/staging")), left)
                self.assert_code(self.ocisync.run(command=check), 0)

    def test_a_full_volume_is_named_and_recovers(self):
        volume = self.folder / "volume"
        volume.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(volume)], check=True)
        self.addCleanup(subprocess.run, ["umount", str(volume)], check=True)
        data = charts.archive(charts.chart_files("web", "1.0.0", **{"noise": os.urandom(900 << 10)}))
        self.push.current("2.0.0", data=data)
        charts_ = [{"name": "web", "ref": self.ref}]
        self.ocisync.spec(charts_, export={"path": str(volume / "charts")})
        self.assert_code(self.ocisync.sync(), 0)
        (volume / "ballast").write_bytes(b"x" * (300 << 10))
        self.ocisync.spec([{"name": "web", "ref": self.ref.replace("1.0.0", "2.0.0")}],
                          export={"path": str(volume / "charts")})
        chart = self.assert_code(self.ocisync.run("--timeout", "2s"), 1).chart("web")
        self.assertEqual(chart["reason"], "DiskFull")
        self.assertIn("does not fit unpacked", chart["message"])  # refused before its first file
        self.assertEqual((volume / "charts/web/values.yaml").read_bytes(), charts.chart_files()["values.yaml"])
        self.assertEqual(list((volume / "charts/.ocisync/staging").iterdir()), [])
        (volume / "ballast").unlink()
        self.assert_code(self.ocisync.sync(), 0)

    def test_what_is_intact_on_a_full_volume_is_no_failure_after_a_reboot(self):
        for layout in ("symlink", "directory", "snapshot"):
            with self.subTest(layout=layout):
                volume = self.folder / layout
                volume.mkdir()
                subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(volume)], check=True)
                self.addCleanup(subprocess.run, ["umount", str(volume)], check=True)
                self.ocisync.spec([self.ref], cache={"path": str(volume / "cache")},
                                  export={"path": str(volume / "charts"), "layout": layout})
                self.assert_code(self.ocisync.sync(), 0)
                shutil.rmtree(volume / "charts/.ocisync/seals")  # of another boot, they hold no more
                with self.assertRaises(OSError), (volume / "ballast").open("wb", buffering=0) as ballast:
                    while True:
                        ballast.write(b"x" * 4096)
                chart = self.assert_code(self.ocisync.sync(), 0).chart("web")
                self.assertEqual(chart["state"], "unchanged")

    def test_one_directory_cannot_be_both_cache_and_export(self):
        below = {"path": str(self.ocisync.export / ".cache")}

        def refuse(*caches):
            for cache in caches:
                with self.subTest(cache=cache):
                    self.ocisync.spec([self.ref], cache={"path": str(cache)})
                    run = self.assert_code(self.ocisync.sync(), 2)
                    self.assertIn("is both the cache and the export directory", run.stderr)
                    self.assertIn("give each its own", run.stderr)

        refuse(self.ocisync.export, self.ocisync.folder / "new/../export")
        self.assertFalse(self.ocisync.export.exists())
        self.sync(cache=below)
        before = self.ocisync.snapshot()
        (self.ocisync.folder / "link").symlink_to(self.ocisync.export)
        refuse(self.ocisync.export, self.ocisync.folder / "link", self.ocisync.folder / "link/../export")
        self.assertEqual(self.ocisync.snapshot(), before)
        self.sync(cache=below)

    def test_a_newer_format_is_refused_and_a_lost_control_folder_rebuilt(self):
        self.sync()
        for place in (self.ocisync.cache, self.ocisync.export):
            (place / ".ocisync/format").write_text("99\n")
            self.assertIn("99", self.sync(2).stderr)
            (place / ".ocisync/format").write_text("1\n")
        shutil.rmtree(self.ocisync.cache / ".ocisync")
        self.assertEqual(self.sync().chart("web")["state"], "unchanged")

    def test_an_interrupted_run_ends_with_the_signals_code_and_nothing_half_done(self):
        with FaultProxy(self.registry) as proxy:
            proxy.always("GET", "/blobs/", delay(20))
            self.ocisync.spec([f"oci://{proxy.host}/charts/web:1.0.0"])
            process = self.ocisync.popen()
            while not proxy.count("GET", "/blobs/"):
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=5)
            result = json.loads(out)
            self.assertEqual((process.returncode, result["exitCode"], result["charts"][0]["reason"]),
                             (143, 143, "Cancelled"))
            self.assertEqual([p.name for p in self.ocisync.export.iterdir()], [".ocisync"])

    def test_the_cache_is_an_oci_layout_that_other_tools_read(self):
        digest = self.push.current("1.0.0")
        self.sync()
        self.assertEqual(pathlib.Path(self.ocisync.cache / "oci-layout").read_text().strip(),
                         '{"imageLayoutVersion":"1.0.0"}')
        self.assertEqual(charts.sha256(self.layout(f"{self.registry.host}/charts/web:1.0.0")), digest)

    def test_the_cache_has_the_links_of_helm_3(self):
        data = charts.archive(charts.chart_files("web", "1.0.0"))
        digest = self.push.current("1.0.0")
        self.sync()
        tag = self.ocisync.cache / "refs" / self.registry.host.replace(":", "_") / "charts/web/tags/1.0.0"
        self.assertEqual((self.ocisync.cache / "charts/web/versions/1.0.0").read_bytes(), b"-")
        self.assertEqual((tag / "content").resolve(), self.ocisync.cache / "blobs/sha256" / charts.sha256(data)[7:])
        self.assertEqual((tag / "manifest").resolve().name, digest[7:])
        self.assertEqual((tag / "chart").resolve(), self.ocisync.cache / "charts/web/versions/1.0.0")
        self.assertTrue((tag / "meta").resolve().is_file())
        for link in ("chart", "content", "meta", "manifest"):
            self.assertFalse(os.readlink(tag / link).startswith("/"))
        shutil.move(self.ocisync.cache, self.folder / "moved")
        self.ocisync.cache = self.folder / "moved"
        shutil.rmtree(self.ocisync.export)
        self.registry.forget()
        self.sync()
        self.assertEqual([r.method for r in self.registry.requests()], ["HEAD"])
