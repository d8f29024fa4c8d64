"""One whole answer out of events, where the vendor's last event does not say it all, or never came."""

from __future__ import annotations

import json

from metering.usage import Usage
from tests.providers.openai_responses.events import USAGE, Vendor
from tests.providers.openai_responses.recorded import assemble

SPENT = Usage(input=7, output=3)


def test_a_whole_answer_takes_usage_and_items_the_vendor_left_out() -> None:
    vendor = Vendor()
    counted = {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 10,
    }
    item = {"id": "rs_0", "type": "reasoning", "summary": []}
    done = vendor.event("response.output_item.done", output_index=0, item=item)
    answer = json.loads(assemble("p", [done, vendor.end(usage=None, output=None)]).answer(SPENT))
    assert (answer["usage"], answer["output"], answer["model"]) == (counted, [item], "p")
    answer = json.loads(assemble("p", [done, vendor.end(output=[])]).answer(SPENT))
    assert answer["usage"] == USAGE


def test_a_whole_answer_of_a_stream_without_an_end() -> None:
    vendor = Vendor()
    answer = json.loads(assemble("p", [vendor.created(), vendor.message(), vendor.text("a")]).answer())
    assert (answer["status"], answer["incomplete_details"], answer["usage"]) == ("incomplete", None, None)
    assert answer["output"][0]["content"][0]["text"] == "a"
