"""Where a stream ends before its usage, the input that its vendor had counted is charged as counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.gateway_world import Everything
from tests.gateway.test_anthropic import PATH, SDK, STREAM, TEXT, WORDS, anthropic_world, streams
from tests.providers.anthropic.talk import begin, start


@pytest.mark.parametrize("breaks_off", [True, False], ids=["the vendor fails", "the client leaves"])
async def test_the_input_that_the_vendor_counted_is_no_estimate(tmp_path: Path, breaks_off: bool) -> None:
    """Nearly all of an agent's question is read from the cache, at a tenth of the price."""
    told = {"input_tokens": 3, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 40}
    said = [start(usage={**told, "output_tokens": 1}), begin(0, TEXT), *WORDS[:20]]
    vendor = streams(said if breaks_off else [*said, *WORDS], pause_s=0 if breaks_off else 0.005)
    async with anthropic_world(vendor, tmp_path) as w:
        cancelling = replace(w.directory.products["x1"], on_client_gone="cancel")
        w.directory.apply(Everything(products=(cancelling,)))
        await w.client.call("POST", PATH, STREAM, headers=SDK, leave_after=None if breaks_off else 4)
        [event] = w.events
        reason = "upstream_error" if breaks_off else "client_gone"
        assert (event.end_reason, event.estimated) == (reason, True)
        counted = {name: event.tokens[name] for name in ("input", "cached_input", "cache_write")}
        assert counted == {"input": 3, "cached_input": 900, "cache_write": 40}
        assert event.tokens["output"] > 0
