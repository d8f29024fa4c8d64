"""The lives of products whose use is reported, of the keys that sign it, and of what is reported."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from billing.lifecycle import report_key, report_line, reported_product
from billing.reports.charging import charge_reports
from metering.purse_memory import MemoryPurse
from tests.portal.api.a_report import FROM, line, public_text, selling
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.lives.life import WHY, Ask, Life, Stage

NEW_PRODUCT: Final = {"id": "nuri-parts", "name": "누리 부품", "unit": "item"}
VOUCHER: Final = "vouchers/gaonde-2026"


async def _priced(stage: Stage, product_id: str) -> None:
    await stage.office.post(
        "nuri", f"reported_products/{product_id}/prices", {"from": FROM, "price_krw": "120.5"}
    )


async def _signed(stage: Stage) -> None:
    """A report of gaonde, whose only voucher is stopped: what is accepted waits for it."""
    await stage.office.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
    nuri = await selling(stage.office, "item")
    await stage.office.post("operator", f"{VOUCHER}/suspend", WHY)
    stage.names["signed"] = nuri.signed([line("item", "a", 10)])


async def _charge(stage: Stage, _: str) -> None:
    """The voucher goes on, if it did not yet; then the worker comes by."""
    await stage.office.call("operator", "POST", f"{VOUCHER}/resume", WHY)
    await charge_reports(MemoryPurse(now_ms=lambda: 0), stage.conn, now=stage.office.now)


def lives() -> tuple[Life, ...]:
    public_key = public_text(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    return (
        Life(
            reported_product.TABLE,
            "reported_products",
            asks={
                "make": Ask("POST reported_products", NEW_PRODUCT, of_asker=True),
                "price": Ask(
                    "POST reported_products/{id}/prices",
                    {"from": "2099-01-01T00:00:00+09:00", "price_krw": "1"},
                ),
            },
            turns={"approve": _priced},
            again={"make": frozenset({"id_taken"})},
        ),
        Life(
            report_key.TABLE,
            "report_keys",
            asks={"register": Ask("POST report_keys", {"public_key": public_key}, of_asker=True)},
            again={"register": frozenset({"key_known"})},
        ),
        Life(
            report_line.TABLE,
            "report_lines",
            begin=_signed,
            asks={
                "report": Ask(
                    "POST usage_reports", {"signed": "{signed}"}, made="lines.0.line", of_asker=True
                ),
            },
            clock={"charge": _charge},
            books=frozenset({"charge"}),
        ),
    )
