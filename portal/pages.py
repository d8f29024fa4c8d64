"""The pages that need no books: setting a password, and the API's operations. Plain HTML, no scripts."""

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
@media (prefers-color-scheme: dark) {
  body { background: #15181c; color: #e6e9ed; } code { background: #262b32; } a { color: #7db8f2; }
  th, td { border-color: #39414b; } .error { color: #ff9a9d; }
}
"""

WORDS: Final[dict[Language, dict[str, str]]] = {
    "ko": {
        "title": "AI 바우처 게이트웨이",
        "sign_in": "로그인",
        "password": "새 비밀번호 (12자 이상)",
        "set": "비밀번호 설정",
        "welcome": "환영합니다",
        "done": "비밀번호가 설정되었습니다. 이 링크는 더 이상 쓸 수 없습니다.",
        "expired": "이 링크는 이미 사용되었거나 기간이 지났습니다. 새 링크를 요청해 주세요.",
        "weak": "비밀번호는 12자 이상 256자 이하이며, 서로 다른 문자가 다섯 가지 이상이어야 합니다.",
    },
    "en": {
        "title": "AI voucher gateway",
        "sign_in": "Sign in",
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


def _page(language: Language, title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/style.css"></head>'
        f"<body><main>{body}</main></body></html>"
    )


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
    link = f'<p><a href="/sign-in">{words["sign_in"]}</a></p>' if word == "done" else ""
    return _page(language, words["title"], f"<h1>{words['title']}</h1><p>{words[word]}</p>{link}")


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
