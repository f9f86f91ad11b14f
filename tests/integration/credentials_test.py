"""Every credential source opens a real registry, and no secret is seen where it does not belong."""
import base64
import json
import os
import shutil
import subprocess

from tests.support.case import Case
from tests.support.charts import archive, chart_files, sha256
from tests.support.proxy import FaultProxy, delay, header, status
from tests.support.tls import Authority
from tests.support.token_service import TokenService

USER, PASSWORD = "robot", "s3cr3t-Pa55word"


def auth(user=USER, password=PASSWORD):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


class Credentials(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry(htpasswd={USER: PASSWORD})
        self.pusher(self.registry, user=USER, password=PASSWORD).current("1.0.0")

    def write(self, name, text):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def sync_with(self, credentials, code=0, **environment):
        entry = {"host": self.registry.host}
        if credentials is not None:
            entry["credentials"] = credentials
        self.ocisync = self.new_ocisync(f"run-{os.urandom(4).hex()}")
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"], [entry])
        run = self.assert_code(self.ocisync.sync("--log-level", "debug", **environment), code)
        for text in (run.stdout, run.stderr):
            self.assertNotIn(PASSWORD, text)
            self.assertNotIn(auth(), text)
        return run

    def docker_config(self, key, **entry):
        return json.dumps({"auths": {key: entry or {"auth": auth()}}})

    def test_username_with_a_password_file_or_variable(self):
        self.sync_with({"username": USER, "passwordFile": str(self.write("password", PASSWORD + "\n"))})
        self.sync_with({"username": USER, "passwordEnv": "REGISTRY_PASSWORD"}, REGISTRY_PASSWORD=PASSWORD)

    def test_a_secret_is_in_nothing_that_a_run_leaves_behind(self):
        wrong = "wr0ng-Pa55word"
        secret = self.write("secret/password", PASSWORD)
        for password, code in ((PASSWORD, 0), (wrong, 3)):
            secret.write_text(password)
            self.ocisync = self.new_ocisync(f"left-{code}")
            credentials = {"username": USER, "passwordFile": str(secret)}
            self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"],
                              [{"host": self.registry.host, "credentials": credentials}])
            left = self.ocisync.folder
            run = self.ocisync.sync("--log-level", "debug", "--termination-log", left / "termination",
                                    "--metrics-file", left / "metrics", "--status-file", left / "status")
            self.assert_code(run, code)
            files = {file: file.read_bytes() for file in left.rglob("*") if file.is_file()}
            self.assertLessEqual({left / name for name in ("metrics", "status", "termination")}, set(files))
            for file, data in {**files, "output": (run.stdout + run.stderr).encode()}.items():
                for text in (password, auth(password=password)):
                    self.assertNotIn(text.encode(), data, file)

    def test_the_keys_of_a_kubernetes_secret(self):
        for name, text in {".dockerconfigjson": self.docker_config(self.registry.host),
                           "config.json": self.docker_config(f"https://{self.registry.host}/v2/"),
                           ".dockercfg": json.dumps({self.registry.host: {"auth": auth()}})}.items():
            with self.subTest(key=name):
                self.sync_with({"secretDir": str(self.write(f"secret{name}/{name}", text).parent)})
        self.write("pair/username", USER + "\n")
        self.sync_with({"secretDir": str(self.write("pair/password", PASSWORD + "\n").parent)})

    def test_docker_and_helm_files_are_found_where_they_live(self):
        config = self.docker_config(self.registry.host)
        self.sync_with({"dockerConfig": str(self.write("docker.json", config))})
        self.sync_with(None, DOCKER_CONFIG=self.write("docker/config.json", config).parent)
        self.sync_with(None, HELM_REGISTRY_CONFIG=self.write("helm.json", config))
        self.sync_with(None, OCISYNC_REGISTRY_CONFIG=self.write("own.json", config))
        self.sync_with(None, DOCKER_AUTH_CONFIG=config)

    def test_of_the_default_files_the_first_that_names_the_host_wins(self):
        wrong = self.write("wrong.json", json.dumps({"auths": {self.registry.host: {"auth": auth(password="no")}}}))
        other = self.write("other.json", self.docker_config("elsewhere.example.com"))
        right = self.write("docker/config.json", self.docker_config(self.registry.host)).parent
        self.sync_with(None, OCISYNC_REGISTRY_CONFIG=other, DOCKER_CONFIG=right)
        run = self.sync_with(None, 3, OCISYNC_REGISTRY_CONFIG=wrong, DOCKER_CONFIG=right)
        self.assertEqual(run.chart("web")["reason"], "Unauthorized")
        self.assertIn("wrong.json", run.chart("web")["message"] + run.chart("web").get("hint", ""))

    def test_a_credential_helper_is_asked(self):
        helper = self.write("bin/docker-credential-test", "#!/bin/sh\nread server\n"
                            f'echo "{{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"{USER}\\",'
                            f'\\"Secret\\":\\"{PASSWORD}\\"}}"\n')
        helper.chmod(0o755)
        path = f"{helper.parent}:{os.environ['PATH']}"
        self.sync_with({"helper": "test"}, PATH=path)
        config = json.dumps({"credHelpers": {self.registry.host: "test"},
                             "auths": {self.registry.host: {"auth": auth(password="old")}}})
        self.sync_with(None, DOCKER_AUTH_CONFIG="", PATH=path,
                       DOCKER_CONFIG=self.write("docker/config.json", config).parent)
        run = self.sync_with({"helper": "absent"}, 3)
        self.assertEqual(run.chart("web")["reason"], "CredentialsInvalid")
        self.assertIn("docker-credential-absent", run.chart("web")["message"])

    def test_a_helper_that_hangs_is_ended_when_time_is_up(self):
        helper = self.write("bin/docker-credential-hanging", "#!/bin/sh\nexec sleep 60\n")
        helper.chmod(0o755)
        ref = f"oci://{self.registry.host}/charts/web:1.0.0"
        self.ocisync.spec([{"name": f"web-{i}", "ref": ref} for i in range(3)],
                          [{"host": self.registry.host, "credentials": {"helper": "hanging"}}])
        self.run_out_of_time(PATH=f"{helper.parent}:{os.environ['PATH']}")

    def test_a_spec_entry_that_yields_nothing_fails_and_never_falls_through(self):
        environment = {"DOCKER_CONFIG": self.write("docker/config.json", self.docker_config(self.registry.host)).parent}
        self.write("empty/readme", "nothing here")
        for credentials in ({"secretDir": str(self.folder / "absent")}, {"secretDir": str(self.folder / "empty")},
                            {"dockerConfig": str(self.write("o.json", self.docker_config("other.example.com")))},
                            {"username": USER, "passwordFile": str(self.folder / "absent")}):
            with self.subTest(credentials=credentials):
                self.registry.forget()
                run = self.sync_with(credentials, 3, **environment)
                self.assertEqual(run.chart("web")["reason"], "CredentialsInvalid", run.stdout)
                self.assertFalse([r for r in self.registry.requests() if r.status == 200])

    def test_a_wrong_password_names_the_source_and_a_right_one_recovers(self):
        file = self.write("password", "wrong")
        credentials = {"username": USER, "passwordFile": str(file)}
        chart = self.sync_with(credentials, 3).chart("web")
        self.assertEqual((chart["reason"], chart["httpStatus"]), ("Unauthorized", 401))
        self.assertIn(str(file), chart["message"] + chart.get("hint", ""))
        self.assertNotIn("wrong", chart["message"].replace(str(file), ""))
        file.write_text(PASSWORD)
        self.sync_with(credentials)

    def test_credentials_inside_a_url_are_a_spec_error_that_does_not_repeat_them(self):
        self.ocisync.spec([f"oci://{USER}:{PASSWORD}@{self.registry.host}/charts/web:1.0.0"])
        run = self.assert_code(self.ocisync.sync(), 2)
        self.assertNotIn(PASSWORD, run.stderr)

    def test_two_registries_see_only_their_own_credentials(self):
        other = self.start_registry("other", htpasswd={"second": "other-secret"})
        self.pusher(other, user="second", password="other-secret").current("1.0.0")
        with FaultProxy(self.registry) as first, FaultProxy(other) as second:
            entries = [{"host": first.host, "credentials": {"username": USER, "passwordEnv": "ONE"}},
                       {"host": second.host, "credentials": {"username": "second", "passwordEnv": "TWO"}}]
            self.ocisync.spec([{"name": "one", "ref": f"oci://{first.host}/charts/web:1.0.0"},
                               {"name": "two", "ref": f"oci://{second.host}/charts/web:1.0.0"}], entries)
            self.assert_code(self.ocisync.sync(ONE=PASSWORD, TWO="other-secret"), 0)
            sent = [{seen.headers.get("Authorization") for seen in proxy.seen} - {None} for proxy in (first, second)]
        self.assertEqual(sent, [{"Basic " + auth()}, {"Basic " + auth("second", "other-secret")}])

    def test_the_first_request_is_anonymous_and_the_answer_to_the_challenge_is_remembered(self):
        for name in ("db", "cache"):
            self.pusher(self.registry, f"charts/{name}", user=USER, password=PASSWORD).current("1.0.0", name=name)
        self.registry.forget()
        self.ocisync.spec([f"oci://{self.registry.host}/charts/{name}:1.0.0" for name in ("web", "db", "cache")],
                          [{"host": self.registry.host, "credentials": {"username": USER, "passwordEnv": "P"}}],
                          concurrency=1)
        self.assert_code(self.ocisync.sync(P=PASSWORD), 0)
        self.assertEqual([r.status for r in self.registry.requests()].count(401), 1)
        self.assertEqual(len(self.registry.requests()), 1 + 3 * 3)


