"""The tables of what is sold: products, and who provides them."""

from __future__ import annotations

from typing import Final

from billing.lifecycle import product, provider
from portal.web.view import Column, Filter, View

_SCALES: Final = ("small", "medium", "large", "hyperscale")
_PURPOSES: Final = ("chat", "completion", "embedding", "image", "speech", "transcription", "rerank")
# The books keep no price as a zero. Where something else is paid for, tokens that all cost nothing have no
# price; where nothing is, they are free.
_UNITS: Final = ("per_request", "per_image", "per_second", "per_1000_characters", "per_search")
_OF_UNITS: Final = ", ".join(f"'{name}', nullif({name}, 0)" for name in _UNITS)
_BY_TOKENS: Final = (
    "greatest(input, cached_input, cache_write, cache_write_1h, output, input_audio, output_audio) > 0"
    f" or greatest({', '.join(_UNITS)}) = 0"
)
# By the price in force; a product that has none comes behind all that have one.
_PRODUCTS: Final = (
    "select p.id, p.provider_id, v.name as provider_name, n.state, n.on_sale_at, p.scale, p.purposes,"  # noqa: S608 - constants
    " p.data_location, p.trains_on_input, e.input, e.output, coalesce(e.input, 9e18)::bigint as input_order,"
    " coalesce(e.output, 9e18)::bigint as output_order, coalesce(e.unit_prices, '{}') as unit_prices"
    " from product p join provider v on v.id = p.provider_id join product_now n on n.product_id = p.id"
    f" left join lateral (select case when {_BY_TOKENS} then input end as input,"
    f"  case when {_BY_TOKENS} then output end as output,"
    f"  jsonb_strip_nulls(jsonb_build_object({_OF_UNITS})) as unit_prices"
    "  from price_list x where x.product_id = p.id"
    "  and x.valid_from <= now() order by x.valid_from desc limit 1) e on true"
)
_WHAT_IT_IS: Final = (
    Column("scale", "word"),
    Column("purposes", "list"),
    Column("data_location", "word", empty="unknown"),
    Column("trains_on_input", "yes", empty="unknown"),
)
_PRICES: Final = (
    Column("input", "amount", sorts=True, by="input_order", empty="blank"),
    Column("output", "amount", sorts=True, by="output_order", empty="blank"),
    Column("unit_prices", "prices"),
)
_BROWSING: Final = (
    Filter("scale", "scale", "choice", _SCALES),
    Filter("purposes", "purposes", "member", _PURPOSES),
    Filter("location", "data_location", "found"),
    Filter("input_at_most", "input", "at_most"),
    Filter("output_at_most", "output", "at_most"),
)
_HIDDEN: Final = (Column("input_order", "number"), Column("output_order", "number"))
_NAME: Final = Column("id", "id", sorts=True, link="/products/{id}")
_STATE: Final = Column("state", "state", thing="product")
_STATES: Final = Filter("state", "state", "choice", tuple(product.TABLE.states), thing="product")

PRODUCTS: Final = View(
    caption="nav.products",
    query=_PRODUCTS,
    columns=(_NAME, Column("provider_name", sorts=True), *_WHAT_IT_IS, *_PRICES),
    order="id",
    filters=_BROWSING,
    hidden=_HIDDEN,
)
PRODUCTS_INSIDE: Final = View(
    caption="nav.products",
    query=_PRODUCTS,
    columns=(
        _NAME,
        Column("provider_name", sorts=True, link="/providers/{provider_id}"),
        _STATE,
        *_WHAT_IT_IS,
        *_PRICES,
    ),
    order="id",
    filters=(_STATES, *_BROWSING),
    hidden=_HIDDEN,
)
PRODUCTS_OF_PROVIDER: Final = View(
    caption="nav.products",
    query=_PRODUCTS,
    columns=(_NAME, _STATE, *_WHAT_IT_IS, *_PRICES),
    order="id",
    filters=(_STATES,),
    hidden=_HIDDEN,
)
PROVIDERS: Final = View(
    caption="nav.providers",
    query=(
        "select p.id, p.name, p.brn, l.state,"
        " (select count(*) from product x where x.provider_id = p.id) as products_count"
        " from provider p join provider_life l on l.provider_id = p.id"
    ),
    columns=(
        Column("name", sorts=True, link="/providers/{id}"),
        Column("state", "state", thing="provider"),
        Column("brn", "brn"),
        Column("products_count", "number"),
    ),
    order="name",
    filters=(Filter("state", "state", "choice", tuple(provider.TABLE.states), thing="provider"),),
)
CREDENTIALS: Final = View(
    caption="nav.credentials",
    query=(
        "select c.id, c.product_id, c.position + 1 as place, c.base_url, c.state, c.added_at, c.replaced_at"
        " from credential c"
    ),
    columns=(
        Column("id", "id", link="/credentials/{id}"),
        Column("place", "number"),
        Column("base_url"),
        Column("state", "state", thing="credential"),
        Column("added_at", "instant"),
        Column("replaced_at", "instant"),
    ),
    order="-id",
)
