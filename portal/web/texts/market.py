"""What the pages of providers, products, prices and vendors' keys say."""

from __future__ import annotations

from typing import Final

from billing.declaration.models import Dialect

_DIALECTS: Final[dict[Dialect, str]] = {
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "gemini": "Gemini",
    "clova": "CLOVA Studio",
    "bedrock": "Bedrock",
    "cohere": "Cohere",
    "ollama": "Ollama",
}
_COUNTRIES: Final = {
    "KR": ("대한민국", "Korea"),
    "US": ("미국", "United States"),
    "JP": ("일본", "Japan"),
    "SG": ("싱가포르", "Singapore"),
    "DE": ("독일", "Germany"),
    "FR": ("프랑스", "France"),
    "IE": ("아일랜드", "Ireland"),
    "NL": ("네덜란드", "Netherlands"),
    "GB": ("영국", "United Kingdom"),
    "CA": ("캐나다", "Canada"),
    "AU": ("호주", "Australia"),
    "IN": ("인도", "India"),
}
_PRICES: Final = {
    "input": ("입력 단가(토큰 100만 개당 원)", "Input price (won per million tokens)"),
    "cached_input": ("캐시 입력 단가(토큰 100만 개당 원)", "Cached input price (won per million tokens)"),
    "output": ("출력 단가(토큰 100만 개당 원)", "Output price (won per million tokens)"),
    "per_request": ("호출당 단가(원)", "Price per call (won)"),
    "per_image": ("이미지당 단가(원)", "Price per image (won)"),
    "per_second": ("초당 단가(원)", "Price per second (won)"),
    "per_1000_characters": ("1,000자당 단가(원)", "Price per 1,000 characters (won)"),
}

TEXTS: Final[dict[str, tuple[str, str]]] = {
    **{f"data_location.{code}": said for code, said in _COUNTRIES.items()},
    **{f"dialect.{name}": (said, said) for name, said in _DIALECTS.items()},
    **{f"field.price_{name}": said for name, said in _PRICES.items()},
    "nav.market": ("상품·공급기업", "Products, providers"),
    "nav.providers": ("공급기업", "Providers"),
    "nav.credentials": ("공급기업 API 키", "Vendor API keys"),
    "nav.prices": ("단가", "Prices"),
    "trains_on_input.false": ("학습에 이용하지 않음", "Not used for training"),
    "trains_on_input.true": ("학습에 이용함", "Used for training"),
    "field.holds_from": ("단가 적용 시각(한국 시간)", "Price holds from (Korean time)"),
    "field.from_at": ("적용 시작", "Holds from"),
    "field.base_url": ("호출 주소(base URL)", "Address of calls (base URL)"),
    "field.model": ("공급기업의 모델 이름", "The vendor's name of the model"),
    "field.places": ("호출 주소", "Where calls go"),
    "field.place": ("호출 주소", "Where calls go"),
    "field.added_at": ("등록 시각", "Added"),
    "field.replaced_at": ("교체 시각", "Replaced"),
    "field.brn": ("사업자등록번호", "Business number"),
    "field.input": ("입력", "Input"),
    "field.output": ("출력", "Output"),
    "key.kept": ("API 키 등록됨", "API key is there"),
    "key.missing": ("API 키 없음", "no API key"),
    "column.brn": ("사업자등록번호", "Business number"),
    "column.products_count": ("상품 수", "Products"),
    "column.place": ("순서", "Place"),
    "column.base_url": ("호출 주소", "Address"),
    "column.added_at": ("등록 시각", "Added"),
    "column.replaced_at": ("교체 시각", "Replaced"),
    "filter.input_at_most": ("입력 단가 최대(원)", "Input price at most"),
    "filter.output_at_most": ("출력 단가 최대(원)", "Output price at most"),
    "help.product_id": (
        "호출할 때 model에 쓰는 이름입니다. 영문 소문자, 숫자, . _ - (예: nuri-x1)",
        "What calls name as their model. Lower-case letters, digits, . _ - (as nuri-x1)",
    ),
    "help.brn": (
        "숫자 10자리. 승인 전까지 등록해야 합니다.",
        "Ten digits. It is needed before the approval.",
    ),
    "help.retention_days": ("보관하지 않으면 0", "0 where nothing is kept"),
    "help.base_url": ("예: https://api.example.com/v1", "As https://api.example.com/v1"),
    "help.model": ("이 주소에 보낼 모델 이름", "The model that is asked for at this address"),
    "help.vendor_key": (
        "암호화해 보관하며 다시 표시하지 않습니다.",
        "It is kept encrypted and never shown again.",
    ),
    "help.new_vendor_key": (
        "곧바로 새 키로 호출하며, 이전 키는 폐기할 때까지 되돌릴 수 있습니다. 다시 표시하지 않습니다.",
        "Calls use it at once; the former can be put back until it is retired. It is never shown again.",
    ),
    "help.holds_from": (
        "앞으로의 시각만 입력할 수 있습니다. 등록한 단가는 수정할 수 없습니다.",
        "A later time. A price is never edited.",
    ),
    "help.holds_from_draft": (
        "단가를 입력하면 적용 시각도 필요합니다. 판매 승인 전에는 바꿀 수 있습니다.",
        "Needed with any price. It can be changed until the product is approved.",
    ),
    "product.lead": (
        "나중에 입력할 항목은 비워 두어도 됩니다. 심사를 요청하기 전에 빠진 항목을 알려 드립니다.",
        "What comes later may be left empty; what is missing is named before the review is asked for.",
    ),
    "product.checks": ("심사 전 확인 항목", "Before the review"),
    "product.returned_because": ("보완요청 사유: {why}", "Returned because: {why}"),
    "check.done": ("완료", "done"),
    "check.open": ("필요", "needed"),
    "unit.tokens": ("{number}토큰", "{number} tokens"),
    "unit.days": ("{number}일", "{number} days"),
    "todo.review": ("심사를 기다리는 상품", "Products to be reviewed"),
    "todo.provider": ("승인을 기다리는 공급기업", "Providers to be approved"),
    "todo.correction": ("승인을 기다리는 보정", "Corrections proposed"),
    "todo.bank_line": ("입금자를 찾는 입금 내역", "Bank lines of nobody yet"),
}
