"""What the platform needs of a database server: an administrator's address, while it runs."""

from dataclasses import dataclass


class DatabaseError(Exception):
    """The server could not be started or reached; `str()` is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a PostgreSQL server listens, and its administrator."""

    host: str
    port: int
    username: str
    password: str

    @property
    def url(self) -> str:
        return f"postgresql://{self.username}:{self.password}@{self.host}:{self.port}/postgres"
