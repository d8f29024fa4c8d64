"""The OpenAI dialect, as one value: chats, the old completions, vectors, rerank, responses, images, sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from providers.dialect import Dialect, Found, Operation
from providers.facts import IN_BODY, RequestFacts
from providers.forms import content_type_of
from providers.openai.answer import read_answer
from providers.openai.assemble import Assembler
from providers.openai.completions_request import read_completion_request
from providers.openai.completions_stream import CompletionAssembler, CompletionFold
from providers.openai.encode import encode_upstream
from providers.openai.errors import read_error, refusal_body
from providers.openai.images import encode_images, read_images, read_images_request
from providers.openai.media_stream import MediaFold, SoundAssembler
from providers.openai.request import read_chat_request, read_embeddings_request
from providers.openai.rerank import read_rerank_answer, read_rerank_request
from providers.openai.speech import encode_speech, read_speech, read_speech_request
from providers.openai.stream import StreamFold
from providers.openai.transcription import (
    encode_transcription,
    read_transcription,
    read_transcription_request,
)
from providers.openai_realtime.operation import PATH as REALTIME_PATH
from providers.openai_realtime.operation import REALTIME
from providers.openai_responses.operation import RESPONSES
from providers.quirks import Quirks
from providers.sse import SseSplitter


def _fold(product_id: str, facts: RequestFacts, quirks: Quirks) -> StreamFold:
    return StreamFold(product_id, facts.include_usage, quirks)


def _assembler(product_id: str, _: RequestFacts, quirks: Quirks) -> Assembler:
    return Assembler(product_id, quirks)


CHAT: Final = Operation(
    name="chat",
    read=read_chat_request,
    encode=encode_upstream,
    path=lambda model, stream: "/chat/completions",
    answer=read_answer,
    fold=_fold,
    assembler=_assembler,
)
COMPLETIONS: Final = Operation(
    name="completions",
    read=read_completion_request,
    encode=encode_upstream,
    path=lambda model, stream: "/completions",
    answer=read_answer,
    fold=lambda product_id, facts, quirks: CompletionFold(product_id, facts.include_usage, quirks),
    assembler=lambda product_id, facts, quirks: CompletionAssembler(product_id, quirks),
)
EMBEDDINGS: Final = Operation(
    name="embeddings",
    read=read_embeddings_request,
    encode=encode_upstream,
    path=lambda model, stream: "/embeddings",
    answer=read_answer,
)
RERANK: Final = Operation(
    name="rerank",
    read=read_rerank_request,
    encode=encode_upstream,
    path=lambda model, stream: "/rerank",
    answer=read_rerank_answer,
)
IMAGES: Final = Operation(
    name="images",
    read=read_images_request,
    encode=encode_images,
    path=lambda model, stream: "/images/generations",
    answer=read_answer,
    media=read_images,
    has_limit=False,
)
SPEECH: Final = Operation(
    name="speech",
    read=read_speech_request,
    encode=encode_speech,
    path=lambda model, stream: "/audio/speech",
    answer=read_answer,
    media=read_speech,
    fold=MediaFold,
    assembler=SoundAssembler,
    has_limit=False,
    counts_in_streams=True,
)
TRANSCRIPTIONS: Final = Operation(
    name="transcriptions",
    read=read_transcription_request,
    encode=encode_transcription,
    path=lambda model, stream: "/audio/transcriptions",
    answer=read_answer,
    media=read_transcription,
    fold=MediaFold,
    has_limit=False,
    reads_form=True,
    content_type=content_type_of,
)
TRANSLATIONS: Final = replace(
    TRANSCRIPTIONS, name="translations", path=lambda model, stream: "/audio/translations"
)

_ROUTES: Final = {
    path: Found(operation=operation, spoken=IN_BODY, name=path)
    for path, operation in {
        "/v1/chat/completions": CHAT,
        "/v1/completions": COMPLETIONS,
        "/v1/embeddings": EMBEDDINGS,
        "/v1/rerank": RERANK,
        "/v1/responses": RESPONSES,
        "/v1/images/generations": IMAGES,
        "/v1/audio/speech": SPEECH,
        "/v1/audio/transcriptions": TRANSCRIPTIONS,
        "/v1/audio/translations": TRANSLATIONS,
        REALTIME_PATH: REALTIME,
    }.items()
}


def _find(path: str, query: bytes, headers: Mapping[bytes, bytes]) -> Found | None:
    return _ROUTES.get(path)


OPENAI: Final = Dialect(
    name="openai",
    find=_find,
    credential=lambda key: [f"Authorization: Bearer {key}"],
    read_error=read_error,
    refusal=refusal_body,
    make_splitter=SseSplitter,
)
