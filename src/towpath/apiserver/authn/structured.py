"""The authentication configuration at work: read from its file, and again when that changes.

Without a file there are no issuers, anonymous requests are heard as kube-apiserver hears them, and
nothing of what OIDC takes is loaded.
A file that became invalid changes nothing: who could sign in goes on, and the error is in the log
and in /metrics. A file that is gone takes its issuers with it. Issuers that stay keep their keys.
"""

import asyncio
import hashlib
import logging
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from towpath.machinery.users import UserInfo

if TYPE_CHECKING:
    from towpath.apiserver.authn.configuration import Configuration, Issuer
    from towpath.apiserver.authn.oidc import IssuerKeys, JwtAuthenticator

log = logging.getLogger(__name__)

LOOKED_AT_EVERY_S = 2.0
FILE_BYTES_MAX = 1024 * 1024
REMEMBERED_S = 10.0
REMEMBERED_MAX = 4096


class ConfigurationInvalid(Exception):
    """`str()` names each field and what is wrong with it."""


class StructuredAuthentication:
    """`authenticate` is an Authenticate; `run` follows the file."""

    def __init__(self, path: Path, *, own_issuers: Sequence[str] = ()) -> None:
        self._path = path
        self._own_issuers = tuple(own_issuers)
        self._configuration: Configuration | None = None
        self._authenticators: dict[str, JwtAuthenticator] = {}
        self._remembered: dict[bytes, tuple[float, UserInfo]] = {}
        """Good tokens, for a few seconds, as there: by when to look again, and whose they are."""
        self._text = ""
        self.reloads = {"success": 0, "failure": 0}

    async def authenticate(self, token: str) -> UserInfo | None:
        """Raises TokenRefused."""
        if not self._authenticators:
            return None
        from towpath.apiserver.authn.oidc import issuer_of

        digest, now = hashlib.sha256(token.encode()).digest(), time.monotonic()
        if (known := self._remembered.get(digest)) is not None and known[0] > now:
            return known[1]
        authenticator = self._authenticators.get(issuer_of(token))
        if authenticator is None:
            return None
        user, seconds_left = await authenticator(token)
        if len(self._remembered) >= REMEMBERED_MAX:
            self._remembered.clear()
        self._remembered[digest] = (now + min(REMEMBERED_S, seconds_left), user)
        return user

    def anonymous_at(self, path: str) -> bool:
        return self._configuration is None or self._configuration.anonymous_at(path)

    async def load(self) -> None:
        """Read the file. Raises ConfigurationInvalid."""
        text = await asyncio.to_thread(self._read)
        if text == self._text:
            return
        self._text = text
        try:
            self._use(_read_configuration(text, self._own_issuers) if text else None)
        except ConfigurationInvalid as error:
            self.reloads["failure"] += 1
            raise ConfigurationInvalid(f"{self._path}: {error}") from error
        self.reloads["success"] += 1

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOKED_AT_EVERY_S)
            try:
                await self.load()
            except (ConfigurationInvalid, OSError) as error:
                log.error("authentication goes on as it was", extra={"error": str(error)})

    def lines(self) -> Sequence[str]:
        """For /metrics."""
        name = "apiserver_authentication_config_controller_automatic_reloads_total"
        return [
            f"# TYPE {name} counter",
            *(f'{name}{{status="{status}"}} {count}' for status, count in self.reloads.items()),
        ]

    def _use(self, configuration: "Configuration | None") -> None:
        known = {one.jwt.issuer: one.keys for one in self._authenticators.values()}
        self._authenticators = {}
        if configuration is not None and configuration.jwt:
            from towpath.apiserver.authn.oidc import JwtAuthenticator

            for jwt in configuration.jwt:
                keys = known.get(jwt.issuer) or _keys(jwt.issuer)
                self._authenticators[jwt.issuer.url] = JwtAuthenticator(jwt, keys)
        self._configuration = configuration
        self._remembered.clear()

    def _read(self) -> str:
        try:
            with self._path.open(encoding="utf-8") as file:
                text = file.read(FILE_BYTES_MAX + 1)
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError as error:
            raise ConfigurationInvalid(f"{self._path} is no text: {error}") from error
        if len(text) > FILE_BYTES_MAX:
            raise ConfigurationInvalid(f"{self._path} is longer than {FILE_BYTES_MAX} characters")
        return text


def _read_configuration(text: str, own_issuers: tuple[str, ...]) -> "Configuration":
    from towpath.apiserver.authn.configuration import read_configuration

    return read_configuration(text, own_issuers)


def _keys(issuer: "Issuer") -> "IssuerKeys":
    from towpath.apiserver.authn.oidc import IssuerKeys

    tls = ssl.create_default_context(cadata=issuer.certificate_authority or None)
    return IssuerKeys(issuer.url, issuer.discovery_url, tls)
