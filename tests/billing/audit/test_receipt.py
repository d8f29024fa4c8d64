"""A receipt holds by itself, agrees with heads, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from billing.audit.head import Signer, TreeHead, VerifierKey
from billing.audit.receipt import NotAReceipt, Receipt, Step, verify_receipt
from billing.audit.receipting import NoSuchCall, NotAsLogged, make_receipt
from tests.billing.audit.conftest import Bundle, export
from tests.fakes.audited_world import SEED, AuditedWorld


@pytest.fixture
async def receipt(world: AuditedWorld) -> Receipt:
    """Of the call with two steps."""
    return await make_receipt(str(world.world.pool.conninfo), SEED, "op_5")


def test_a_receipt_survives_its_json_and_holds(receipt: Receipt) -> None:
    again = Receipt.read(receipt.to_json().encode())
    assert again == receipt
    assert [step.record.split("\t")[1:3] for step in again.steps] == [["op_5", "0"], ["op_5", "1"]]
    assert verify_receipt(again, expected_key=VerifierKey.read(receipt.key)) == []


async def test_it_agrees_with_a_bundle_of_the_same_instant(
    world: AuditedWorld, receipt: Receipt, tmp_path: Path
) -> None:
    await export(world.world.pool, tmp_path / "bundle")
    bundle = Bundle(tmp_path / "bundle")
    assert verify_receipt(receipt, known_heads=[bundle.head()]) == []
    assert bundle.findings(known_heads=[TreeHead.read(receipt.head)]) == []


def changed(step: Step, **values: object) -> Step:
    return replace(step, **values)  # type: ignore[arg-type] # fields by name


@pytest.mark.parametrize(
    ("how", "finding"),
    [
        (lambda s: changed(s, record=s.record.replace("\t900001\t", "\t900002\t")), "not in its batch"),
        (lambda s: changed(s, record=s.record.replace("op_5", "op_6")), "not this step"),
        (lambda s: changed(s, index=s.index - 1), "not in its batch"),
        (lambda s: changed(s, path=s.path[1:]), "not in its batch"),
        (lambda s: changed(s, size=s.size + 1), "not this step"),
        (lambda s: changed(s, log_path=s.log_path[:-1]), "not in the log"),
        (lambda s: changed(s, batch=s.batch.replace("batch\t", "batch\t1")), "not in the log"),
        (lambda s: changed(s, batch="batch"), "not this step"),
    ],
)
def test_a_changed_step_is_found(receipt: Receipt, how: object, finding: str) -> None:
    assert callable(how)
    [*others, last] = receipt.steps
    findings = verify_receipt(replace(receipt, steps=[*others, how(last)]))
    assert any(finding in found for found in findings), findings


def test_steps_are_whole_and_in_order(receipt: Receipt) -> None:
    assert verify_receipt(replace(receipt, steps=receipt.steps[::-1])) != []
    assert verify_receipt(replace(receipt, steps=receipt.steps[1:])) != []
    assert verify_receipt(replace(receipt, steps=[])) == ["it has no step"]


def test_another_key_and_another_history(receipt: Receipt) -> None:
    head = TreeHead.read(receipt.head)
    forger = Signer(head.origin, bytes(32))
    note = forger.sign_head(size=head.size, root=head.root, at_ms=1, after_size=0)
    assert verify_receipt(replace(receipt, key=str(forger.key))) != []
    forged = replace(receipt, key=str(forger.key), head=note)
    assert verify_receipt(forged) == []
    assert verify_receipt(forged, expected_key=VerifierKey.read(receipt.key)) != []
    assert verify_receipt(forged, known_heads=[head]) != []
    other = Signer(head.origin, SEED).sign_head(size=head.size, root=bytes(32), at_ms=1, after_size=0)
    assert any("rewritten" in found for found in verify_receipt(receipt, known_heads=[TreeHead.read(other)]))


NAMED = '"format": "voucher-gateway receipt", "version": '


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "it is not written in JSON"),
        ("[" * 100_000, "it is not written in JSON"),
        ("{}", "its format is not 'voucher-gateway receipt'"),
        ("[1]", "its format is not 'voucher-gateway receipt'"),
        (f"{{{NAMED}2}}", "it is of version 2, this program reads 1"),
        (f"{{{NAMED}1}}", "it has no 'steps'"),
        (f'{{{NAMED}1, "steps": [1]}}', "a value in it is not what it should be"),
    ],
)
def test_what_is_no_receipt(data: str, why: str) -> None:
    with pytest.raises(NotAReceipt) as refused:
        Receipt.read(data.encode())
    assert str(refused.value) == why


async def test_no_receipt_for_a_call_nobody_made_or_somebody_changed(world: AuditedWorld) -> None:
    url = str(world.world.pool.conninfo)
    with pytest.raises(NoSuchCall):
        await make_receipt(url, SEED, "op_nobody")
    async with world.world.pool.connection() as conn:
        await conn.execute("set session_replication_role = replica; grant update on usage to current_user")
        await conn.execute("update usage set output_tokens = output_tokens + 1 where op = 'op_0'")
    with pytest.raises(NotAsLogged):
        await make_receipt(url, SEED, "op_0")
