"""The addresses to show, computed from the ports in use now; nothing stores one (DESIGN 12.7)."""

from dataclasses import dataclass

from towpath.app.datadir import Ports


@dataclass(frozen=True, slots=True)
class LocalAddresses:
    """hooks.platform.Addresses for a platform on loopback."""

    ports: Ports

    def portal(self, path: str = "/") -> str:
        return f"http://localhost:{self.ports.http}{path}"

    def api(self, cluster: str = "") -> str:
        base = f"https://localhost:{self.ports.api}"
        return f"{base}/clusters/{cluster}" if cluster else base

    def service(self, host: str) -> str:
        return f"http://{host}:{self.ports.http}"

    def registry(self) -> str:
        return f"localhost:{self.ports.http}"
