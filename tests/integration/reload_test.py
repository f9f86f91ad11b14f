"""Changed files are followed while the sidecar runs: the spec, Secrets and CA files, in every way they change."""
import json
import os
import signal
import threading
import time

from tests.support.case import Case
from tests.support.proxy import FaultProxy, delay
from tests.support.sidecar import Sidecar, eventually
from tests.support.swapped import Swapped
from tests.support.tls import Authority


class Reloading(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)
        self.push.current("1.0.0")

    def ref(self, tag="1.0.0"):
        return f"oci://{self.registry.host}/charts/web:{tag}"

    def spec_text(self, charts, **settings):
        self.ocisync.spec(charts, **{"interval": "1h", **settings})
        return self.ocisync.spec_file.read_text()

    def start(self, *arguments, prefix=(), **environment):
        sidecar = Sidecar(self.ocisync, *arguments, prefix=prefix, **environment)
        self.addCleanup(sidecar.kill)
        sidecar.start()
        eventually(sidecar.is_ready, "ready")
        return sidecar

    def names(self, sidecar):
        return [chart["name"] for chart in sidecar.status()["charts"]]

    def reloads(self, sidecar):
        return sidecar.metric("config_reloads_total")

    def test_a_config_map_is_followed_swap_by_swap(self):
        volume = Swapped(self.folder / "config")
        volume.write(charts__yaml=self.spec_text([self.ref()]))
        self.ocisync.spec_file = volume.folder / "charts.yaml"
        sidecar = self.start()
        pid = sidecar.process.pid
        for count in (2, 3, 4):
            elsewhere = self.new_ocisync("run")
            elsewhere.spec_file = self.folder / "next.yaml"
            elsewhere.spec([{"name": f"web{i}", "ref": self.ref()} for i in range(count)], interval="1h")
            volume.write(charts__yaml=elsewhere.spec_file.read_text())
            eventually(lambda c=count: len(self.names(sidecar)) == c, f"{count} charts")
        self.assertEqual(self.reloads(sidecar), 3)
        self.assertEqual((sidecar.process.pid, sidecar.process.poll()), (pid, None))

    def test_every_way_to_replace_a_file(self):
        self.spec_text([self.ref()])
        file = self.ocisync.spec_file
        sidecar = self.start()
        self.spec_text([{"name": "rewritten", "ref": self.ref()}])
        eventually(lambda: self.names(sidecar) == ["rewritten"], "rewriting in place")
        text = file.read_text()
        (self.folder / "new.yaml").write_text(text.replace('"rewritten"', '"renamed"'))
        (self.folder / "new.yaml").rename(file)
        eventually(lambda: self.names(sidecar) == ["renamed"], "renaming over it")
        file.unlink()
        sidecar.await_event("SpecRefused")
        self.assertEqual(self.names(sidecar), ["renamed"])
        self.assertEqual(sidecar.metric("config_last_reload_successful"), 0)
        file.write_text(text.replace('"rewritten"', '"created"'))
        eventually(lambda: self.names(sidecar) == ["created"], "creating it again")
        self.assertEqual(sidecar.metric("config_last_reload_successful"), 1)
        reloads = self.reloads(sidecar)
        os.utime(file)
        file.with_name("beside.txt").write_text("nothing of ours")
        time.sleep(1)  # nothing must come; it looks within a fifth of that
        self.assertEqual(self.reloads(sidecar), reloads)
        sidecar.send(signal.SIGHUP)
        eventually(lambda: self.reloads(sidecar) > reloads, "the reload by signal")
        self.assertEqual(self.reloads(sidecar), reloads + 1)

    def test_without_inotify_it_looks_by_itself(self):
        self.spec_text([self.ref()])
        sidecar = self.start(prefix=["unshare", "--user", "--map-root-user", "sh", "-c",
                                     "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"", "sh"])
        self.assertEqual(len(sidecar.await_event("InotifyUnavailable")), 1)
        self.spec_text([{"name": "other", "ref": self.ref()}])
        eventually(lambda: self.names(sidecar) == ["other"], "the reload")
        self.assertEqual(len(sidecar.events("InotifyUnavailable")), 1)

    def test_a_bad_spec_changes_nothing_and_says_so(self):
        self.spec_text([self.ref()])
        sidecar = self.start()
        before = self.ocisync.snapshot()
        self.ocisync.spec_file.write_text(self.ocisync.spec_file.read_text().replace('"1h"', '"1x"'))
        said = sidecar.await_event("SpecRefused")[0]
        self.assertIn("charts.yaml:", said["msg"])
        self.assertIn("spec.interval", said["msg"])
        self.assertEqual(sidecar.metric("config_last_reload_successful"), 0)
        self.assertFalse(sidecar.status()["reload"]["successful"])
        self.assertIn("spec.interval", sidecar.status()["reload"]["message"])
        self.assertTrue(sidecar.is_ready())
        self.assertEqual(self.ocisync.snapshot(), before)
        self.spec_text([self.ref()])
        sidecar.await_event("SpecReloaded")
        eventually(lambda: sidecar.metric("config_last_reload_successful") == 1, "following it")

    def test_only_what_changed_is_synced_again(self):
        charts = [{"name": f"chart{i}", "ref": self.ref()} for i in range(10)]
        self.spec_text(charts)
        sidecar = self.start()
        eventually(lambda: all(c["state"] == "updated" for c in sidecar.status()["charts"]), "all of them")
        planned = {c["name"]: c["nextAttempt"] for c in sidecar.status()["charts"]}
        before = self.ocisync.snapshot()
        self.push.current("2.0.0")
        self.registry.forget()
        charts[4]["ref"] = self.ref("2.0.0")
        self.spec_text(charts)
        eventually(lambda: sidecar.chart("chart4")["version"] == "2.0.0", "the changed one")
        self.assertEqual([r.method for r in self.registry.requests() if "/manifests/1.0.0" in r.path], [])
        for chart in sidecar.status()["charts"]:
            if chart["name"] != "chart4":
                self.assertEqual(chart["nextAttempt"], planned[chart["name"]])
        after = self.ocisync.snapshot()
        self.assertEqual({path: before[path] for path in before if path.startswith("chart") and path != "chart4"},
                         {path: after[path] for path in after if path.startswith("chart") and path != "chart4"})

    def test_a_reference_that_changes_in_mid_transfer_is_abandoned(self):
        self.push.current("2.0.0")
        with FaultProxy(self.registry) as slow:
            slow.always("GET", "/manifests/1.0.0", delay(3600))
            self.spec_text([{"name": "web", "ref": f"oci://{slow.host}/charts/web:1.0.0"}])
            sidecar = Sidecar(self.ocisync)
            self.addCleanup(sidecar.kill)
            sidecar.start()
            eventually(lambda: slow.count("GET", "/manifests/1.0.0") == 1, "the transfer")
            self.spec_text([{"name": "web", "ref": f"oci://{slow.host}/charts/web:2.0.0"}])
            eventually(lambda: sidecar.chart().get("version") == "2.0.0", "the new one")
            self.assertTrue(sidecar.is_ready())
            self.assertEqual(slow.count("GET", "/manifests/1.0.0"), 1)

    def test_a_chart_that_leaves_is_withdrawn_with_its_series(self):
        self.spec_text([self.ref(), {"name": "other", "ref": self.ref()}])
        sidecar = self.start()
        self.spec_text([self.ref()])
        eventually(lambda: not (self.ocisync.export / "other").exists(), "withdrawing")
        sidecar.await_event("ChartRemoved")
        self.assertIsNone(sidecar.metric("syncs_total", chart="other"))
        self.assertIsNone(sidecar.metric("chart_ready", chart="other"))
        self.assertTrue((self.ocisync.export / "web/Chart.yaml").exists())

    def test_an_empty_list_withdraws_nothing_unless_it_may(self):
        self.spec_text([self.ref()])
        sidecar = self.start()
        self.spec_text([])
        sidecar.await_event("SpecRefused")
        self.assertTrue((self.ocisync.export / "web/Chart.yaml").exists())
        self.spec_text([], export={"allowEmpty": True})
        eventually(lambda: not (self.ocisync.export / "web").exists(), "withdrawing")
        self.assertTrue(sidecar.is_ready())

    def test_a_new_chart_with_a_wrong_tag_leaves_it_ready(self):
        self.spec_text([self.ref()])
        sidecar = self.start()
        answers, enough = [], threading.Event()

        def ask():
            while not enough.is_set():
                answers.append(sidecar.get("/readyz")[0])

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            self.spec_text([self.ref(), {"name": "wrong", "ref": self.ref("9.9.9")}])
            failed = [e for e in sidecar.await_event("ChartFailed") if e["chart"] == "wrong"]
            self.assertEqual(failed[0]["reason"], "NotFound")
            sidecar.check_now("wrong")
        finally:
            enough.set()
            asking.join()
        self.assertEqual(set(answers), {200})
        self.assertEqual(sidecar.condition("Stalled", "wrong")["status"], "True")

    def test_what_needs_a_restart_says_so_in_one_line(self):
        self.spec_text([self.ref()])
        sidecar = self.start()
        text = self.spec_text([self.ref(), {"name": "other", "ref": self.ref()}], http={"listen": "127.0.0.1:1"},
                              export={"path": str(self.folder / "elsewhere")})
        self.assertIn("elsewhere", text)
        said = sidecar.await_event("RestartNeeded")
        self.assertEqual(len(said), 1)
        self.assertIn("spec.export.path, spec.http.listen", said[0]["msg"])
        eventually(lambda: (self.ocisync.export / "other").exists(), "the rest")
        self.assertFalse((self.folder / "elsewhere").exists())

    def test_names_with_dots_in_the_middle_are_read_from_a_folder(self):
        config = self.folder / "config"
        config.mkdir()
        (config / "a..b.yaml").write_text(self.spec_text([self.ref()]))
        (config / "..hidden.yaml").write_text("not: read\n")
        self.ocisync.spec_file = config
        sidecar = self.start()
        document = json.loads((config / "a..b.yaml").read_text())
        document["spec"] = {"charts": [{"name": "more", "ref": self.ref()}]}
        (config / "more.yaml").write_text(json.dumps(document))
        eventually(lambda: self.names(sidecar) == ["web", "more"], "the second file")

    def test_files_that_change_together_are_one_reload(self):
        config = Swapped(self.folder / "config")

        def write(name):
            document = json.loads(self.spec_text([{"name": name, "ref": self.ref()}]))
            more = {**document, "spec": {"charts": [{"name": f"more-{name}", "ref": self.ref()}]}}
            config.write(a__yaml=json.dumps(document), b__yaml=json.dumps(more))

        write("first")
        files = [config.folder / "a.yaml", config.folder / "b.yaml"]
        sidecar = self.start(command=["sync", "--watch", "--config", str(files[0]), "--config", str(files[1])])
        self.assertEqual(self.names(sidecar), ["first", "more-first"])
        for count, name in enumerate(("second", "third"), 1):
            write(name)
            eventually(lambda: self.names(sidecar) == [name, f"more-{name}"], "both")
            time.sleep(1)  # nothing must come; it looks within a fifth of that
            self.assertEqual(self.reloads(sidecar), count)
            self.assertEqual(len(sidecar.events("SpecReloaded")), count)

    def test_a_lock_file_that_changes_is_followed(self):
        first = self.push.current("1.0.0")
        self.spec_text([self.ref()])
        lock = [self.ocisync.binary, "lock", "--config", str(self.ocisync.spec_file)]
        self.assert_code(self.ocisync.run(command=lock), 0)
        sidecar = self.start("--locked")
        second = self.push.current("1.0.0", version="1.0.1")
        sidecar.check_now()
        self.assertEqual(sidecar.chart()["digest"], first)
        self.assert_code(self.ocisync.run(command=lock), 0)
        eventually(lambda: sidecar.chart()["digest"] == second, "the new lock")
        self.ocisync.spec_file.with_name("charts.lock.yaml").unlink()
        sidecar.await_event("SpecRefused")
        self.assertTrue(sidecar.is_ready())
        self.assertEqual(sidecar.chart()["digest"], second)

    def test_sighup_reads_the_spec_and_syncs_what_did_not_change(self):
        self.spec_text([self.ref()])
        sidecar = self.start()
        digest = self.push.current("1.0.0", version="1.0.1")
        sidecar.send(signal.SIGHUP)
        eventually(lambda: sidecar.chart()["digest"] == digest, "the sync")
        self.assertEqual(self.reloads(sidecar), 1)

    def test_the_admin_token_opens_sync_and_reload(self):
        token = self.folder / "token"
        token.write_text("open sesame\n")
        self.spec_text([self.ref()], http={"adminTokenFile": str(token)})
        sidecar = self.start()
        digest = self.push.current("1.0.0", version="1.0.1")
        self.assertEqual(sidecar.get("/-/sync", method="POST")[0], 401)
        self.assertEqual(sidecar.get("/-/sync", method="POST", Authorization="Bearer open sesame")[0], 202)
        eventually(lambda: sidecar.chart()["digest"] == digest, "the sync")
        self.assertEqual(sidecar.get("/-/reload", method="POST", Authorization="Bearer open sesame")[0], 202)
        eventually(lambda: self.reloads(sidecar) == 1, "the reload")


class Secrets(Case):
    def start(self, charts, registries):
        self.ocisync.spec(charts, registries, interval="1h", retry={"min": "1h", "max": "1h"})
        sidecar = Sidecar(self.ocisync)
        self.addCleanup(sidecar.kill)
        return sidecar.start()

    def refreshes(self, sidecar, host, result):
        return sidecar.metric("credential_refreshes_total", host=host, result=result) or 0

    def test_a_rotated_secret_is_used_at_once(self):
        registry = self.start_registry(htpasswd={"robot": "hare-and-moon"})
        self.pusher(registry, user="robot", password="hare-and-moon").current("1.0.0")
        secret = Swapped(self.folder / "secret")
        secret.write(username="robot", password="wolf-and-cub")
        sidecar = self.start([f"oci://{registry.host}/charts/web:1.0.0"],
                             [{"host": registry.host, "credentials": {"secretDir": str(secret.folder)}}])
        sidecar.await_event("ChartFailed")
        self.assertEqual(sidecar.chart()["reason"], "Unauthorized")
        in_vain = self.refreshes(sidecar, registry.host, "failure")
        self.assertGreater(in_vain, 0)
        secret.write(username="robot", password="hare-and-moon")
        eventually(sidecar.is_ready, "ready")
        self.assertEqual(self.refreshes(sidecar, registry.host, "failure"), in_vain)
        secret.write(username="robot", password="fox-and-rain")
        sidecar.await_event("ChartFailed", 2)
        self.assertTrue(sidecar.is_ready())
        self.assertGreater(self.refreshes(sidecar, registry.host, "failure"), in_vain)
        self.assertEqual(self.refreshes(sidecar, registry.host, "success"), 0)
        log = sidecar.log() + sidecar.get("/status")[1] + sidecar.get("/metrics")[1]
        for password in ("wolf-and-cub", "hare-and-moon", "fox-and-rain"):
            self.assertNotIn(password, log)

    def test_a_login_in_a_file_that_no_spec_names_is_used_at_once(self):
        registry = self.start_registry(htpasswd={"robot": "hare-and-moon"})
        self.pusher(registry, user="robot", password="hare-and-moon").current("1.0.0")
        sidecar = self.start([f"oci://{registry.host}/charts/web:1.0.0"], [])
        sidecar.await_event("ChartFailed")
        self.assertEqual(sidecar.chart()["reason"], "Unauthorized")
        login = [self.ocisync.binary, "registry", "login", registry.host, "-u", "robot", "--password-stdin"]
        self.assert_code(self.ocisync.run(command=login, input="hare-and-moon"), 0)
        eventually(sidecar.is_ready, "ready")

    def test_a_password_that_changes_on_its_way_is_read_again_when_it_is_refused(self):
        registry = self.start_registry(htpasswd={"robot": "hare-and-moon"})
        self.pusher(registry, user="robot", password="hare-and-moon").current("1.0.0")
        password = self.folder / "password"
        password.write_text("wolf-and-cub")

        def rotate(exchange):
            if "Authorization" in exchange.handler.headers and exchange.status == 401:
                password.write_text("hare-and-moon")
            return False

        with FaultProxy(registry) as proxy:
            proxy.always("*", "/manifests/", rotate)
            sidecar = self.start([f"oci://{proxy.host}/charts/web:1.0.0"],
                                 [{"host": proxy.host, "credentials": {
                                     "username": "robot", "passwordFile": str(password)}}])
            eventually(sidecar.is_ready, "ready")
            self.assertEqual(sidecar.syncs("failed"), 0)
            self.assertEqual(self.refreshes(sidecar, proxy.host, "success"), 1)
            self.assertEqual(self.refreshes(sidecar, proxy.host, "failure"), 0)

    def test_a_password_file_that_is_replaced_is_used_at_once(self):
        registry = self.start_registry(htpasswd={"robot": "hare-and-moon"})
        self.pusher(registry, user="robot", password="hare-and-moon").current("1.0.0")
        secret = Swapped(self.folder / "secret")
        secret.write(password="wolf-and-cub")
        sidecar = self.start([f"oci://{registry.host}/charts/web:1.0.0"],
                             [{"host": registry.host, "credentials": {
                                 "username": "robot", "passwordFile": str(secret.folder / "password")}}])
        sidecar.await_event("ChartFailed")
        self.assertEqual(sidecar.chart()["reason"], "Unauthorized")
        self.assertEqual(sidecar.condition("Stalled")["status"], "True")
        secret.write(password="hare-and-moon")
        eventually(sidecar.is_ready, "ready")
        eventually(lambda: sidecar.condition("Stalled")["status"] == "False", "the end of the stall")

    def test_a_rotated_ca_file_is_used_at_once(self):
        right, wrong = Authority(self.folder / "right"), Authority(self.folder / "wrong", "another authority")
        registry = self.start_registry(tls=right.issue("registry"))
        self.pusher(registry).current("1.0.0")
        ca = self.folder / "ca.pem"
        ca.write_bytes(wrong.cert.read_bytes())
        sidecar = self.start([f"oci://{registry.host}/charts/web:1.0.0"],
                             [{"host": registry.host, "plainHTTP": False,
                               "tls": {"caFile": str(ca), "caMode": "replace"}}])
        sidecar.await_event("ChartFailed")
        self.assertEqual(sidecar.chart()["reason"], "TLSFailed")
        ca.write_bytes(right.cert.read_bytes())
        eventually(sidecar.is_ready, "ready")

    def test_the_systems_authorities_are_read_again_when_they_are_replaced(self):
        right, wrong = Authority(self.folder / "right"), Authority(self.folder / "wrong", "another authority")
        third = Authority(self.folder / "third", "a third authority")
        registry = self.start_registry(tls=right.issue("registry"))
        self.pusher(registry).current("1.0.0")
        system = self.folder / "system.pem"
        system.write_bytes(wrong.cert.read_bytes())
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0"],
                          [{"host": registry.host, "plainHTTP": False, "tls": {"caFile": str(third.cert)}}],
                          interval="1s", retry={"min": "1s", "max": "1s"})
        sidecar = Sidecar(self.ocisync, SSL_CERT_FILE=system)
        self.addCleanup(sidecar.kill)
        sidecar.start()
        sidecar.await_event("ChartFailed")
        self.assertEqual(sidecar.chart()["reason"], "TLSFailed")
        system.write_bytes(right.cert.read_bytes())
        eventually(sidecar.is_ready, "ready")

    def test_an_authority_and_a_client_certificate_that_are_replaced_are_used_at_once(self):
        authority, wrong = Authority(self.folder / "right"), Authority(self.folder / "wrong", "another authority")
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        with FaultProxy(registry, tls=authority.issue("registry"), clients=authority) as guarded:
            secret = Swapped(self.folder / "secret")

            def write(ca, client):
                mine = client.issue("client")
                secret.write(ca__crt=ca.cert.read_text(), tls__crt=mine.cert.read_text(), tls__key=mine.key.read_text())

            write(wrong, wrong)
            names = {"caFile": "ca.crt", "certFile": "tls.crt", "keyFile": "tls.key"}
            tls = {"caMode": "append", **{key: str(secret.folder / name) for key, name in names.items()}}
            sidecar = self.start([f"oci://{guarded.host}/charts/web:1.0.0"],
                                 [{"host": guarded.host, "plainHTTP": False, "tls": tls}])
            eventually(lambda: sidecar.syncs("failed"), "the first failure")
            for ca, client in ((authority, wrong), (wrong, authority)):
                sidecar.next_check(after=lambda: write(ca, client))
                # Of a client that is refused the connection may be gone before it hears why.
                self.assertIn(sidecar.chart()["reason"], ("TLSFailed", "Unavailable"))
                self.assertEqual(guarded.seen, [])
            write(authority, authority)
            eventually(sidecar.is_ready, "ready")
