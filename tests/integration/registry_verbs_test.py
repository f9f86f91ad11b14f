"""The network verbs of Helm 3's registry documentation: registry login and logout, chart push and pull."""
import base64
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import stat
import subprocess
import time

from tests.support import charts
from tests.support.case import Case
from tests.support.charts import Helm, sha256
from tests.support.proxy import FaultProxy, before, delay, status, trickle
from tests.support.terminal import Terminal
from tests.support.tls import Authority
from tests.support.token_service import TokenService

USER, PASSWORD = "robot", "s3cr3t-Pa55word"


class Verbs(Case):
    def setUp(self):
        super().setUp()
        self.credentials = self.folder / "login/config.json"

    def command(self, *arguments):
        return [self.ocisync.binary, *map(str, arguments)]

    def settings(self, **environment):
        return {"OCISYNC_CACHE": self.ocisync.cache, "OCISYNC_REGISTRY_CONFIG": self.credentials, **environment}

    def verb(self, *arguments, code=0, input=None, **environment):
        run = self.assert_code(self.ocisync.run(command=self.command(*arguments), input=input,
                                                **self.settings(**environment)), code)
        for text in (run.stdout, run.stderr):
            self.assertNotIn(PASSWORD, text)
            self.assertNotIn(base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(), text)
        return run

    def chart(self, name="web", version="1.0.0", **extra):
        """A chart's directory."""
        top = self.folder / "source" / name
        shutil.rmtree(top, ignore_errors=True)
        for path, data in charts.chart_files(name, version, **extra).items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_bytes(data)
        return top

    def archive(self, mtime=0, name="web", version="1.0.0", **extra):
        file = self.folder / f"{name}-{version}.tgz"
        file.write_bytes(charts.archive(charts.chart_files(name, version, **extra), top=name, mtime=mtime))
        return file

    def blob(self, digest):
        return (self.ocisync.cache / "blobs/sha256" / digest.removeprefix("sha256:")).read_bytes()

    def digest_of(self, run):
        return re.search(r"^Digest: (sha256:[0-9a-f]{64})$", run.stdout, re.MULTILINE)[1]

    def intact(self):
        """Every blob of the cache is what its name says."""
        for path in (self.ocisync.cache / "blobs/sha256").iterdir():
            self.assertEqual(sha256(path.read_bytes()), "sha256:" + path.name)

    def writes(self, registry):
        return [r for r in registry.requests() if r.method not in ("HEAD", "GET")]


def keep_uploads(proxy):
    """The registry names itself as the place of an upload; here it is the proxy."""

    def rule(exchange):
        if "Location" in exchange.headers:
            exchange.headers["Location"] = exchange.headers["Location"].replace(proxy.target.url, proxy.url)
        return False

    proxy.always("POST", "/uploads/", rule)