class Tokens(Case):
    def start(self, **service):
        self.tokens = TokenService(self.folder / "tokens", users={USER: PASSWORD}, **service)
        self.tokens.__enter__()
        self.addCleanup(self.tokens.__exit__)
        self.registry = self.start_registry(token=self.tokens.registry_options())
        for name in ("web", "db"):
            pusher = self.pusher(self.registry, f"charts/{name}")
            token = self.tokens.token("push", [f"repository:charts/{name}:pull,push"])
            pusher.headers["Authorization"] = f"Bearer {token}"
            pusher.current("1.0.0", name=name)
        self.tokens.issued.clear()
        self.tokens.seen.clear()
        self.registry.forget()

    def entry(self, **credentials):
        return {"host": self.registry.host, "credentials": credentials or {"username": USER, "passwordEnv": "P"},
                "trustedRealms": [self.tokens.host]}

    def test_one_token_request_serves_all_repositories(self):
        self.start()
        self.ocisync.spec([f"oci://{self.registry.host}/charts/{name}:1.0.0" for name in ("web", "db")],
                          [self.entry()], concurrency=1)
        run = self.assert_code(self.ocisync.sync("--log-level", "debug", P=PASSWORD), 0)
        self.assertEqual(len(self.tokens.issued), 1, self.tokens.issued)
        self.assertEqual([r.status for r in self.registry.requests()].count(401), 1)
        self.assertEqual(len(self.registry.requests()), 1 + 2 * 3)
        self.assertNotIn(PASSWORD, run.stderr + run.stdout)

    def test_a_service_that_grants_one_scope_at_a_time_is_asked_again(self):
        self.start()
        self.tokens.one_scope_only = True
        self.ocisync.spec([f"oci://{self.registry.host}/charts/{name}:1.0.0" for name in ("web", "db")],
                          [self.entry()])
        self.assert_code(self.ocisync.sync(P=PASSWORD), 0)

    def test_access_token_is_as_good_a_name_and_anonymous_pulls_work(self):
        self.start(anonymous=True)
        self.tokens.field = "access_token"
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"])
        self.assert_code(self.ocisync.sync(), 0)
        self.assertFalse([s for s in self.tokens.seen if s.headers.get("Authorization")])

    def test_the_time_limit_cuts_off_a_token_request(self):
        self.start()
        self.tokens.rules.clear()
        self.tokens.always("GET", "^/token", delay(30))
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"], [self.entry()])
        chart = self.run_out_of_time(P=PASSWORD).chart("web")
        self.assertEqual((chart["reason"], chart["attempts"]), ("TimedOut", 1))
        self.assertIn("--timeout 3s", chart["message"])
        self.assertEqual(len(self.tokens.seen), 1)

    def test_an_identity_token_is_exchanged_by_post(self):
        self.start(identity="refresh-me")
        self.tokens.field = "access_token"
        file = self.folder / "identity"
        file.write_text("refresh-me\n")
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"],
                          [self.entry(identityTokenFile=str(file))])
        run = self.assert_code(self.ocisync.sync("--log-level", "debug"), 0)
        self.assertEqual({seen.method for seen in self.tokens.seen}, {"POST"})
        self.assertNotIn("refresh-me", run.stderr + run.stdout)

    def test_credentials_never_go_to_a_realm_on_another_host_unless_it_is_trusted(self):
        self.start()
        with FaultProxy(None) as thief:
            realm = f'Bearer realm="https://localhost:{thief.port}/token",service="s",scope="repository:charts/web:pull"'
            with FaultProxy(self.registry) as proxy:
                proxy.always("*", "/v2/", header("Www-Authenticate", realm))
                self.ocisync.spec([f"oci://{proxy.host}/charts/web:1.0.0"],
                                  [{"host": proxy.host, "credentials": {"username": USER, "passwordEnv": "P"}}])
                chart = self.assert_code(self.ocisync.sync(P=PASSWORD), 3).chart("web")
            self.assertEqual(thief.seen, [])
        self.assertEqual(chart["reason"], "PolicyRefused")
        self.assertIn("trustedRealms", chart["message"] + chart.get("hint", ""))

    def test_a_token_that_is_refused_in_mid_pull_is_renewed_once(self):
        self.start()
        with FaultProxy(self.registry) as proxy:
            proxy.once("GET", "/blobs/", status(401, Www_Authenticate=(
                f'Bearer realm="{self.tokens.url}/token",service="test-registry",'
                'scope="repository:charts/web:pull",error="invalid_token"')))
            entry = {**self.entry(), "host": proxy.host}
            self.ocisync.spec([f"oci://{proxy.host}/charts/web:1.0.0"], [entry])
            self.assert_code(self.ocisync.sync(P=PASSWORD), 0)
        self.assertEqual(len(self.tokens.issued), 2)


