"""An OIDC provider of the tests' own: discovery and keys over real HTTPS, tokens as one likes."""

import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, RSAKey

from towpath.apiserver.authn.pki import Pki, open_pki
from towpath.apiserver.http.responses import send_bytes
from towpath.apiserver.http.wire.listener import Listener
from towpath.machinery.asgi import Receive, Scope, Send

AUDIENCE = "towpath"


@dataclass(slots=True)
class Provider:
    pki: Pki
    port: int = 0
    keys: list[RSAKey | ECKey] = field(default_factory=list)
    fails: bool = False
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def rotate(self) -> None:
        """Sign with a new key from now on, and publish no other."""
        self.keys = [RSAKey.generate_key(2048, {"kid": f"key-{len(self.asked)}-{time.time_ns()}"})]

    def token(self, *, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        """A good token but for what is given; a claim that is None is left out."""
        now = int(time.time())
        signer = key or self.keys[0]
        about = {"iss": self.url, "aud": AUDIENCE, "sub": "u-1", "iat": now, "exp": now + 600}
        about = {name: v for name, v in {**about, **claims}.items() if v is not None}
        algorithm = "RS256" if isinstance(signer, RSAKey) else "ES256"
        head = {"alg": algorithm, "kid": signer.kid, **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return jws.serialize_compact(head, orjson.dumps(about), signer, algorithms=[head["alg"]])

    def unsigned(self) -> str:
        """A token that says `alg: none`, with nothing where the signature belongs."""
        head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
        return f"{head}.{self.token().split('.')[1]}."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.asked.append(path)
        if self.fails:
            await send_bytes(send, b"{}", status=503)
        elif path == "/.well-known/openid-configuration":
            found = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
            await send_bytes(send, orjson.dumps(found))
        elif path == "/keys":
            await send_bytes(send, orjson.dumps(KeySet(self.keys).as_dict(private=False)))
        else:
            await send_bytes(send, b"{}", status=404)


@asynccontextmanager
async def running_provider(folder: Path) -> AsyncIterator[Provider]:
    pki = open_pki(folder / "provider")
    provider = Provider(pki)
    provider.rotate()
    async with Listener(provider, port=0, tls=pki.server_context()) as listener:
        provider.port = listener.port
        yield provider


def configuration(provider: Provider, **jwt: Any) -> dict[str, Any]:
    """An AuthenticationConfiguration with this one provider."""
    issuer = {
        "url": provider.url,
        "audiences": [AUDIENCE],
        "certificateAuthority": provider.pki.ca_pem.decode(),
        **jwt.pop("issuer", {}),
    }
    mappings = {"username": {"claim": "sub", "prefix": "oidc:"}}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [{"issuer": issuer, "claimMappings": mappings, **jwt}],
    }