class Login(Verbs):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry(htpasswd={USER: PASSWORD})

    def login(self, *arguments, code=0, password=PASSWORD, **environment):
        return self.verb("registry", "login", "-u", USER, "--password-stdin", *arguments, self.registry.host,
                         code=code, input=password, **environment)

    def test_a_password_is_checked_before_it_is_stored(self):
        refused = self.login(code=3, password="wrong")
        self.assertEqual(refused.stdout, "")
        self.assertNotIn("wrong", refused.stderr.replace("wrong-", ""))
        self.assertFalse(self.credentials.exists())
        self.assertEqual(self.login(password=PASSWORD + "\r\n").stdout, "Login succeeded\n")
        self.assertEqual(stat.S_IMODE(self.credentials.stat().st_mode), 0o600)
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self.assertEqual(json.loads(self.credentials.read_text()), {"auths": {self.registry.host: {"auth": token}}})
        kept = self.credentials.read_bytes()
        self.login(code=3, password="wrong")
        self.assertEqual(self.credentials.read_bytes(), kept)

    def test_docker_hub_is_asked_too(self):
        run = self.verb("registry", "login", "docker.io", "-u", USER, "--password-stdin", code=1, input=PASSWORD,
                        HTTPS_PROXY="http://127.0.0.1:1")
        self.assertIn("https://registry-1.docker.io/v2/", run.stderr)

    def test_other_entries_stay_and_logout_takes_one(self):
        self.credentials.parent.mkdir(parents=True)
        other = {"auths": {"other.example.com": {"auth": "b3RoZXI6d29yZA=="}}, "psFormat": "x"}
        self.credentials.write_text(json.dumps(other))
        self.login()
        self.assertIn(self.registry.host, json.loads(self.credentials.read_text())["auths"])
        out = self.verb("registry", "logout", self.registry.host)
        self.assertEqual((out.stdout, out.stderr), ("Logout succeeded\n", ""))
        self.assertEqual(json.loads(self.credentials.read_text()), other)
        again = self.verb("registry", "logout", self.registry.host)
        self.assertEqual(again.stdout, "Logout succeeded\n")
        self.assertEqual([e["event"] for e in again.events()], ["NotLoggedIn"])

    def test_the_first_file_that_is_set_is_written(self):
        helm, docker = self.folder / "helm.json", self.folder / "docker"
        settings = {"OCISYNC_REGISTRY_CONFIG": "", "DOCKER_CONFIG": docker}
        self.login(**settings)
        self.assertTrue((docker / "config.json").exists())
        self.login(HELM_REGISTRY_CONFIG=helm, **settings)
        self.assertTrue(helm.exists())
        home = self.ocisync.folder / "home"
        self.login(OCISYNC_REGISTRY_CONFIG="")
        self.assertTrue((home / ".config/helm/registry/config.json").exists())
        self.assertFalse(self.credentials.exists())
        hidden = self.login(DOCKER_AUTH_CONFIG=json.dumps({"auths": {self.registry.host: {"auth": "YTpi"}}}))
        self.assertIn("LoginHidden", [e["event"] for e in hidden.events()])

    def test_helm_and_skopeo_use_the_file(self):
        self.login()
        package = Helm(self.folder / "helm").package(charts.chart_files())
        for major in (4, 3):
            helm = Helm(self.folder / f"helm{major}", major)
            helm.run("push", package, f"oci://{self.registry.host}/charts", "--registry-config", self.credentials,
                     *helm.plain())
        subprocess.run(["skopeo", "inspect", "--raw", "--tls-verify=false", "--authfile", self.credentials,
                        f"docker://{self.registry.host}/charts/web:1.0.0"], check=True, capture_output=True)
        self.verb("chart", "pull", f"{self.registry.host}/charts/web:1.0.0")

    def test_what_helm_stored_is_used_and_forgotten(self):
        helm = Helm(self.folder / "helm")
        helm.run("registry", "login", self.registry.host, "-u", USER, "--password-stdin", "--registry-config",
                 self.credentials, *helm.plain(), input=PASSWORD)
        self.pusher(self.registry, user=USER, password=PASSWORD).current("1.0.0")
        self.verb("chart", "pull", f"{self.registry.host}/charts/web:1.0.0")
        self.verb("registry", "logout", self.registry.host)
        self.assertEqual(json.loads(self.credentials.read_text())["auths"], {})
        self.assertEqual(self.verb("chart", "pull", f"{self.registry.host}/charts/web:1.0.0", code=3).stdout, "")

    def test_the_flag_warns_and_the_schemes_of_a_host_are_left_out(self):
        run = self.verb("registry", "login", f"http://{self.registry.host}/", "-u", USER, "-p", PASSWORD)
        self.assertEqual(run.stdout, "Login succeeded\n")
        self.assertIn("InsecurePassword", [e["event"] for e in run.events()])
        for wrong in ("a/b", "user@host", "", "host:port"):
            self.assertEqual(self.verb("registry", "login", wrong, "--password-stdin", code=2, input="x").stdout, "")
        self.assertIn("--password-stdin", self.verb("registry", "login", self.registry.host, code=2, input="").stderr)

    def terminal(self, answers, *arguments):
        """What a person sees who types the answers."""
        parent, child = pty.openpty()
        process = subprocess.Popen(self.command("registry", "login", self.registry.host, *arguments), stdin=child,
                                   stdout=child, stderr=child, close_fds=True, start_new_session=True,
                                   env=self.ocisync.environment(**self.settings()))
        os.close(child)
        seen, rest = b"", list(answers)
        while True:
            try:
                piece = os.read(parent, 4096)
            except OSError:
                break
            if not piece:
                break
            seen += piece
            if rest and seen.endswith(rest[0][0]):
                answer = rest.pop(0)[1]
                if isinstance(answer, int):
                    process.send_signal(answer)
                else:
                    os.write(parent, answer)
        code = process.wait(20)
        os.close(parent)
        return code, seen.decode()

    def test_a_terminal_is_asked_and_does_not_show_the_password(self):
        code, seen = self.terminal([(b"Username: ", USER.encode() + b"\n"), (b"Password: ", PASSWORD.encode() + b"\n")])
        self.assertEqual(code, 0, seen)
        self.assertIn("Login succeeded", seen)
        self.assertIn(f"Username: {USER}", seen)
        self.assertNotIn(PASSWORD, seen)
        code, seen = self.terminal([(b"Password: ", b"wrong-word\n")], "-u", USER)
        self.assertEqual(code, 3, seen)
        self.assertNotIn("wrong-word", seen)
        code, seen = self.terminal([(b"Password: ", signal.SIGINT)], "-u", USER)
        self.assertEqual(code, 130, seen)

    def test_a_terminal_has_its_echo_back_after_an_interruption(self):
        parent, child = pty.openpty()
        process = subprocess.Popen(self.command("registry", "login", self.registry.host, "-u", USER), stdin=child,
                                   stdout=child, stderr=child, start_new_session=True,
                                   env=self.ocisync.environment(**self.settings()))
        import termios

        while b"Password: " not in os.read(parent, 4096):
            pass
        echo = lambda: termios.tcgetattr(child)[3] & termios.ECHO
        self.assertFalse(echo())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 143)
        self.assertTrue(echo())
        os.close(parent)
        os.close(child)

    def test_two_logins_at_once_lose_nothing(self):
        registries = [self.start_registry(f"registry-{i}", htpasswd={USER: PASSWORD}) for i in range(6)]
        started = [subprocess.Popen(self.command("registry", "login", "-u", USER, "--password-stdin", r.host),
                                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                    env=self.ocisync.environment(**self.settings())) for r in registries]
        for process in started:
            _, errors = process.communicate(PASSWORD.encode(), timeout=60)
            self.assertEqual(process.returncode, 0, errors)
        self.assertEqual(set(json.loads(self.credentials.read_text())["auths"]), {r.host for r in registries})

    def test_a_helper_keeps_the_secret(self):
        tools = self.folder / "bin"
        tools.mkdir()
        helper = tools / "docker-credential-keys"
        helper.write_text(f"#!/bin/sh\ncd {tools}\ncase $1 in store) cat > kept ;; get) cat kept ;; "
                          "erase) rm kept ;; esac\n")
        helper.chmod(0o755)
        self.credentials.parent.mkdir(parents=True)
        self.credentials.write_text('{"credsStore": "keys"}')
        path = {"PATH": f"{tools}:{os.environ['PATH']}"}
        self.login(**path)
        self.assertEqual(json.loads((tools / "kept").read_text()),
                         {"ServerURL": self.registry.host, "Username": USER, "Secret": PASSWORD})
        self.assertNotIn("auth\"", self.credentials.read_text())
        self.pusher(self.registry, user=USER, password=PASSWORD).current("1.0.0")
        self.verb("chart", "pull", f"{self.registry.host}/charts/web:1.0.0", **path)
        self.verb("registry", "logout", self.registry.host, **path)
        self.assertFalse((tools / "kept").exists())

    def test_no_process_list_shows_the_password(self):
        with FaultProxy(self.registry) as proxy:
            proxy.always("GET", "/v2/", delay(1))
            process = subprocess.Popen(
                self.command("registry", "login", "-u", USER, "--password-stdin", proxy.host), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, env=self.ocisync.environment(**self.settings()))
            process.stdin.write(PASSWORD.encode())
            process.stdin.close()
            while not proxy.seen:
                time.sleep(0.01)
            for name in ("cmdline", "environ"):
                self.assertNotIn(PASSWORD.encode(), pathlib.Path(f"/proc/{process.pid}/{name}").read_bytes())
            self.assertEqual(process.stdout.read(), b"Login succeeded\n")
            process.stdout.close()
            process.wait(20)


