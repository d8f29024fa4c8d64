"""Signature Version 4 as AWS's own signer reckons it, for what a vendor got."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from providers.dialect import Outgoing


def signature_of(call: Outgoing, head: Mapping[str, str], *, secret: str, region: str) -> str:
    """`head`: of the lines that came, those that are signed beside the host."""
    signed = {"host": call.host, **{name: head[name] for name in head if name.startswith("x-amz-")}}
    request = AWSRequest(call.method, f"https://{call.host}{call.path}", signed, call.body)
    request.context["timestamp"] = head["x-amz-date"]
    signer = SigV4Auth(Credentials("AKID", secret), "bedrock", region)
    signature: str = signer.signature(
        signer.string_to_sign(request, signer.canonical_request(request)), request
    )
    return signature
