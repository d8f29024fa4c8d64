"""The few pages of the office so far, Korean by default and English by choice. Plain HTML, no scripts."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, Final, Literal

Language = Literal["ko", "en"]

STYLE: Final = """
body { font: 16px/1.6 system-ui, sans-serif; color: #1b1f24; background: #fff;
       margin: 0 auto; max-width: 46rem; padding: 2rem 1.25rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #d6dbe1; vertical-align: top; }
code { background: #f2f4f7; padding: .1rem .3rem; border-radius: .2rem; }
a { color: #0b5cad; }
label { display: block; margin: 1rem 0 .25rem; }
input { font: inherit; padding: .45rem .6rem; width: 100%; box-sizing: border-box; border: 1px solid #7a8694;
        border-radius: .25rem; }
button { font: inherit; margin-top: 1rem; padding: .5rem 1.2rem; border: 0; border-radius: .25rem;
         background: #0b5cad; color: #fff; }
.error { color: #a4161a; }
nav { text-align: right; }
@media (prefers-color-scheme: dark) {
  body { background: #15181c; color: #e6e9ed; } code { background: #262b32; } a { color: #7db8f2; }
  th, td { border-color: #39414b; } .error { color: #ff9a9d; }
}
"""

WORDS: Final[dict[Language, dict[str, str]]] = {
    "ko": {
        "title": "AI 바우처 게이트웨이",
        "intro": "수요기업이 API 키 하나로 여러 공급기업의 AI를 쓰고, 사용액이 바우처에서 차감됩니다.",
        "runs": "지금 동작하는 것",
        "data_plane": "데이터 플레인 (API)",
        "office": "이 화면 (오피스)",
        "api": "오피스 API 문서",
        "own": "내 바우처와 사용 내역",
        "own_how": "API 키로 <code>GET /v1/voucher</code>, <code>GET /v1/usage</code>",
        "token": "로그인 토큰",
        "token_how": "<code>POST /api/token</code>에 <code>email</code>, <code>password</code>",
        "other": "English",
        "password": "새 비밀번호 (12자 이상)",
        "set": "비밀번호 설정",
        "welcome": "환영합니다",
        "done": "비밀번호가 설정되었습니다. 이 링크는 더 이상 쓸 수 없습니다.",
        "expired": "이 링크는 이미 사용되었거나 기간이 지났습니다. 새 링크를 요청해 주세요.",
        "weak": "비밀번호는 12자 이상 256자 이하이며, 서로 다른 문자가 다섯 가지 이상이어야 합니다.",
    },
    "en": {
        "title": "AI voucher gateway",
        "intro": "A company calls the models of many providers with one API key; its voucher pays.",
        "runs": "What runs here",
        "data_plane": "Data plane (API)",
        "office": "This page (the office)",
        "api": "The office API",
        "own": "One's own voucher and usage",
        "own_how": "with an API key: <code>GET /v1/voucher</code>, <code>GET /v1/usage</code>",
        "token": "A token to log in",
        "token_how": "<code>POST /api/token</code> with <code>email</code>, <code>password</code>",
        "other": "한국어",
        "password": "New password (12 characters or more)",
        "set": "Set the password",
        "welcome": "Welcome",
        "done": "The password is set. This link has done its work.",
        "expired": "This link has been used or is too old. Please ask for a new one.",
        "weak": "A password has 12 to 256 characters, at least five different ones.",
    },
}


@dataclass(frozen=True, slots=True)
class Addresses:
    data_plane: str
    office: str


def _page(language: Language, title: str, body: str, *, other_href: str | None = None) -> str:
    words = WORDS[language]
    nav = "" if other_href is None else f'<nav><a href="{escape(other_href)}">{words["other"]}</a></nav>'
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/style.css"></head>'
        f"<body>{nav}<main>{body}</main></body></html>"
    )


def landing(language: Language, addresses: Addresses) -> str:
    words = WORDS[language]
    rows = [
        (words["data_plane"], f"<code>{escape(addresses.data_plane)}</code>"),
        (words["office"], f"<code>{escape(addresses.office)}</code>"),
        (words["api"], '<a href="/api/docs">/api/docs</a>'),
        (words["own"], words["own_how"]),
        (words["token"], words["token_how"]),
    ]
    table = "".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, value in rows)
    body = f"<h1>{words['title']}</h1><p>{words['intro']}</p><h2>{words['runs']}</h2><table>{table}</table>"
    other = "/?lang=en" if language == "ko" else "/?lang=ko"
    return _page(language, words["title"], body, other_href=other)


def welcome(language: Language, email: str, *, weak: bool = False) -> str:
    words = WORDS[language]
    error = f'<p class="error" role="alert">{words["weak"]}</p>' if weak else ""
    body = (
        f"<h1>{words['welcome']}</h1><p>{escape(email)}</p>{error}"
        f'<form method="post"><label for="p">{words["password"]}</label>'
        '<input id="p" name="password" type="password" autocomplete="new-password" required minlength="12"'
        f' maxlength="256"><button>{words["set"]}</button></form>'
    )
    return _page(language, words["welcome"], body)


def note(language: Language, word: Literal["done", "expired"]) -> str:
    words = WORDS[language]
    return _page(language, words["title"], f"<h1>{words['title']}</h1><p>{words[word]}</p>")


def api_docs(schema: dict[str, Any]) -> str:
    """The API's operations as a page that loads nothing from anywhere else."""
    rows = "".join(
        f"<tr><td><code>{escape(method.upper())}</code></td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation.get('summary', ''))}<br>{escape(operation.get('description', ''))}</td></tr>"
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    )
    body = (
        f"<h1>{escape(schema['info']['title'])}</h1>"
        '<p><a href="/api/openapi.json">OpenAPI 3.1</a></p>'
        f"<table>{rows}</table>"
    )
    return _page("en", schema["info"]["title"], body)