class Transport(Verbs):
    """The flags that say how to speak to a registry, with each verb that does."""

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder / "ca")
        self.ca = ("--ca-file", self.authority.cert)

    def each_verb(self, host, *flags):
        """login, push and pull, whatever comes of them."""
        ref = f"{host}/charts/web:1.0.0"
        self.verb("chart", "save", self.chart(), ref)

        def run(*words):
            return self.ocisync.run(command=self.command(*words, *flags), input=PASSWORD, **self.settings())

        yield run("registry", "login", host, "-u", USER, "--password-stdin")
        yield run("chart", "push", ref)
        self.verb("chart", "remove", ref)
        yield run("chart", "pull", ref)

    def assert_works(self, host, *flags):
        login, push, pull = (self.assert_code(run, 0) for run in self.each_verb(host, *flags))
        self.assertEqual(login.stdout, "Login succeeded\n")
        self.assertIn("Digest: sha256:", push.stdout)
        self.assertIn("Downloaded newer chart", pull.stdout)

    def assert_refused(self, words, host, *flags, codes=(3,)):
        for run in self.each_verb(host, *flags):
            self.assertIn(run.code, codes, run.stderr)
            self.assertEqual((run.stdout, run.stderr.count("\n")), ("", 1), run.stderr)
            self.assertIn(words, run.stderr)

    def test_a_certificate_is_shown_to_a_registry_that_asks_for_one(self):
        registry = self.start_registry(htpasswd={USER: PASSWORD}, tls=self.authority.issue("server"),
                                       clients=self.authority)
        own = self.authority.issue("robot")
        strange = Authority(self.folder / "other").issue("robot")
        registry.forget()
        # The alert may be lost: it comes while we already talk, and the connection is reset behind it.
        self.assert_refused(registry.host, registry.host, *self.ca, codes=(1, 3))
        self.assert_refused(registry.host, registry.host, *self.ca, "--cert-file", strange.cert,
                            "--key-file", strange.key, codes=(1, 3))
        for half in (("--cert-file", own.cert), ("--key-file", own.key)):
            self.assert_refused("--cert-file and --key-file go together", registry.host, *self.ca, *half, codes=(2,))
        self.assertEqual(registry.requests(), [])
        self.assert_works(registry.host, *self.ca, "--cert-file", own.cert, "--key-file", own.key)

    def test_a_certificate_that_nobody_vouches_for_is_taken_when_told_so(self):
        registry = self.start_registry(htpasswd={USER: PASSWORD}, tls=self.authority.issue("server"))
        other = Authority(self.folder / "other")
        registry.forget()
        self.assert_refused("certificate", registry.host, "--ca-file", other.cert)
        self.assertEqual(registry.requests(), [])
        self.assert_works(registry.host, "--insecure-skip-tls-verify")

    def test_http_is_spoken_beyond_loopback_names_when_told_so(self):
        registry = self.start_registry(htpasswd={USER: PASSWORD})
        # It leads to this machine, but is none of the names that say so by themselves.
        host = f"registry.localhost:{registry.port}"
        self.assert_refused("does not seem to speak TLS", host)
        self.assert_works(host, "--plain-http")