class Tls(Case):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder / "ca")
        self.registry = self.start_registry(tls=self.authority.issue("server"))
        self.pusher(self.registry).current("1.0.0")

    def sync_with(self, code=0, **tls):
        entry = {"host": self.registry.host, "plainHTTP": False}
        if tls:
            entry["tls"] = tls
        self.ocisync = self.new_ocisync(f"run-{os.urandom(4).hex()}")
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"], [entry])
        return self.assert_code(self.ocisync.sync(), code)

    def test_a_private_authority_is_trusted_where_it_is_named_and_nowhere_else(self):
        self.sync_with(caFile=str(self.authority.cert))
        self.sync_with(caFile=str(self.authority.cert), caMode="replace")
        chart = self.sync_with(3).chart("web")
        self.assertEqual(chart["reason"], "TLSFailed")
        other = Authority(self.folder / "other")
        self.assertEqual(self.sync_with(3, caFile=str(other.cert)).chart("web")["reason"], "TLSFailed")

    def test_an_authority_of_the_systems_directory_is_not_trusted_where_another_takes_its_place(self):
        # The directory that libcurl was built with, in a mount namespace of this test's own.
        system, other = self.folder / "system", Authority(self.folder / "other", "another authority")
        system.mkdir()
        shutil.copy(self.authority.cert, system / "authority.pem")
        subprocess.run(["openssl", "rehash", system], check=True, capture_output=True)
        entry = {"host": self.registry.host, "plainHTTP": False}
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        for name, tls, code in (("replaced", {"caFile": str(other.cert), "caMode": "replace"}, 3),
                                ("named", {"caFile": str(self.authority.cert), "caMode": "replace"}, 0)):
            ocisync = self.new_ocisync(name)
            ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"], [{**entry, "tls": tls}])
            run = self.assert_code(ocisync.run(command=[
                "unshare", "--mount", *user, "sh", "-c", 'mount --bind "$0" /etc/ssl/certs && exec "$@"', system,
                *ocisync.command("--timeout", "20s")]), code)
            self.assertEqual(run.chart("web").get("reason"), "TLSFailed" if code else None)

    def test_within_one_pass_an_authority_is_trusted_for_the_registry_that_names_it_alone(self):
        other = self.start_registry("other", tls=self.authority.issue("other"))
        self.pusher(other).current("1.0.0")
        tls = {"caFile": str(self.authority.cert)}
        charts = [{"name": "named", "ref": f"oci://{self.registry.host}/charts/web:1.0.0"},
                  {"name": "port", "ref": f"oci://{other.host}/charts/web:1.0.0"},
                  {"name": "host", "ref": f"oci://localhost:{self.registry.port}/charts/web:1.0.0"}]
        # One after the other, whichever comes first: nothing is left of it for the next either.
        for order in (charts, charts[::-1]):
            ocisync = self.new_ocisync("first-" + order[0]["name"])
            ocisync.spec(order, [{"host": self.registry.host, "plainHTTP": False, "tls": tls},
                                 {"host": other.host, "plainHTTP": False},
                                 {"host": f"localhost:{self.registry.port}", "plainHTTP": False}], concurrency=1)
            run = self.assert_code(ocisync.sync(), 3)
            self.assertEqual({chart["name"]: chart.get("reason", chart["state"]) for chart in run.result["charts"]},
                             {"named": "updated", "port": "TLSFailed", "host": "TLSFailed"})

    def test_http2_is_spoken_unless_it_is_switched_off(self):
        self.registry.forget()
        self.sync_with(caFile=str(self.authority.cert))
        self.assertEqual({r.version for r in self.registry.requests()}, {"2.0"})
        self.registry.forget()
        entry = {"host": self.registry.host, "plainHTTP": False, "tls": {"caFile": str(self.authority.cert)}}
        again = self.new_ocisync("old").spec([f"oci://{self.registry.host}/charts/web:1.0.0"],
                                             [{**entry, "http2": False}])
        self.assert_code(again.sync(), 0)
        self.assertEqual({r.version for r in self.registry.requests()}, {"1.1"})

    def test_skipping_verification_is_possible_and_warned_about(self):
        run = self.sync_with(insecureSkipVerify=True)
        self.assertIn("insecureSkipVerify", run.stderr)

    def test_a_wrong_name_and_an_expired_certificate_are_refused(self):
        for name, certificate in (("wrong", self.authority.issue("wrong", names="DNS:elsewhere.example")),
                                  ("expired", self.authority.issue("expired", days="-1"))):
            with self.subTest(name):
                host = self.start_registry(name, tls=certificate).host
                tls = {"caFile": str(self.authority.cert)}
                self.ocisync.spec([f"oci://{host}/charts/web:1.0.0"], [{"host": host, "plainHTTP": False, "tls": tls}])
                self.assertEqual(self.assert_code(self.ocisync.sync(), 3).chart("web")["reason"], "TLSFailed")

    def test_plain_http_is_only_spoken_to_loopback_or_where_it_is_allowed(self):
        plain = self.start_registry("plain")
        self.pusher(plain).current("1.0.0")
        self.ocisync.spec([f"oci://{plain.host}/charts/web:1.0.0"], [{"host": plain.host, "plainHTTP": False}])
        chart = self.assert_code(self.ocisync.sync(), 3).chart("web")
        self.assertEqual(chart["reason"], "TLSFailed")
        self.assertIn("plainHTTP", chart["message"] + chart.get("hint", ""))
        self.ocisync.spec([f"oci://{plain.host}/charts/web:1.0.0"])
        self.assert_code(self.ocisync.sync(), 0)

    def test_a_client_certificate_is_presented_to_the_registry_only(self):
        staff = Authority(self.folder / "staff")
        client, blob = staff.issue("client"), f"/blobs/{sha256(archive(chart_files()))}"
        certificate = {"certFile": str(client.cert), "keyFile": str(client.key)}
        self.registry = self.start_registry("strict", tls=self.authority.issue("strict"), clients=staff)
        self.pusher(self.registry).current("1.0.0")
        trusted = {"caFile": str(self.authority.cert)}
        self.sync_with(**trusted, **certificate)
        self.assertEqual(self.sync_with(3, **trusted).chart("web")["reason"], "TLSFailed")
        stranger = Authority(self.folder / "strangers").issue("stranger")
        chart = self.sync_with(3, **trusted, certFile=str(stranger.cert), keyFile=str(stranger.key)).chart("web")
        self.assertEqual(chart["reason"], "TLSFailed")
        with (FaultProxy(self.registry, self.authority.issue("front"), staff) as front,
              FaultProxy(None, self.authority.issue("storage"), staff) as storage):
            front.always("GET", blob, status(307, Location=f"https://localhost:{storage.port}/bucket"))
            storage.always("GET", "/bucket", status(200, archive(chart_files())))
            ocisync = self.new_ocisync("redirected").spec(
                [f"oci://{front.host}/charts/web:1.0.0"],
                [{"host": front.host, "plainHTTP": False, "tls": {**trusted, **certificate}}])
            self.assert_code(ocisync.sync(), 0)
            self.assertTrue(all(seen.certificate for seen in front.seen), front.seen)
            self.assertEqual([seen.certificate for seen in storage.seen], [None])

    def test_an_authority_file_that_is_missing_fails_the_chart(self):
        self.assertEqual(self.sync_with(3, caFile=str(self.folder / "absent")).chart("web")["reason"], "TLSFailed")
