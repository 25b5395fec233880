"""The guarded client: where it goes, and that a name cannot lead it elsewhere in between."""

import pytest

from towpath.engines.outbound import (
    Outbound,
    OutboundFailed,
    OutboundRefused,
    OutboundRequest,
    is_open_address,
)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "ff02::1",
    ],
)
def test_addresses_that_only_we_reach_are_closed(address: str) -> None:
    assert not is_open_address(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "10.1.2.3", "192.168.1.9", "2606:2800::1"])
def test_hosts_of_the_web_and_of_the_company_are_open(address: str) -> None:
    assert is_open_address(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "http:///nowhere",
        "https://user:secret@example.org/",
        "http://example.org:99999/",
        "http://[::1",
    ],
)
async def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(OutboundRefused) as refused:
        await Outbound().send(OutboundRequest(url))
    assert "secret" not in str(refused.value)


async def test_one_closed_address_of_several_closes_the_name() -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "127.0.0.1"]

    with pytest.raises(OutboundRefused, match=r"allow hook\.example\.org:443 by name"):
        await Outbound(resolve=both).send(OutboundRequest("https://Hook.example.org/x"))


async def test_a_name_is_resolved_once() -> None:
    """A second answer, that leads inside, is never asked for."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["192.0.2.1"] if len(asked) == 1 else ["127.0.0.1"]

    with pytest.raises((OutboundFailed, OutboundRefused)):
        client = Outbound(resolve=rebinding, timeout_s=0.2)
        await client.send(OutboundRequest("http://hook.example.org/"))
    assert asked == ["hook.example.org"]