class Push(Verbs):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.ref = f"{self.registry.host}/charts/web:1.0.0"

    def save_and_push(self, source=None, *arguments, **environment):
        self.verb("chart", "save", source or self.chart(), self.ref)
        return self.verb("chart", "push", self.ref, *arguments, **environment)

    def test_the_lines_and_what_the_registry_has(self):
        run = self.save_and_push()
        digest = self.digest_of(run)
        manifest = json.loads(self.blob(digest))
        config, content = manifest["config"], manifest["layers"][0]
        self.assertEqual(run.stdout, f"The push refers to repository [{self.registry.host}/charts/web]\n"
                         f"Name: web\nVersion: 1.0.0\nMeta: {config['digest']}\nContent: {content['digest']}\n"
                         f"1.0.0: pushed to remote (1 layer, {content['size']} B total)\nDigest: {digest}\n")
        self.assertEqual(run.stderr, "")
        raw = self.pusher(self.registry).send("GET", f"{self.registry.url}/v2/charts/web/manifests/1.0.0",
                                              Accept=charts.MANIFEST)
        self.assertEqual(raw.read(), self.blob(digest))
        self.assertEqual(raw.headers["Docker-Content-Digest"], digest)
        self.assertEqual(config["mediaType"], charts.CONFIG)
        self.assertEqual(json.loads(self.blob(config["digest"])), {"name": "web", "version": "1.0.0", "apiVersion": "v2"})
        self.assertEqual([layer["mediaType"] for layer in manifest["layers"]], [charts.CONTENT])
        self.assertEqual(manifest["annotations"], {"org.opencontainers.image.title": "web",
                                                   "org.opencontainers.image.version": "1.0.0"})
        tag = self.ocisync.cache / "refs" / self.registry.host.replace(":", "_") / "charts/web/tags/1.0.0"
        self.assertEqual((tag / "manifest").resolve().name, digest[7:])
        self.assertNotEqual((tag / "content").resolve().name, content["digest"][7:])  # what was saved stays
        self.assertEqual(os.readlink(tag / "content").split("/")[-1],
                         re.search(r"Content: sha256:(\w+)", self.verb("chart", "save", self.folder / "source/web",
                                                                       self.ref).stdout)[1])

    def test_pushing_twice_is_one_digest_and_no_upload(self):
        first = self.save_and_push()
        self.registry.forget()
        second = self.verb("chart", "push", self.ref)
        self.assertEqual(second.stdout, first.stdout)
        self.assertEqual([r.method for r in self.registry.requests()], ["HEAD"])
        self.assertEqual([e["event"] for e in second.events()], ["AlreadyPushed"])
        elsewhere = self.new_ocisync("elsewhere")
        self.ocisync, before = elsewhere, self.ocisync
        shutil.copytree(self.folder / "source/web", self.folder / "source/copy")
        self.verb("chart", "save", self.folder / "source/copy", self.ref)
        self.assertEqual(self.verb("chart", "push", self.ref).stdout, first.stdout)
        self.assertEqual(self.writes(self.registry), [])
        self.assertNotEqual(elsewhere.cache, before.cache)

    def test_created_comes_from_the_environment_or_the_archive(self):
        created = lambda run: json.loads(self.blob(self.digest_of(run)))["annotations"].get(
            "org.opencontainers.image.created")
        self.assertIsNone(created(self.save_and_push()))
        self.assertEqual(created(self.save_and_push(None, SOURCE_DATE_EPOCH="1700000000")), "2023-11-14T22:13:20Z")
        self.assertEqual(created(self.save_and_push(self.archive(1600000000))), "2020-09-13T12:26:40Z")
        self.assertIsNone(created(self.save_and_push(self.archive(0))))
        self.assertIn("SOURCE_DATE_EPOCH", self.verb("chart", "push", self.ref, code=2, SOURCE_DATE_EPOCH="x").stderr)

    def test_helm_of_both_generations_reads_what_was_pushed(self):
        metadata = ("apiVersion: v2\nname: web\nversion: 1.0.0\ndescription: a <b> & c\nhome: https://example.com\n"
                    "sources: [https://example.com/src]\nmaintainers:\n- {name: Al, email: al@example.com}\n- {name: Bo}\n"
                    "annotations: {custom/x: y, org.opencontainers.image.version: no}\n")
        source = self.chart(**{"Chart.yaml": metadata})
        digest = self.digest_of(self.save_and_push(source))
        for major in (4, 3):
            helm = Helm(self.folder / f"helm{major}", major)
            into = self.folder / f"pulled{major}"
            helm.pull(f"{self.registry.host}/charts/web", "1.0.0", into)
            subprocess.run(["diff", "-r", "-x", "Chart.yaml", source, into / "web"], check=True)
            shown = helm.run("show", "chart", f"oci://{self.registry.host}/charts/web", "--version", "1.0.0",
                             *helm.plain()).stdout
            self.assertIn("description: a <b> & c", shown)
            helm.run("template", into / "web")
        by_helm = Helm(self.folder / "helm4")
        package = by_helm.package(charts.chart_files(**{"Chart.yaml": metadata}))
        pushed = by_helm.push(package, self.registry, "other")
        other = re.search(r"sha256:[0-9a-f]{64}", pushed.stdout + pushed.stderr)[0]
        raw = self.pusher(self.registry, "other/web").send(
            "GET", f"{self.registry.url}/v2/other/web/manifests/{other}", Accept=charts.MANIFEST).read()
        theirs, ours = json.loads(raw), json.loads(self.blob(digest))
        self.assertEqual(ours["config"], theirs["config"])
        del theirs["annotations"]["org.opencontainers.image.created"]
        self.assertEqual(ours["annotations"], theirs["annotations"])
        self.assertEqual(list(ours), list(theirs))

    def test_an_archive_goes_as_it_is_with_its_provenance(self):
        archive = self.archive(1600000000)
        (self.folder / (archive.name + ".prov")).write_text("-----BEGIN PGP SIGNED MESSAGE-----\n")
        run = self.save_and_push(archive)
        layers = {layer["mediaType"]: layer for layer in json.loads(self.blob(self.digest_of(run)))["layers"]}
        self.assertEqual(layers[charts.CONTENT]["digest"], sha256(archive.read_bytes()))
        self.assertIn(charts.PROVENANCE, layers)
        self.assertIn(f"(2 layers, {sum(layer['size'] for layer in layers.values())} B total)", run.stdout)

    def test_helm_verifies_what_was_pushed_with_its_provenance(self):
        helm = Helm(self.folder / "helm")
        home = self.folder / "keys"
        home.mkdir(mode=0o700)
        gpg = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
        for arguments in (["--quick-generate-key", "Al <al@example.com>", "rsa2048", "sign"],
                          ["-o", str(home / "secret.gpg"), "--export-secret-keys"],
                          ["-o", str(home / "public.gpg"), "--export"]):
            subprocess.run([*gpg, *arguments], check=True, capture_output=True)
        self.addCleanup(subprocess.run, ["gpgconf", "--homedir", str(home), "--kill", "all"])
        signed = helm.run("package", self.chart(), "-d", self.folder, "--sign", "--key", "Al", "--keyring",
                          home / "secret.gpg").stdout
        self.save_and_push(pathlib.Path(signed.strip().splitlines()[-1].split(": ", 1)[1]))
        self.verb("chart", "remove", self.ref)
        self.verb("chart", "pull", self.ref)
        verified = helm.run("pull", f"oci://{self.registry.host}/charts/web", "--version", "1.0.0", "--verify",
                            "--keyring", home / "public.gpg", "-d", self.folder / "helm", *helm.plain())
        self.assertIn("Chart Hash Verified", verified.stdout + verified.stderr)

    def test_the_split_format_is_that_of_the_documentation(self):
        source = self.chart(name="mychart", version="2.7.0")
        (source / "Chart.yaml").write_text("apiVersion: v1\nname: mychart\nversion: 2.7.0\n")
        self.ref = f"{self.registry.host}/myrepo/mychart:2.7.0"
        saved = self.verb("chart", "save", source, self.ref)
        run = self.verb("chart", "push", self.ref, "--format", "split")
        meta, content = (re.search(rf"{role}: (sha256:\w+)", saved.stdout)[1] for role in ("Meta", "Content"))
        self.assertEqual(meta, "sha256:ca9588a9340fb83a62777cd177dae4ba5ab52061a1618ce2e21930b86c412d9e")
        total = 19 + len(self.blob(content))
        self.assertEqual(run.stdout.splitlines()[1:6], ["Name: mychart", "Version: 2.7.0", f"Meta: {meta}",
                         f"Content: {content}", f"2.7.0: pushed to remote (2 layers, {total} B total)"])
        manifest = json.loads(self.blob(self.digest_of(run)))
        self.assertEqual(manifest, {
            "schemaVersion": 2,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(b"{}"), "size": 2},
            "layers": [
                {"mediaType": charts.ALPHA1_META, "digest": meta, "size": 19,
                 "annotations": {"org.opencontainers.image.title": "chart-meta.json"}},
                {"mediaType": charts.ALPHA1_CONTENT, "digest": content, "size": total - 19,
                 "annotations": {"org.opencontainers.image.title": "chart-content.tgz",
                                 "sh.helm.chart.name": "mychart", "sh.helm.chart.version": "2.7.0"}}]})
        self.verb("chart", "remove", self.ref)
        pulled = self.verb("chart", "pull", self.ref)
        self.assertIn(f"Meta: {meta}\nContent: {content}\n", pulled.stdout)
        archive = self.archive(1600000000, "mychart", "2.7.0")
        self.verb("chart", "save", archive, self.ref)
        again = self.verb("chart", "push", self.ref, "--format", "split")
        self.assertIn("(2 layers, ", again.stdout)

    def test_a_moved_tag_is_told_and_what_is_missing_is_an_error(self):
        self.save_and_push()
        self.chart(**{"values.yaml": "other: true\n"})
        run = self.save_and_push(self.folder / "source/web")
        self.assertEqual([e["event"] for e in run.events()], ["TagMoved"])
        self.assertIn("not in the cache", self.verb("chart", "push", f"{self.registry.host}/no/such:1", code=3).stderr)
        self.assertEqual(self.verb("chart", "push", f"{self.registry.host}/no/such@{sha256(b'')}", code=2).stdout, "")

    def test_without_a_tag_it_is_latest(self):
        bare = self.ref.rsplit(":", 1)[0]
        self.verb("chart", "save", self.chart(), bare)
        run = self.verb("chart", "push", bare)
        self.assertEqual([e["msg"] for e in run.events()], ["Using default tag: latest"])
        self.assertIn("latest: pushed to remote", run.stdout)

    def test_an_upload_that_is_cut_begins_anew(self):
        self.verb("chart", "save", self.chart(), self.ref)
        cut_off = before(lambda exchange: exchange.handler.connection.close() or
                         setattr(exchange.handler, "close_connection", True) or True)
        with FaultProxy(self.registry) as proxy:
            ref = f"{proxy.host}/charts/web:1.0.0"
            keep_uploads(proxy)
            self.verb("chart", "save", self.folder / "source/web", ref)
            proxy.once("PUT", "/blobs/uploads/", status(503))
            proxy.once("PUT", "/manifests/", status(502))
            self.verb("chart", "push", ref)
            self.assertEqual(proxy.count("POST", "/uploads/"), 3)
            self.assertEqual(proxy.count("PUT", "/manifests/"), 2)
            self.verb("chart", "save", self.chart(**{"values.yaml": "more: true\n"}), ref)
            proxy.always("PUT", "/blobs/uploads/", cut_off)
            self.verb("chart", "push", ref, code=1)
            self.intact()
            proxy.rules.pop()
            self.verb("chart", "push", ref)

    def test_an_answer_that_was_lost_is_asked_for(self):
        with FaultProxy(self.registry) as proxy:
            ref = f"{proxy.host}/charts/web:1.0.0"
            keep_uploads(proxy)
            self.verb("chart", "save", self.chart(), ref)

            def lose(exchange):
                return exchange.answer(504)

            proxy.once("PUT", "/blobs/uploads/", lose)  # after the registry took it
            proxy.once("PUT", "/manifests/", lose)
            self.verb("chart", "push", ref)
            self.assertEqual(proxy.count("POST", "/uploads/"), 2)
            self.assertEqual(proxy.count("PUT", "/manifests/"), 1)

    def test_killed_at_any_moment_it_can_be_repeated(self):
        with FaultProxy(self.registry) as proxy:
            ref = f"{proxy.host}/charts/web:1.0.0"
            keep_uploads(proxy)
            self.verb("chart", "save", self.chart(), ref)
            for method, path in (("HEAD", "/manifests/"), ("POST", "/uploads/"), ("PUT", "/uploads/"),
                                 ("PUT", "/manifests/")):
                proxy.once(method, path, delay(1))
                proxy.rules.insert(0, proxy.rules.pop())
                count = proxy.count(method, path)
                process = subprocess.Popen(self.command("chart", "push", ref), stdout=subprocess.DEVNULL,
                                           env=self.ocisync.environment(**self.settings()))
                while proxy.count(method, path) == count:
                    self.assertIsNone(process.poll(), f"ended before {method} {path}")
                    time.sleep(0.005)
                process.send_signal(signal.SIGKILL)
                process.wait(20)
                self.intact()
                self.assertIn("web", self.verb("chart", "list").stdout)
            self.verb("chart", "push", ref)
            self.verb("chart", "remove", ref)
            self.verb("chart", "pull", ref)

    def test_an_interrupted_push_says_so_and_harms_nothing(self):
        with FaultProxy(self.registry) as proxy:
            ref = f"{proxy.host}/charts/web:1.0.0"
            keep_uploads(proxy)
            self.verb("chart", "save", self.chart(), ref)
            refs = self.ocisync.cache / "refs"
            cached = {path: path.lstat().st_mtime_ns for path in refs.rglob("*")}
            proxy.always("PUT", "/blobs/uploads/", delay(20))
            for number in (signal.SIGINT, signal.SIGTERM):
                process = subprocess.Popen(self.command("chart", "push", ref), stdout=subprocess.PIPE, text=True,
                                           stderr=subprocess.PIPE, env=self.ocisync.environment(**self.settings()))
                count = proxy.count("PUT", "/blobs/uploads/")
                while proxy.count("PUT", "/blobs/uploads/") == count:
                    time.sleep(0.005)
                process.send_signal(number)
                out, err = process.communicate(timeout=20)
                self.assertEqual((process.returncode, out), (128 + number, ""))
                self.assertRegex(err, rf"^ocisync: ended by signal {int(number)}: pushing {re.escape(ref)}.*\n$")
            self.assertEqual({path: path.lstat().st_mtime_ns for path in refs.rglob("*")}, cached)
            self.intact()
            proxy.rules.pop()
            self.verb("chart", "push", ref)

    def test_what_is_too_large_for_a_proxy_is_said_with_the_setting(self):
        with FaultProxy(self.registry) as proxy:
            ref = f"{proxy.host}/charts/web:1.0.0"
            keep_uploads(proxy)
            self.verb("chart", "save", self.chart(), ref)
            proxy.always("PUT", "/blobs/uploads/", status(413, b"<html>too large</html>", Content_Type="text/html"))
            run = self.verb("chart", "push", ref, code=3)
            self.assertEqual((run.stdout, run.stderr.count("\n")), ("", 1))
            self.assertIn("proxy-body-size", run.stderr)
            self.assertEqual(proxy.count("PUT", "/"), 1)

    def test_a_terminal_shows_how_far_a_push_and_a_pull_are(self):
        with FaultProxy(self.registry) as proxy:
            ref = f"{proxy.host}/charts/web:1.0.0"
            keep_uploads(proxy)
            self.verb("chart", "save", self.archive(noise=os.urandom(300_000)), ref)
            proxy.always("PUT", "/blobs/uploads/", delay(0.5))
            proxy.always("GET", "/blobs/", trickle(50_000, 0.2))
            environment = {"TERM": "xterm", **self.ocisync.environment(**self.settings())}
            environment.pop("CI")
            for verb, full in (("push", r"  web +\[#+\]  (\S+ \S+) of \1  "), ("pull", r"  web +\[#+\.+\]  \S+ KiB of 29\d\.")):
                terminal = Terminal()
                code = terminal.run(self.command("chart", verb, ref), environment, self.ocisync.folder)
                self.assertEqual(code, 0, terminal.text)
                seen = [line for screen in terminal.screens for line in screen]
                self.assertTrue(any(line.startswith("all  ") and "0/1 charts" in line for line in seen), terminal.text)
                self.assertTrue(any(re.match(full, line) for line in seen), terminal.text)
                self.assertNotIn("/s", "".join(terminal.lines()))
                self.assertIn("Digest: " if verb == "push" else "Status: ", terminal.lines()[-1])
                self.verb("chart", "remove", ref)
                self.ocisync.run(command=["find", str(self.ocisync.cache / "blobs"), "-type", "f", "-delete"])

    def test_uploads_go_nowhere_else_with_credentials(self):
        guarded = self.start_registry("guarded", htpasswd={USER: PASSWORD})
        with FaultProxy(guarded) as proxy, FaultProxy(None) as elsewhere:
            ref = f"{proxy.host}/charts/web:1.0.0"
            self.verb("registry", "login", "-u", USER, "--password-stdin", proxy.host, input=PASSWORD)
            self.verb("chart", "save", self.chart(), ref)
            proxy.always("POST", "/uploads/", status(202, Location=f"{elsewhere.url}/put?x=1"))
            # not through: the first two requests of a Basic registry are its challenge
            self.verb("chart", "push", ref, code=1)
            self.assertTrue(elsewhere.seen)
            for seen in elsewhere.seen:
                self.assertEqual(seen.method, "PUT")
                self.assertTrue(seen.path.startswith("/put?x=1&digest=sha256%3A"))
                self.assertNotIn("Authorization", seen.headers)

    def test_a_registry_with_tokens_gives_one_for_a_push(self):
        with TokenService(self.folder / "tokens", {USER: PASSWORD}, identity="identity-word") as service:
            registry = self.start_registry("bearer", token=service.registry_options())
            ref = f"{registry.host}/charts/web:1.0.0"
            self.verb("registry", "login", "-u", USER, "--password-stdin", registry.host, code=3, input="wrong")
            self.verb("registry", "login", "-u", USER, "--password-stdin", registry.host, input=PASSWORD)
            self.verb("chart", "save", self.chart(), ref)
            self.verb("chart", "push", ref)
            self.assertEqual([scopes for _, scopes in service.issued], [[], ["repository:charts/web:pull,push"]])
            self.verb("registry", "login", "--password-stdin", registry.host, input="identity-word")
            self.assertEqual(json.loads(self.credentials.read_text())["auths"][registry.host],
                             {"identitytoken": "identity-word"})
            self.verb("chart", "push", ref)


