"""The data directory: one platform at a time, known formats only, ports that are free."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.platform import free_port

from towpath.app.datadir import StartRefused, announce, open_data_dir
from towpath.cli.doctor import _ports


def test_a_second_platform_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    with open_data_dir(tmp_path / "data") as opened:
        announce(opened, opened.ports(None))
        refusal = pytest.raises(StartRefused, match=r"in use by process \d+ \(http://localhost:")
        with refusal, open_data_dir(tmp_path / "data"):
            pass


def test_it_is_new_until_the_first_start_has_come_to_its_end(tmp_path: Path) -> None:
    with open_data_dir(tmp_path) as opened:
        assert opened.is_new
    with open_data_dir(tmp_path) as opened:
        assert opened.is_new
        opened.mark_complete()
    with open_data_dir(tmp_path) as opened:
        assert not opened.is_new


def test_another_format_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("99\n")
    with pytest.raises(StartRefused, match="format 99"), open_data_dir(tmp_path):
        pass


def test_nobody_else_can_look_into_it(tmp_path: Path) -> None:
    with open_data_dir(tmp_path / "data") as opened:
        opened.mark_complete()
        assert opened.path.stat().st_mode & 0o777 == 0o700
        assert (opened.path / "version").stat().st_mode & 0o777 == 0o600


def test_a_port_in_use_is_refused_with_one_that_is_free(tmp_path: Path) -> None:
    with socket.socket() as other, open_data_dir(tmp_path) as opened:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StartRefused, match=rf"port {port} .*--port \d+"):
            opened.ports(port)


def test_ports_stay_from_start_to_start(tmp_path: Path) -> None:
    with open_data_dir(tmp_path) as opened:
        first = opened.ports(free_port())
        assert opened.ports(None) == first


def test_the_database_never_moves_away_from_its_workloads(tmp_path: Path) -> None:
    with open_data_dir(tmp_path / "d") as opened:
        first = opened.ports(free_port())
        opened.mark_complete()
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", first.postgres))
        somebody.listen()
        with open_data_dir(tmp_path / "d") as opened, pytest.raises(StartRefused) as refused:
            opened.ports(None)
        assert str(first.postgres) in str(refused.value)
    with open_data_dir(tmp_path / "d") as opened:
        assert opened.ports(None) == first


def test_the_apis_port_moves_when_it_is_taken(tmp_path: Path) -> None:
    with open_data_dir(tmp_path / "d") as opened:
        first = opened.ports(free_port())
        opened.mark_complete()
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", first.api))
        somebody.listen()
        with open_data_dir(tmp_path / "d") as opened:
            assert opened.ports(None).api != first.api


def test_a_port_that_another_towpath_has_is_said_to_be_its(tmp_path: Path) -> None:
    with _answering(b"<title>Sign in \xc2\xb7 Towpath</title>") as port:
        refusal = pytest.raises(StartRefused, match=rf"another Towpath, .*localhost:{port} ")
        with refusal, open_data_dir(tmp_path / "a") as opened:
            opened.ports(port)
    with _answering(b"<title>Something else</title>") as port:
        refusal = pytest.raises(StartRefused, match=rf"port {port} is in use by another program")
        with refusal, open_data_dir(tmp_path / "b") as opened:
            opened.ports(port)


def test_doctor_knows_the_ports_of_this_platform_and_that_it_runs(tmp_path: Path) -> None:
    with open_data_dir(tmp_path) as opened:
        ports = opened.ports(free_port())
        announce(opened, ports)
        with socket.create_server(("127.0.0.1", ports.http)):
            portal, api = _ports(tmp_path)
        assert (portal.ok, api.ok) == (True, True)
        assert f"{ports.http} is used by this Towpath, process " in portal.sentence
        assert api.sentence == f"{ports.api} is free"
    with _answering(b"<title>Something else</title>", ports.http):
        portal, _ = _ports(tmp_path)
    assert not portal.ok
    assert "another program" in portal.sentence
    assert "--port" in portal.sentence


@contextmanager
def _answering(page: bytes, port: int = 0) -> Iterator[int]:
    """A web server of somebody's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            serving.join()
