"""The OpenAI Responses API, as one operation of the OpenAI dialect."""

from __future__ import annotations

from typing import Final

from providers.dialect import Operation
from providers.openai_responses.answer import read_answer
from providers.openai_responses.assemble import Assembler
from providers.openai_responses.encode import encode_upstream
from providers.openai_responses.request import read_responses_request
from providers.openai_responses.stored import RESPONSE
from providers.openai_responses.stream import ResponseFold

RESPONSES: Final = Operation(
    name="responses",
    read=read_responses_request,
    encode=encode_upstream,
    path=lambda model, stream: "/responses",
    answer=read_answer,
    fold=lambda product_id, facts, quirks: ResponseFold(product_id),
    assembler=lambda product_id, facts, quirks: Assembler(product_id),
    stored=RESPONSE,
)
