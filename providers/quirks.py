"""What a vendor does differently and an answer does not show by itself. Values only.

Whatever can be told from the numbers (reasoning left out of the output, audio left out of the input) is told
from them (`openai/usage.py`), so that a product without a `vendor` is metered right too. A row here is for
the rest. Rows are named as the providers of the recorded exchanges; an unknown vendor has no quirks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Quirks:
    # Where an answer carries no total to tell by: is reasoning counted beside the output instead of in it?
    reasoning_beside_output: bool = False
    # The same for audio tokens and the input.
    audio_beside_input: bool = False
    # The field that limits the output when the caller named none.
    output_limit_field: str = "max_tokens"
    # The head line that carries the credential, where it is not the dialect's own.
    credential_header: str | None = None
    # Does the vendor report the usage of a stream only when `stream_options.include_usage` asks for it?
    # False: it always reports, and may refuse the field.
    stream_usage_on_request: bool = True
    # Does the caller's output limit hold for visible text only, so that reasoning comes on top of it?
    limit_leaves_reasoning: bool = False
    # Of OpenAI's dialect: is there a Responses API? Without one its callers are served by chats.
    has_responses: bool = True
    # Of a translated call: does an answer keep to its JSON schema? Where it need not, `strict` is refused.
    binds_schemas: bool = True


NO_QUIRKS: Final = Quirks()

_AZURE: Final = Quirks(output_limit_field="max_completion_tokens", credential_header="api-key")

QUIRKS: Final[Mapping[str, Quirks]] = MappingProxyType(
    {
        "openai": Quirks(output_limit_field="max_completion_tokens"),
        "azure": _AZURE,
        "azure-openai": _AZURE,
        "azure-ai-foundry": Quirks(credential_header="api-key"),  # other makers' models, under `/models`
        "chat-only": Quirks(has_responses=False),
        "clova-thinking": Quirks(output_limit_field="maxCompletionTokens"),  # models after HCX-007
        "mistral": Quirks(audio_beside_input=True, stream_usage_on_request=False, has_responses=False),
        "ollama-cloud": Quirks(binds_schemas=False),  # it takes a schema, and its answers may be otherwise
        "openrouter": Quirks(limit_leaves_reasoning=True),  # it passes xAI on
        "xai": Quirks(reasoning_beside_output=True, limit_leaves_reasoning=True),
    }
)


def quirks_for(vendor: str | None) -> Quirks:
    return NO_QUIRKS if vendor is None else QUIRKS.get(vendor, NO_QUIRKS)
