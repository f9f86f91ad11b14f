"""validate --show and registry check: what counts, where it comes from, who is let in. And bad input."""
import json
import os

from tests.support.case import Case
from tests.support.ports import free_port
from tests.support.proxy import FaultProxy, header, status
from tests.support.tls import Authority
from tests.support.token_service import TokenService


class Asking(Case):
    def run_ocisync(self, *arguments, **environment):
        return self.ocisync.run(command=[self.ocisync.binary, *map(str, arguments)], **environment)

    def docker_config(self, registry, user="robot", password="hush"):
        import base64

        file = self.ocisync.folder / "home" / ".docker" / "config.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        file.write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
        return file

    # validate --show

    def show(self, *arguments, **environment):
        return self.assert_code(self.run_ocisync("validate", "-c", self.ocisync.spec_file, "--show", *arguments,
                                                 **environment), 0).stdout

    def values(self, shown):
        return [line.split("  #")[0].rstrip() for line in shown.splitlines() if not line.lstrip().startswith("#")]

    def origin(self, shown, value):
        lines = [line for line in shown.splitlines() if line.split("  #")[0].strip().removeprefix("- ") == value]
        self.assertEqual(len(lines), 1, f"{value}:\n{shown}")
        return lines[0].split("  # ")[1]

    def test_show_prints_what_counts_and_where_each_value_comes_from(self):
        self.ocisync.spec(["oci://r.example/charts/web:${TAG:-1.0.0}"], concurrency=4, interval="1m")
        shown = self.show("--export", "/elsewhere", TAG="1.2.3", OCISYNC_ACCEPT_STALE="90m", OCISYNC_CONCURRENCY="9")
        spec = str(self.ocisync.spec_file)
        self.assertEqual(self.origin(shown, "path: /elsewhere"), "flag --export")
        self.assertEqual(self.origin(shown, 'acceptStale: "1h30m"'), "environment OCISYNC_ACCEPT_STALE")
        self.assertEqual(self.origin(shown, "concurrency: 9"), "environment OCISYNC_CONCURRENCY")
        self.assertEqual(self.origin(shown, "timeout: 30s"), "default")
        self.assertEqual(self.origin(shown, "name: web"), "default: the repository's last component")
        self.assertTrue(self.origin(shown, f"path: {self.ocisync.cache}").startswith(spec + ":"))
        self.assertTrue(self.origin(shown, "ref: oci://r.example/charts/web:1.2.3").startswith(spec + ":"))
        self.assertEqual(self.origin(self.show("--concurrency", "3", OCISYNC_CONCURRENCY="9"), "concurrency: 3"),
                         "flag --concurrency")
        again = self.assert_code(self.run_ocisync("validate", "-c", "-", "--show", input=shown), 0).stdout
        self.assertEqual(self.values(again), self.values(shown))

    def test_show_touches_nothing_and_tells_no_secret(self):
        registry = self.start_registry(htpasswd={"robot": "hush"})
        config = self.docker_config(registry)
        ran = self.folder / "ran"
        helper = self.folder / "bin" / "docker-credential-spy"
        helper.parent.mkdir()
        helper.write_text(f"#!/bin/sh\ntouch {ran}\n")
        helper.chmod(0o755)
        entries = [{"host": "a.example", "credentials": {"helper": "spy"}},
                   {"host": "b.example", "credentials": {"username": "${ROBOT_SECRET}", "passwordEnv": "ROBOT_PASSWORD"}},
                   {"host": "c.example", "credentials": {"secretDir": "/nowhere"}}]
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1"], entries)
        registry.forget()
        shown = self.show(ROBOT_SECRET="geheim", ROBOT_PASSWORD="hush", PATH=f"{helper.parent}:{os.environ['PATH']}")
        for note in (f"# registry {registry.host}, without an entry; credentials: {config}",
                     "# credentials: credential helper docker-credential-spy",
                     "# credentials: passwordEnv ROBOT_PASSWORD", "# credentials: cannot be used: secretDir /nowhere"):
            self.assertIn(note, shown)
        for secret in ("geheim", "hush", "cm9ib3Q6aHVzaA"):
            self.assertNotIn(secret, shown)
        self.assertEqual(registry.requests(), [])
        self.assertFalse(ran.exists())
        self.assertFalse(self.ocisync.cache.exists() or self.ocisync.export.exists())

    def test_an_entry_for_docker_hub_is_shown_and_checked(self):
        self.ocisync.spec(["oci://docker.io/library/web:1"], [{"host": "docker.io"}, {"host": "docker.io/team"}])
        shown = self.show()
        self.assertIn("plainHTTP: false", shown)
        lines, document = self.check(1, "docker.io", HTTPS_PROXY="http://127.0.0.1:1")
        self.assertEqual(lines["url"], "https://registry-1.docker.io/v2/ (TLS)")
        self.assertEqual(document["reason"], "Unavailable")

    # registry check

    def check(self, code, host, *arguments, **environment):
        text = self.assert_code(self.run_ocisync("registry", "check", host, *arguments, **environment), code)
        lines = dict(line.split(None, 1) for line in text.stdout.splitlines())
        self.assertEqual(list(lines), ["registry", "url", "auth", "credentials", "result"])
        document = self.assert_code(self.run_ocisync("registry", "check", host, "-o", "json", *arguments, **environment),
                                    code).result
        self.assertEqual((document["kind"], document["exitCode"], document["ok"]), ("RegistryCheck", code, code == 0))
        self.assertNotIn("hush", text.stdout + text.stderr + json.dumps(document))
        return lines, document

    def test_an_open_registry_lets_everybody_in(self):
        registry = self.start_registry()
        lines, document = self.check(0, registry.host)
        self.assertEqual(lines["url"], f"http://{registry.host}/v2/ (plain HTTP)")
        self.assertEqual((lines["auth"], lines["credentials"], lines["result"]), ("none", "none", "open to everybody"))
        self.assertEqual(document["auth"], [])

    def test_credentials_are_tried_and_named_but_never_shown(self):
        registry = self.start_registry(htpasswd={"robot": "hush"})
        lines, document = self.check(3, registry.host)
        self.assertEqual((lines["auth"], lines["credentials"]), ("basic", "none"))
        self.assertTrue(lines["result"].startswith("Unauthorized: "))
        self.assertEqual((document["reason"], document["httpStatus"]), ("Unauthorized", 401))
        config = self.docker_config(registry)
        lines, document = self.check(0, registry.host)
        self.assertEqual(lines["credentials"], f"{config} (user name and password)")
        self.assertEqual((lines["result"], document["auth"]), ("lets us in", ["basic"]))
        self.docker_config(registry, password="hush-hush")
        self.assertIn(str(config), self.check(3, registry.host)[0]["result"])
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1"],
                          [{"host": registry.host, "credentials": {"secretDir": "/nowhere"}}])
        _, document = self.check(3, registry.host, "-c", self.ocisync.spec_file)
        self.assertEqual(document["reason"], "CredentialsInvalid")

    def test_a_token_service_is_named_and_asked(self):
        with TokenService(self.folder / "tokens", users={"robot": "hush"}) as tokens:
            registry = self.start_registry(token=tokens.registry_options())
            realm = tokens.url + "/token"

            def check(code, credentials, result):
                tokens.seen.clear()
                lines, document = self.check(code, registry.host)
                self.assertEqual(lines["auth"], f"bearer from {realm}")
                self.assertEqual((document["auth"], document["realm"]), (["bearer"], realm))
                self.assertEqual((lines["credentials"], document["credentials"]), (credentials, credentials))
                self.assertRegex(lines["result"], result)
                self.assertEqual(document.get("reason"), {0: None, 1: "Unavailable", 3: "Unauthorized"}[code])
                return ["Authorization" in seen.headers for seen in tokens.seen]

            self.assertEqual(check(3, "none", "^Unauthorized: .*no credentials"), [False] * 2)
            tokens.anonymous = True
            self.assertEqual(check(0, "none", "^lets us in$"), [False] * 2)
            config = self.docker_config(registry)
            known = f"{config} (user name and password)"
            self.assertEqual(check(0, known, "^lets us in$"), [True] * 2)
            self.docker_config(registry, password="hush-hush")
            self.assertEqual(check(3, known, f"^Unauthorized: .*{config} were used"), [True] * 2)
            tokens.rules.clear()
            tokens.always("*", "^/token", status(503))
            check(1, known, "^Unavailable: .*503")

    def test_a_token_service_elsewhere_is_named_and_given_nothing(self):
        registry = self.start_registry(htpasswd={"robot": "hush"})
        with FaultProxy(None) as thief, FaultProxy(registry) as front:
            realm = f"https://localhost:{thief.port}/token"
            front.always("*", "/v2/", header("Www-Authenticate", f'Bearer realm="{realm}",service="s"'))
            self.docker_config(front)
            lines, document = self.check(3, front.host)
            self.assertEqual(thief.seen, [])
        self.assertEqual((lines["auth"], document["realm"]), (f"bearer from {realm}", realm))
        self.assertEqual(document["reason"], "PolicyRefused")
        self.assertIn("trustedRealms", lines["result"])

    def test_an_unreachable_registry_a_stranger_and_no_registry_at_all(self):
        lines, document = self.check(1, f"127.0.0.1:{free_port()}")
        self.assertEqual((lines["auth"], document["reason"]), ("unknown", "Unavailable"))
        authority = Authority(self.folder / "tls")
        registry = self.start_registry(tls=authority.issue("registry"))
        entry = {"host": registry.host, "plainHTTP": False}
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1"], [entry])
        lines, document = self.check(3, registry.host, "-c", self.ocisync.spec_file)
        self.assertEqual((lines["url"], document["reason"]), (f"https://{registry.host}/v2/ (TLS)", "TLSFailed"))
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1"], [{**entry, "tls": {"caFile": str(authority.cert)}}])
        self.check(0, registry.host, "-c", self.ocisync.spec_file)
        for flag in (["--ca-file", authority.cert], ["--insecure-skip-tls-verify"]):
            lines, _ = self.check(0, registry.host, *flag)
            self.assertEqual(lines["url"], f"https://{registry.host}/v2/ (TLS)")
        for wrong in ("https://r.example", "", "two words", "-"):
            with self.subTest(wrong=wrong):
                run = self.assert_code(self.run_ocisync("registry", "check", "--", wrong), 2)
                self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)

    # Bad surroundings: one clear line, a code of the table, and nothing lost.

    def test_the_spec_may_come_from_standard_input_and_a_bad_one_names_it(self):
        self.ocisync.spec(["oci://r.example/c/web:1"])
        self.assert_code(self.run_ocisync("validate", "-c", "-", input=self.ocisync.spec_file.read_text()), 0)
        run = self.assert_code(self.run_ocisync("-c", "-", input="spec: {}\n"), 2)
        self.assertIn("<stdin>:1:1", run.stderr)
        self.assert_code(self.run_ocisync("-c", "-", input=""), 2)

    def test_unknown_variables_are_warned_about_and_those_of_a_service_are_not(self):
        self.ocisync.spec(["oci://r.example/c/web:1"])
        run = self.assert_code(self.run_ocisync("validate", "-c", self.ocisync.spec_file, OCISYNC_CONCURENCY="3",
                                                OCISYNC_SERVICE_HOST="10.0.0.1", OCISYNC_PORT="tcp://10.0.0.1:80",
                                                OCISYNC_SERVICE_PORT_HTTP="80"), 0)
        self.assertEqual([event["event"] for event in run.events()], ["UnknownVariable"])
        self.assertIn("OCISYNC_CONCURENCY", run.stderr)

    def test_without_home_or_a_writable_folder_one_line_says_what_to_set(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0"])
        spec = json.loads(self.ocisync.spec_file.read_text())
        del spec["spec"]["cache"]
        self.ocisync.spec_file.write_text(json.dumps(spec))
        command = ["env", "-u", "HOME", "-C", "/proc", self.ocisync.binary, "-c", str(self.ocisync.spec_file)]
        run = self.assert_code(self.ocisync.run(command=command), 2)
        self.assertRegex(run.stderr, r"^ocisync: no cache directory: set --cache, .*HOME is not set.*\n$")
        self.assert_code(self.ocisync.run(command=[*command, "--cache", str(self.ocisync.cache)]), 0)
        self.assertTrue((self.ocisync.export / "web" / "Chart.yaml").exists())
