"""Addresses as people write them."""

import pytest

from tubewarren.health.address import Address, read_address


@pytest.mark.parametrize(
    ("text", "address", "near"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080), "127.0.0.1:8080"),
        ("0.0.0.0:80", Address("0.0.0.0", 80), "127.0.0.1:80"),
        ("[::]:8080", Address("::", 8080), "[::1]:8080"),
        ("localhost:0", Address("localhost", 0), "localhost:0"),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, address: Address, near: str) -> None:
    assert read_address(text) == address
    assert (str(address), str(address.near)) == (text, near)


@pytest.mark.parametrize("text", ["8080", ":8080", "127.0.0.1", "127.0.0.1:65536", "::1:8080", "http://x:80/", "a b:1"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:8080"):
        read_address(text)
