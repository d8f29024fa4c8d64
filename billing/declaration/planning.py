"""Entries laid over what is stored: what changes, or why nothing may. Pure.

Judged here is what needs more than one entry: references, dates, caps, prices that may not be edited.
"""

from __future__ import annotations

from typing import Any

from billing.declaration import models
from billing.declaration.grants import judge_grants
from billing.declaration.judge import Judge
from billing.declaration.plan import Directory, MadeKey, Means, Plan
from billing.declaration.planning_products import plan_product
from billing.declaration.planning_vouchers import plan_voucher
from billing.declaration.reading import Entry, Reading
from billing.declaration.rows import ApiKeyRow, CompanyRow, PersonRow, ProgrammeRow, ProviderRow
from billing.directory_time import instant_ms


def make_plan(reading: Reading, directory: Directory, means: Means) -> Plan:
    """`directory` becomes what it will be."""
    judge = Judge(reading, directory, means)
    for programme in reading.of(models.Programme):
        _plan_programme(judge, programme)
    for provider in reading.of(models.Provider):
        given = provider.declared.given()
        judge.lay(provider, directory.providers, judge.plan.providers, ProviderRow, given)
    for product in reading.of(models.Product):
        plan_product(judge, product)
    for company in reading.of(models.Company):
        _plan_company(judge, company)
    for voucher in reading.of(models.Voucher):
        plan_voucher(judge, voucher)
    for api_key in reading.of(models.ApiKey):
        _plan_api_key(judge, api_key)
    for user in reading.of(models.User):
        _plan_user(judge, user)
    found = judge_grants(
        reading,
        directory.programmes,
        directory.vouchers,
        directory.grants,
        now_ms=instant_ms(means.now),
    )
    judge.plan.findings.extend(found)
    return judge.plan


def _plan_programme(judge: Judge, entry: Entry[models.Programme]) -> None:
    given = entry.declared.given()
    after = judge.lay(entry, judge.directory.programmes, judge.plan.programmes, ProgrammeRow, given)
    if after is not None and after.starts_on > after.ends_on:
        judge.refuse(entry, "must not be before starts_on", "ends_on")


def _plan_company(judge: Judge, entry: Entry[models.Company]) -> None:
    given = entry.declared.given()
    if given.get("data_locations") is not None:
        given["data_locations"] = tuple(given["data_locations"])
    judge.lay(entry, judge.directory.companies, judge.plan.companies, CompanyRow, given)


def _plan_api_key(judge: Judge, entry: Entry[models.ApiKey]) -> None:
    declared = entry.declared
    if not judge.refers(entry, "company", declared.company, "company"):
        return
    before = judge.directory.api_keys.get(declared.key)
    given = declared.given()
    given.pop("key_text", None)
    if "products" in given:
        given["products"] = judge.product_list(entry, declared.products)
    if given.get("allowed_ips") is not None:
        given["allowed_ips"] = tuple(given["allowed_ips"])
    if given.get("expires_at") is not None:
        given["expires_at"] = given["expires_at"].at
    if given.get("limits") is not None:
        given["limits"] = _limits(given["limits"])
    if before is None:
        given["created_at"] = judge.means.now
    elif before.revoked and not given.get("revoked", True):
        judge.refuse(entry, "a revoked key stays revoked: declare one with another name", "revoked")
    given |= _key_columns(judge, entry, before)
    judge.lay(entry, judge.directory.api_keys, judge.plan.api_keys, ApiKeyRow, given)


def _key_columns(judge: Judge, entry: Entry[models.ApiKey], before: ApiKeyRow | None) -> dict[str, Any]:
    declared = entry.declared
    text = declared.key_text
    if text is None:
        if before is not None:
            return {}
        text = judge.means.make_key()
    key_hash = judge.means.key_hash(text)
    owner = judge.directory.key_owners.setdefault(key_hash, declared.key)
    if owner != declared.key:
        judge.refuse(entry, "this key is in use under another name: every key has one", "key")
    if before is None:
        judge.plan.made_keys.append(MadeKey(declared.company, declared.name, text))
    elif before.key_hash == key_hash:
        return {}
    return {"key_hash": key_hash, "last_characters": text[-4:]}


def _limits(limits: models.Limits) -> dict[str, int]:
    values = {
        "requests_per_minute": limits.requests_per_minute,
        "tokens_per_minute": limits.tokens_per_minute,
        "krw_per_day_micro": limits.krw_per_day,
        "concurrent": limits.concurrent,
    }
    return {name: value for name, value in values.items() if value is not None}


def _plan_user(judge: Judge, entry: Entry[models.User]) -> None:
    declared = entry.declared
    before = judge.directory.people.get(declared.email)
    given = declared.given()
    password = given.pop("password", None)
    was = None if before is None else before.password_hash
    if password is not None and not (was is not None and judge.means.is_password(was, password)):
        given["password_hash"] = judge.means.hash_password(password)
    if declared.company is not None:
        judge.refers(entry, "company", declared.company, "company")
    if declared.provider is not None:
        judge.refers(entry, "provider", declared.provider, "provider")
    after = judge.lay(entry, judge.directory.people, judge.plan.people, PersonRow, given)
    if after is None:
        return
    for role, belongs in (("company", after.company), ("provider", after.provider)):
        if (after.role == role) != (belongs is not None):
            judge.refuse(entry, f"a person of the role {role} names a {role}, and nobody else does", role)
