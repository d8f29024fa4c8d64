"""Which addresses a vendor may have."""

from __future__ import annotations

import pytest

from providers.addresses import refusal_of_address, refusal_of_base_url

PRIVATE = (
    "127.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
    "not an address",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    assert refusal_of_address(address) is not None


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public(address: str) -> None:
    assert refusal_of_address(address) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://api.example.kr:8080/v1/openai",
        "https://8.8.8.8/v1",
        "https://[2606:4700::1111]/v1",
        "https://예시.kr/v1",
        "https://made-up.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
        "https://made-up.services.ai.azure.com/models?api-version=2024-05-01-preview",
    ],
)
def test_taken(url: str) -> None:
    assert refusal_of_base_url(url, allow_private=False) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com/v1",
        "ftp://api.openai.com",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://user@api.openai.com",
        "https://user:pass@api.openai.com",
        "https://api.openai.com/v1?key=1",
        "https://api.openai.com/v1?api-version=1&key=1",
        "https://api.openai.com/v1?api-version=",
        "https://api.openai.com/v1?api-version=a%26key",
        "https://api.openai.com/v1#x",
        "https://api.openai.com/v1?",
        "https://api.openai.com:99999/v1",
        "https://api.openai.com:x/v1",
        "https://api openai.com",
        "https://api.openai.com\\@127.0.0.1",
        "https://api.openai.com/\r\nx",
        "https://[::1",
    ],
)
def test_refused_always(url: str) -> None:
    assert refusal_of_base_url(url, allow_private=True) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/v1",
        "http://LOCALHOST/v1",
        "http://localhost./v1",
        "http://a.localhost/v1",
        "http://metadata.google.internal/v1",
        "http://vllm/v1",
        "http://127.0.0.1:1/v1",
        "http://127.1/v1",
        "http://2130706433/v1",
        "http://0x7f000001/v1",
        "http://0177.0.0.1/v1",
        "http://169.254.169.254/latest",
        "http://[::1]/v1",
        "http://[::ffff:127.0.0.1]/v1",
    ],
)
def test_refused_unless_private_is_allowed(url: str) -> None:
    assert refusal_of_base_url(url, allow_private=False) is not None
    assert refusal_of_base_url(url, allow_private=True) is None
