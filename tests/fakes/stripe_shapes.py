"""Whether the stand-in's objects are Stripe's: held against the classes of Stripe's own library.

Those are made of Stripe's OpenAPI description, which is on no package index by itself. Their annotations say
every field there is, its type, and the words that it may have; what is null is said to be optional.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any, ClassVar, Final, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

import stripe
from stripe._object_classes import get_object_class
from stripe._stripe_object import UntypedStripeObject

from tests.fakes.stripe_objects import Json

_PLAIN: Final = (int, bool, str, float)


def shape_faults(things: Iterable[Json]) -> list[str]:
    """What of these objects Stripe's classes have not: fields, types, words, nothing where something is."""
    return [fault for thing in things for fault in _of_thing(thing, str(thing["object"]))]


def error_faults(error: Json) -> list[str]:
    return _of_fields(error, stripe.ErrorObject, "error")


def _of_thing(thing: Json, where: str) -> list[str]:
    """By what the thing says that it is. `_…` is the stand-in's own."""
    kind = thing.get("object")
    found = get_object_class("V1", kind) if isinstance(kind, str) else stripe.StripeObject
    if found is stripe.StripeObject:
        return [f"{where} is a {kind}, which Stripe has not"]
    return _of_fields(
        {name: value for name, value in thing.items() if not name.startswith("_")}, found, where
    )


def _of_fields(thing: Mapping[str, Any], of_class: type, where: str) -> list[str]:
    known = of_class.__annotations__
    found: list[str] = []
    for name, value in thing.items():
        if name == "object" and isinstance(value, str):
            continue  # it said which class this is
        origin: object = get_origin(known.get(name))
        if name not in known or origin is ClassVar:
            found.append(f"{where}.{name} is no field of Stripe's")
        else:
            found += _unfit(value, known[name], f"{where}.{name}")
    return found


def _says_what_it_is(value: Any) -> bool:
    """An event's data has an `object` too, which is a thing."""
    return isinstance(value, dict) and isinstance(value.get("object"), str)


def _unfit(value: Any, wanted: Any, where: str) -> list[str]:
    origin, args = get_origin(wanted), get_args(wanted)
    if wanted is Any or isinstance(wanted, TypeVar):
        return _of_thing(value, where) if _says_what_it_is(value) else []
    if origin is Union:
        return _unfit_of_any(value, args, where)
    if origin is Literal:
        return [] if value in args else [f"{where} is never {value!r}"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{where} is a list"]
        return [fault for one in value for fault in _unfit(one, args[0], where)]
    if origin is UntypedStripeObject:
        return _of_free_names(value, args[0], where)
    if isinstance(wanted, ForwardRef | str):
        return _of_thing(value, where) if isinstance(value, dict) else [f"{where} is an object"]
    if wanted in _PLAIN:
        return [] if type(value) is wanted else [f"{where} is {wanted.__name__}, not {value!r}"]
    named = origin or wanted
    assert isinstance(named, type), f"{where}: an annotation that nobody reads here: {wanted}"
    assert issubclass(named, stripe.StripeObject), f"{where}: {wanted}"
    if not isinstance(value, dict):
        return [f"{where} is an object"]
    return _of_thing(value, where) if _says_what_it_is(value) else _of_fields(value, named, where)


def _unfit_of_any(value: Any, wanted: tuple[Any, ...], where: str) -> list[str]:
    """`str` beside words stands for words to come: what there is today is among the words."""
    if value is None:
        return [] if NoneType in wanted else [f"{where} is never null"]
    words = [one for one in wanted if get_origin(one) is Literal]
    left = words or [one for one in wanted if one is not NoneType]
    if isinstance(value, dict) and any(one not in _PLAIN for one in left):
        left = [one for one in left if one not in _PLAIN]  # what stands in the place of its id
    tried = [_unfit(value, one, where) for one in left]
    return min(tried, key=len)


def _of_free_names(value: Any, wanted: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is an object"]
    if _says_what_it_is(value):
        return _of_thing(value, where)
    return [fault for name, one in value.items() for fault in _unfit(one, wanted, f"{where}.{name}")]
