"""The OpenAI dialect (chat completions and embeddings), as one name to import from.

request   -> RequestFacts, bounds, the body for the vendor      openai_request
stream    -> StreamFold: client frames, usage, what was given   openai_stream
answer    -> Answer: body, usage                                openai_answer
stream for a caller who asked for none -> Assembler             openai_assemble
failures  -> VendorError                                        openai_errors
"""

from __future__ import annotations

from providers.openai_answer import Answer, read_answer
from providers.openai_assemble import Assembler
from providers.openai_bounds import input_tokens_max, output_tokens_max
from providers.openai_encode import encode_upstream
from providers.openai_errors import error_of, read_error
from providers.openai_request import (
    BadRequest,
    RequestFacts,
    read_chat_request,
    read_embeddings_request,
)
from providers.openai_stream import DONE_FRAME, StreamFold, error_frame
from providers.openai_usage import usage_of, usage_to_openai

__all__ = [
    "DONE_FRAME",
    "Answer",
    "Assembler",
    "BadRequest",
    "RequestFacts",
    "StreamFold",
    "encode_upstream",
    "error_frame",
    "error_of",
    "input_tokens_max",
    "output_tokens_max",
    "read_answer",
    "read_chat_request",
    "read_embeddings_request",
    "read_error",
    "usage_of",
    "usage_to_openai",
]
