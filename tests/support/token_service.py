"""A token service for a real registry (Docker's token specification), which records what it was asked."""
import base64
import json
import pathlib
import subprocess
import time
import urllib.parse

from .proxy import FaultProxy, before
from .tls import openssl


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenService(FaultProxy):
    """`users` is {user: password}; `identity` accepts that refresh token. Anonymous pulls are refused
    unless `anonymous`."""

    service, issuer = "test-registry", "test-issuer"

    def __init__(self, folder, users=None, identity=None, anonymous=False, lifetime=300):
        super().__init__(None)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key, self.cert = self.folder / "token.key", self.folder / "token.crt"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.cert,
                "-days", "2", "-subj", "/CN=token")
        self.users, self.identity, self.anonymous, self.lifetime = users or {}, identity, anonymous, lifetime
        self.one_scope_only = False
        self.field = "token"
        self.issued = []
        self.always("*", "^/token", before(lambda exchange: self.serve(exchange)))

    def registry_options(self):
        return {"realm": self.url + "/token", "service": self.service, "issuer": self.issuer,
                "rootcertbundle": str(self.cert)}

    def serve(self, exchange):
        handler = exchange.handler
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(handler.path).query)
        if handler.command == "POST":
            query = urllib.parse.parse_qs(self.body_of(handler))
            scopes = query.get("scope", [""])[0].split()
            allowed = self.identity is not None and query.get("refresh_token") == [self.identity]
            user = "identity"
        else:
            scopes = query.get("scope", [])
            user, allowed = self.judge(handler.headers.get("Authorization"))
        if not allowed:
            return exchange.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}',
                                   Content_Type="application/json")
        if self.one_scope_only:
            scopes = scopes[:1]
        self.issued.append((user, scopes))
        body = {self.field: self.token(user, scopes), "expires_in": self.lifetime}
        return exchange.answer(200, json.dumps(body).encode(), Content_Type="application/json")

    def body_of(self, handler):
        return getattr(handler, "received", b"").decode()

    def judge(self, authorization):
        if not authorization:
            return "", self.anonymous
        kind, _, value = authorization.partition(" ")
        user, _, password = base64.b64decode(value).decode().partition(":")
        return user, kind == "Basic" and self.users.get(user) == password

    def token(self, user, scopes):
        now = int(time.time())
        access = []
        for scope in scopes:
            kind, rest = scope.split(":", 1)
            name, actions = rest.rsplit(":", 1)
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        claims = {"iss": self.issuer, "sub": user, "aud": self.service, "exp": now + self.lifetime,
                  "nbf": now - 10, "iat": now, "jti": str(time.monotonic_ns()), "access": access}
        der = subprocess.run(["openssl", "x509", "-in", self.cert, "-outform", "der"], check=True,
                             capture_output=True).stdout
        head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        signed = b64url(json.dumps(head).encode()) + "." + b64url(json.dumps(claims).encode())
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(),
                                   check=True, capture_output=True).stdout
        return signed + "." + b64url(signature)
