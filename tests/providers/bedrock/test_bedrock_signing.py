"""What signs a call: the lines that AWS's own signer writes."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.bedrock.dialect import BEDROCK, CONVERSE
from providers.bedrock.signing import credential_lines, region_of
from providers.dialect import Outgoing
from tests.fakes.aws_signature import signature_of
from tests.providers.bedrock.messages import service

CALL = Outgoing(
    method="POST",
    host="bedrock-runtime.ap-northeast-2.amazonaws.com",
    path=CONVERSE.path("apac.amazon.nova-lite-v1:0", True),
    body='{"a": "안녕"}'.encode(),
    now_s=1_790_000_000.9,
)
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a~b_c.d-e+f"


def head_of(lines: list[str]) -> dict[str, str]:
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def assert_signed(key: str, call: Outgoing, region: str) -> None:
    head = head_of(credential_lines(key, call))
    access_key, secret, *token = key.split(":")
    assert head["x-amz-date"] == time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(call.now_s))
    assert head.get("x-amz-security-token", "") == "".join(token)
    ours = head.pop("authorization")
    scope = f"{access_key}/{head['x-amz-date'][:8]}/{region}/bedrock/aws4_request"
    names = "host;x-amz-date;x-amz-security-token" if token else "host;x-amz-date"
    signature = signature_of(call, head, secret=secret, region=region)
    assert ours == (f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}")


@pytest.mark.parametrize("key", ["AKIDEXAMPLE:wJalr/XUtn+FEMI", "ASIA1:secret:IQoJb3JpZ2luX2VjE/+=="])
@pytest.mark.parametrize("model", ["apac.amazon.nova-lite-v1:0", ARN, "한국어 model?&=%"])
def test_a_call_is_signed_as_awss_signer_would(key: str, model: str) -> None:
    call = msgspec.structs.replace(CALL, path="/behind" + CONVERSE.path(model, False))
    assert_signed(key, call, "ap-northeast-2")


@given(
    st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=40
    ),
    st.binary(max_size=50),
    st.integers(0, 4_000_000_000),
    st.text(min_size=1, max_size=20).filter(lambda model: model.strip(".")),
)
def test_any_call_is(secret: str, body: bytes, now_s: int, model: str) -> None:
    call = msgspec.structs.replace(CALL, body=body, now_s=now_s, path=CONVERSE.path(model, True))
    assert_signed(f"AKID:{secret}", call, "ap-northeast-2")


@pytest.mark.parametrize(
    "changed",
    [{"body": b"{}"}, {"path": "/model/x/converse"}, {"host": "bedrock-runtime.us-east-1.amazonaws.com"},
     {"now_s": 1.0}, {"method": "PUT"}],
)  # fmt: skip
def test_another_call_is_signed_otherwise(changed: dict[str, object]) -> None:
    other = msgspec.structs.replace(CALL, **changed)
    assert credential_lines("A:b", other)[-1] != credential_lines("A:b", CALL)[-1]


def test_a_key_of_one_part_is_a_bearers() -> None:
    assert credential_lines("ABSKQmVkcm9jaw==", CALL) == ["Authorization: Bearer ABSKQmVkcm9jaw=="]
    assert BEDROCK.credential("ABSKQmVkcm9jaw==") == []


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bedrock-runtime.us-west-2.amazonaws.com", "us-west-2"),
        ("bedrock-runtime.us-west-2.amazonaws.com:8443", "us-west-2"),
        ("Bedrock-Runtime-FIPS.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("bedrock-runtime.eu-west-1.api.aws", "eu-west-1"),
        ("vpce-0a1b-c2.bedrock-runtime.ap-northeast-2.vpce.amazonaws.com", "ap-northeast-2"),
        ("127.0.0.1:9000", "us-east-1"),
        ("bedrock-runtime", "us-east-1"),
        ("", "us-east-1"),
    ],
)
def test_the_region_stands_in_the_host(host: str, region: str) -> None:
    assert region_of(host) == region


@pytest.mark.parametrize("stream", [False, True])
def test_the_path_is_the_one_awss_client_asks(stream: bool) -> None:
    from botocore.serialize import create_serializer

    operation = service().operation_model("ConverseStream" if stream else "Converse")
    for model in ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", ARN, "a b/c?d#e%f~g"):
        asked = create_serializer("rest-json").serialize_to_request({"modelId": model}, operation)
        assert CONVERSE.path(model, stream) == asked["url_path"]