class Pull(Verbs):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.repository = f"{self.registry.host}/charts/web"

    def test_the_lines_of_the_first_time_and_of_the_second(self):
        digest = self.pusher(self.registry).current("1.0.0")
        run = self.verb("chart", "pull", f"{self.repository}:1.0.0")
        manifest = json.loads(self.blob(digest))
        meta, content = manifest["config"], manifest["layers"][0]
        lines = (f"Name: web\nVersion: 1.0.0\nMeta: {meta['digest']}\nContent: {content['digest']}\n")
        self.assertEqual(run.stdout, f"1.0.0: Pulling from {self.repository}\n"
                         f"{meta['digest'][7:14]}: Saving meta ({meta['size']} B)\n"
                         f"{content['digest'][7:14]}: Saving content ({content['size']} B)\n{lines}"
                         f"Status: Downloaded newer chart for {self.repository}:1.0.0\n")
        self.assertEqual(run.stderr, "")
        self.registry.forget()
        again = self.verb("chart", "pull", f"{self.repository}:1.0.0")
        self.assertEqual(again.stdout, f"1.0.0: Pulling from {self.repository}\n{lines}"
                         f"Status: Chart is up to date for {self.repository}:1.0.0\n")
        self.assertEqual([r.method for r in self.registry.requests()], ["HEAD"])
        self.verb("chart", "remove", f"{self.repository}:1.0.0")
        appeared = self.verb("chart", "pull", f"{self.repository}:1.0.0")
        self.assertNotIn("Saving", appeared.stdout)
        self.assertIn("Downloaded newer chart", appeared.stdout)
        self.pusher(self.registry).current("1.0.0", charts.chart_files(**{"values.yaml": "new: 1\n"}))
        self.assertIn("Downloaded newer chart", self.verb("chart", "pull", f"{self.repository}:1.0.0").stdout)

    def test_a_version_may_be_a_range(self):
        pusher = self.pusher(self.registry)
        for tag in ("1.0.0", "1.2.0", "2.0.0", "latest"):
            pusher.current(tag, version="1.0.0" if tag == "latest" else tag)
        for version, tag in (("^1.0", "1.2.0"), ("2.0.0", "2.0.0"), (">=1 <2", "1.2.0"), ("1.0.0", "1.0.0")):
            run = self.verb("chart", "pull", self.repository, "--version", version)
            self.assertRegex(run.stdout, rf"\nStatus: .* for {self.repository}:{tag}\n$")
            self.assertIn("up to date", self.verb("chart", "pull", self.repository, "--version", version).stdout)
        bare = self.verb("chart", "pull", self.repository)
        self.assertEqual([e["msg"] for e in bare.events() if e["event"] == "DefaultTag"], ["Using default tag: latest"])
        self.assertIn("latest: Pulling from", bare.stdout)
        self.verb("chart", "pull", f"{self.repository}:1.0.0", "--version", "1.0.0")
        self.verb("chart", "pull", f"{self.repository}:1.0.0", "--version", "1.2.0", code=2)
        self.verb("chart", "pull", self.repository, "--version", "words", code=2)
        self.verb("chart", "pull", self.repository, "--version", "^9", code=3)
        self.verb("chart", "pull", f"{self.repository}:9.9.9", code=3)

    def test_all_five_formats_export_the_same(self):
        pusher = self.pusher(self.registry)
        made = {"current": pusher.current, "beta": pusher.beta, "alpha1": pusher.alpha,
                "alpha2": lambda tag, **rest: pusher.alpha(tag, generation=2, **rest),
                "legacy": lambda tag, **rest: pusher.current(tag, layer=charts.LEGACY, **rest)}
        seen = set()
        for name, push in made.items():
            push(name, version="1.0.0")
            self.verb("chart", "pull", f"{self.repository}:{name}")
            into = self.folder / name
            self.verb("chart", "export", f"{self.repository}:{name}", "-d", into)
            files = sorted((str(f.relative_to(into)), f.read_bytes()) for f in into.rglob("*")
                           if f.is_file() and f.name != "Chart.yaml")
            seen.add(tuple(files))
            self.assertRegex((into / "web/Chart.yaml").read_text(), 'version: "?1.0.0"?\n')
        self.assertEqual(len(seen), 1)

    def test_what_helm_pushed_is_listed_and_exported(self):
        for major in (4, 3):
            helm = Helm(self.folder / f"helm{major}", major)
            files = charts.chart_files("app", f"{major}.0.0")
            helm.push(helm.package(files, "app"), self.registry)
            ref = f"{self.registry.host}/charts/app:{major}.0.0"
            self.verb("chart", "pull", ref)
            self.assertIn(ref, self.verb("chart", "list").stdout)
            ours, theirs = self.folder / f"ours{major}", self.folder / f"theirs{major}"
            self.verb("chart", "export", ref, "-d", ours)
            helm.pull(f"{self.registry.host}/charts/app", f"{major}.0.0", theirs)
            subprocess.run(["diff", "-r", ours, theirs], check=True)

    def test_the_result_as_a_document(self):
        digest = self.pusher(self.registry).current("1.0.0")
        pulled = self.verb("chart", "pull", f"{self.repository}:1.0.0", "-o", "json").result
        self.assertEqual((pulled["action"], pulled["digest"], pulled["state"], pulled["requests"]),
                         ("pull", digest, "downloaded", 3))
        pushed = self.verb("chart", "push", f"{self.repository}:1.0.0", "-o", "json").result
        self.assertEqual((pushed["action"], pushed["layers"]), ("push", 1))

    def test_an_unpulled_chart_leaves_no_reference(self):
        self.pusher(self.registry).current("1.0.0", data=b"no archive at all")
        self.verb("chart", "pull", f"{self.repository}:1.0.0", code=3)
        self.assertEqual(self.verb("chart", "list").stdout.count("\n"), 1)
