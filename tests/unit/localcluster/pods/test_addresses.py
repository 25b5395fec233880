"""Loopback addresses of pods."""

import ipaddress

from towpath.localcluster.pods.addresses import LoopbackAddresses


def test_each_pod_has_its_own_and_the_same_again() -> None:
    network = LoopbackAddresses("here")
    given = {network.assign(f"pod-{number}") for number in range(2000)}
    assert len(given) == 2000
    assert all(ipaddress.ip_address(one) in ipaddress.ip_network("127.64.0.0/10") for one in given)
    assert network.assign("pod-7") == LoopbackAddresses("here").assign("pod-7")


def test_a_known_address_is_kept_unless_somebody_has_it() -> None:
    network = LoopbackAddresses("here")
    assert network.assign("a", "127.64.1.1") == "127.64.1.1"
    assert network.assign("b", "127.64.1.1") != "127.64.1.1"
    network.release("a")
    assert network.assign("c", "127.64.1.1") == "127.64.1.1"
