"""Every wire format a Helm ever pushed becomes the same directory, and what is no chart is refused."""
import gzip
import hashlib
import io
import json
import os
import tarfile

from tests.support import charts
from tests.support.case import Case


class Formats(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)

    def sync_tag(self, tag, code=0, **chart):
        self.ocisync.spec([{"ref": f"oci://{self.registry.host}/charts/web:{tag}", **chart}])
        return self.assert_code(self.ocisync.sync(), code).chart("web")

    def refused(self, tag, reason, *words):
        before = self.ocisync.snapshot(".ocisync")
        chart = self.sync_tag(tag, 3)
        self.assertEqual(chart["reason"], reason, chart)
        for word in words:
            self.assertIn(word, chart["message"] + chart.get("hint", ""))
        self.assertEqual(self.ocisync.snapshot(".ocisync"), before)
        return chart

    def test_all_five_formats_export_the_same_directory(self):
        files = charts.chart_files("web", "1.0.0")
        self.push.current("1.0.0", files, version="1.0.0")
        self.push.current("1.0.1", files, version="1.0.0", layer=charts.LEGACY)
        self.push.beta("1.0.2", files, version="1.0.0")
        self.push.alpha("1.0.3", files, version="1.0.0", generation=1)
        self.push.alpha("1.0.4", files, version="1.0.0", generation=2)
        self.push.alpha("1.0.5", files, version="1.0.0", generation=1, reverse=True)
        for tag in ("1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5"):
            with self.subTest(tag=tag):
                self.assertEqual(self.sync_tag(tag)["version"], "1.0.0")
                exported = self.ocisync.exported()
                chart_yaml = exported.pop("Chart.yaml").decode()
                self.assertEqual(exported, {k: v for k, v in files.items() if k != "Chart.yaml"})
                for line in ("apiVersion: v2", "name: web", "version: 1.0.0"):
                    self.assertIn(line, chart_yaml.replace('"', ""))

    def test_archive_format_is_what_the_registry_serves_byte_for_byte(self):
        data = charts.archive(charts.chart_files("web", "1.0.0"))
        self.push.current("1.0.0", data=data, provenance=b"signed")
        self.sync_tag("1.0.0", export={"format": "archive"})
        self.assertEqual(self.ocisync.exported(), {"web-1.0.0.tgz": data, "web-1.0.0.tgz.prov": b"signed"})

    def test_both_formats_side_by_side(self):
        data = charts.archive(charts.chart_files("web", "1.0.0"))
        self.push.current("1.0.0", data=data)
        self.sync_tag("1.0.0", export={"format": "both"})
        self.assertEqual(self.ocisync.exported(),
                         {"web-1.0.0.tgz": data,
                          **{f"web/{path}": text for path, text in charts.chart_files("web", "1.0.0").items()}})

    def test_the_legacy_format_is_told_of_once_a_revision_and_no_other_is(self):
        def legacy():
            run = self.assert_code(self.ocisync.sync(), 0)
            return [(event["level"], event["chart"], event["mediaType"])
                    for event in run.events() if event["event"] == "LegacyFormat"]

        self.push.current("1.0.0", layer=charts.LEGACY)
        self.push.current("1.0.1")
        self.push.alpha("1.0.2")
        for tag, told in (("1.0.0", 1), ("1.0.1", 0), ("1.0.2", 0)):
            with self.subTest(tag=tag):
                self.ocisync.spec([f"oci://{self.registry.host}/charts/web:{tag}"])
                self.assertEqual(legacy(), [("warning", "web", charts.LEGACY)] * told)
                self.assertEqual(legacy(), [])

    def test_files_that_differ_in_case_alone_are_exported_and_told_of(self):
        files = charts.chart_files("web", "1.0.0", **{"README.md": b"one", "readme.md": b"two"})
        self.push.current("1.0.0", data=charts.archive(files))
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"])
        events = self.assert_code(self.ocisync.sync(), 0).events()
        self.assertEqual([{event["path"], event["other"]} for event in events if event["event"] == "CaseConflict"],
                         [{"README.md", "readme.md"}])
        self.assertEqual(self.ocisync.exported(), files)

    def test_a_split_chart_is_assembled_to_the_same_archive_every_time(self):
        self.push.alpha("1.0.0")
        self.sync_tag("1.0.0", export={"format": "archive"})
        first = self.ocisync.exported()["web-1.0.0.tgz"]
        again = self.new_ocisync("again").spec([{"ref": f"oci://{self.registry.host}/charts/web:1.0.0",
                                                 "export": {"format": "archive"}}])
        self.assert_code(again.sync(), 0)
        self.assertEqual(again.exported()["web-1.0.0.tgz"], first)
        with tarfile.open(fileobj=io.BytesIO(first)) as tar:
            self.assertIn("web/templates/deployment.yaml", tar.getnames())
        helm = charts.Helm(self.folder / "helm", 4)
        (helm.folder / "web-1.0.0.tgz").write_bytes(first)
        self.assertIn("name: web", helm.run("show", "chart", helm.folder / "web-1.0.0.tgz").stdout)

    def test_layers_are_found_by_type_whatever_their_order_and_strangers_are_not_fetched(self):
        stranger = b"not for us"
        self.push.current("1.0.0", provenance=b"signed", extra_layers=[("application/x-unknown", stranger)],
                          reverse=True)
        self.registry.forget()
        self.assertEqual(self.sync_tag("1.0.0")["requests"], 4)
        self.assertFalse([r for r in self.registry.requests() if charts.sha256(stranger) in r.path])

    def test_the_current_type_wins_over_the_legacy_one_and_two_of_a_kind_are_refused(self):
        wanted = charts.archive(charts.chart_files("web", "1.0.0"))
        other = charts.archive(charts.chart_files("web", "0.0.9"))
        self.push.current("1.0.0", data=wanted, extra_layers=[(charts.LEGACY, other)], reverse=True)
        self.assertEqual(self.sync_tag("1.0.0")["version"], "1.0.0")
        self.push.current("1.0.1", data=wanted, extra_layers=[(charts.CONTENT, other)])
        self.refused("1.0.1", "AmbiguousChart")

    def test_an_image_is_refused_with_the_type_that_was_found(self):
        config = self.push.blob(b"{}", "application/vnd.oci.image.config.v1+json")
        layer = self.push.blob(b"layer", "application/vnd.oci.image.layer.v1.tar+gzip")
        self.push.manifest("image", {"schemaVersion": 2, "config": config, "layers": [layer]})
        self.refused("image", "Unsupported", "application/vnd.oci.image.config.v1+json")

    def test_a_docker_manifest_is_refused(self):
        docker = "application/vnd.docker.distribution.manifest.v2+json"
        config = self.push.blob(b"{}", "application/vnd.docker.container.image.v1+json")
        layer = self.push.blob(b"layer", "application/vnd.docker.image.rootfs.diff.tar.gzip")
        self.push.manifest("docker", {"schemaVersion": 2, "mediaType": docker, "config": config,
                                      "layers": [layer]}, docker)
        self.refused("docker", "Unsupported", "Docker")

    def descriptor(self, tag, digest, **extra):
        size = int(self.push.send("GET", f"{self.registry.url}/v2/charts/web/manifests/{tag}",
                                  Accept=charts.MANIFEST).headers["Content-Length"])
        return {"mediaType": charts.MANIFEST, "digest": digest, "size": size, **extra}

    def test_an_index_with_one_chart_is_followed_beside_an_image(self):
        chart = self.push.current("1.0.0")
        config = self.push.blob(b"{}", "application/vnd.oci.image.config.v1+json")
        layer = self.push.blob(b"layer", "application/vnd.oci.image.layer.v1.tar+gzip")
        image = self.push.manifest("image", {"schemaVersion": 2, "config": config, "layers": [layer]})
        self.push.index("both", [self.descriptor("image", image), self.descriptor("1.0.0", chart)])
        self.assertEqual(self.sync_tag("both")["digest"], chart)
        self.registry.forget()
        self.assertEqual(self.sync_tag("both")["state"], "unchanged")
        self.assertEqual([r.method for r in self.registry.requests()], ["HEAD"])

    def test_an_index_with_two_charts_is_refused_and_lists_them(self):
        first = self.push.current("1.0.0")
        second = self.push.current("2.0.0")
        self.push.index("two", [self.descriptor("1.0.0", first), self.descriptor("2.0.0", second)])
        self.refused("two", "AmbiguousChart", first[:19], second[:19])

    def test_a_layer_that_is_no_gzipped_tar_is_never_published(self):
        self.push.current("1.0.0")
        self.sync_tag("1.0.0")
        good = self.ocisync.exported()
        for tag, data in {"text": b"hello", "tar": gzip.decompress(charts.archive(charts.chart_files())),
                          "empty": b"", "cut": charts.archive(charts.chart_files())[:-20]}.items():
            with self.subTest(layer=tag):
                self.push.current(tag, data=data, version="1.0.0")
                chart = self.sync_tag(tag, 3)
                self.assertEqual((chart["reason"], chart["stage"]), ("ChartInvalid", "unpack"), chart)
                self.assertEqual(self.ocisync.exported(), good)

    def test_hostile_archives_leave_nothing_anywhere(self):
        def with_entry(name, kind=tarfile.REGTYPE, link=""):
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
                for path, data in charts.chart_files().items():
                    entry = tarfile.TarInfo("web/" + path)
                    entry.size = len(data)
                    tar.addfile(entry, io.BytesIO(data))
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = kind, link
                tar.addfile(entry)
            return buffer.getvalue()

        outside = self.folder / "outside"
        hostile = {
            "parent": with_entry("web/../../../evil"),
            "absolute": with_entry("/tmp/ocisync-evil"),
            "link": with_entry("web/link", tarfile.SYMTYPE, str(outside)),
            "hardlink": with_entry("web/hard", tarfile.LNKTYPE, "/etc/passwd"),
            "fifo": with_entry("web/fifo", tarfile.FIFOTYPE),
            "device": with_entry("web/null", tarfile.CHRTYPE),
            "twice": with_entry("web/values.yaml"),
            "root": with_entry("other/file"),
        }
        for tag, data in hostile.items():
            with self.subTest(entry=tag):
                self.push.current(tag, data=data, version="1.0.0")
                chart = self.sync_tag(tag, 3)
                self.assertEqual(chart["reason"], "ChartInvalid", chart)
                self.assertFalse((self.ocisync.export / "web").exists())
        self.assertFalse(outside.exists())
        self.assertEqual(list(self.folder.rglob("evil*")), [])
        self.assertEqual(list((self.ocisync.export / ".ocisync/staging").iterdir()), [])

    def test_limits_stop_a_bomb_and_are_configurable(self):
        bomb = charts.archive(charts.chart_files(**{"zeros": b"\0" * (8 << 20)}))
        self.push.current("1.0.0", data=bomb)
        chart = self.sync_tag("1.0.0", 3)
        self.assertEqual((chart["reason"], chart["stage"]), ("LimitExceeded", "unpack"))
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"], limits={"ratio": 100000})
        self.assert_code(self.ocisync.sync(), 0)
        again = self.new_ocisync("small").spec([f"oci://{self.registry.host}/charts/web:1.0.0"],
                                               limits={"archiveSize": "1Ki"})
        chart = self.assert_code(again.sync(), 3).chart("web")
        self.assertEqual((chart["reason"], chart["stage"], chart["requests"]), ("LimitExceeded", "content", 2))

    def test_each_limit_of_a_spec_is_exact_and_keeps_what_is_exported(self):
        old, new = charts.chart_files(), charts.chart_files(**{"noise": os.urandom(64 << 10)})
        data = charts.archive(new)
        self.push.current("1.0.0", old)
        digest = self.push.current("2.0.0", data=data)
        limits = {"manifestSize": (self.descriptor("2.0.0", digest)["size"], "resolve"),
                  "archiveSize": (len(data), "content"), "unpackedSize": (sum(map(len, new.values())), "unpack"),
                  "fileSize": (64 << 10, "unpack"), "entries": (len(new), "unpack")}
        for name, (most, stage) in limits.items():
            with self.subTest(limit=name):
                self.ocisync = self.new_ocisync(name)
                self.sync_tag("1.0.0")
                above = f"oci://{self.registry.host}/charts/web:2.0.0"
                self.ocisync.spec([above], limits={name: most - 1})
                chart = self.assert_code(self.ocisync.sync(), 3).chart("web")
                self.assertEqual((chart["reason"], chart["stage"]), ("LimitExceeded", stage), chart)
                self.assertEqual(self.ocisync.exported(), old)
                self.ocisync.spec([above], limits={name: most})
                self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["state"], "updated")
                self.assertEqual(self.ocisync.exported(), new)

    def test_chart_names_that_would_leave_the_export_are_refused(self):
        for tag, name in {"dots": "..", "dot": ".", "slash": "a/b", "empty": '""'}.items():
            with self.subTest(name=name):
                files = {**charts.chart_files(), "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n".encode()}
                self.push.current(tag, files, version="1.0.0")
                for layout in ("directory", "both"):
                    self.ocisync.spec([{"ref": f"oci://{self.registry.host}/charts/web:{tag}",
                                        "export": {"format": layout}}])
                    self.assertEqual(self.assert_code(self.ocisync.sync(), 3).chart("web")["reason"], "ChartInvalid")
        self.assertEqual([p.name for p in self.ocisync.export.iterdir()], [".ocisync"])

    def test_metadata_that_disagrees_is_a_warning_and_the_archive_decides(self):
        self.push.current("1.0.0", charts.chart_files("other", "3.2.1"), name="other", version="3.2.1",
                          config=b'{"name":"third","version":"9.9.9","apiVersion":"v2"}')
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"])
        run = self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(run.chart("web")["version"], "3.2.1")
        events = [event for event in run.events() if event["event"] == "MetadataMismatch"]
        self.assertGreaterEqual(len(events), 3, run.stderr)

    def test_the_same_content_is_stored_once(self):
        data = charts.archive(charts.chart_files("web", "1.0.0"))
        self.push.current("1.0.0", data=data)
        self.push.current("1.0.1", data=data, version="1.0.0", annotations={"a": "b"})
        self.sync_tag("1.0.0")
        self.registry.forget()
        self.sync_tag("1.0.1")
        digest = hashlib.sha256(data).hexdigest()
        self.assertFalse([r for r in self.registry.requests() if digest in r.path])
        self.assertTrue((self.ocisync.cache / "blobs/sha256" / digest).is_file())
        json.loads((self.ocisync.cache / "index.json").read_text())
