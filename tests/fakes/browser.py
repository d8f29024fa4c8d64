"""A browser without a window: keeps cookies, follows links, and sends forms as they stand on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx2


@dataclass(slots=True)
class FormFound:
    action: str
    method: str
    values: dict[str, list[str]] = field(default_factory=dict)


class Parsed(HTMLParser):
    """Text, links and forms of a page; what stands in a form as a browser would send it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[FormFound] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._select: str | None = None
        self._area: str | None = None
        self.feed(text)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append((tag, named))
        if tag == "a" and named.get("href"):
            self.links.append(str(named["href"]))
        if tag == "form":
            self.forms.append(FormFound(named.get("action") or "", (named.get("method") or "get").lower()))
        name = named.get("name")
        if tag == "option" and self._select is not None and "selected" in named:
            self.forms[-1].values[self._select] = [named.get("value") or ""]
        if name is None or not self.forms:
            return
        if tag == "select":
            self._select = name
            self.forms[-1].values.setdefault(name, [""])
        elif tag == "textarea":
            self._area = name
            self.forms[-1].values[name] = [""]
        elif tag == "input":
            if named.get("type") in ("checkbox", "radio") and "checked" not in named:
                return
            self.forms[-1].values.setdefault(name, []).append(named.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._area is not None:
            self.forms[-1].values[self._area][0] += data


@dataclass(slots=True)
class Seen:
    status: int
    path: str
    html: str
    headers: Mapping[str, str]

    @property
    def is_file(self) -> bool:
        """Something to keep, and no page."""
        return self.headers.get("content-disposition", "").startswith("attachment")

    @property
    def page(self) -> Parsed:
        return Parsed(self.html)

    @property
    def text(self) -> str:
        return self.page.text


@dataclass(slots=True)
class Browser:
    http: httpx2.AsyncClient
    at: Seen | None = None

    async def get(self, path: str) -> Seen:
        return await self._seen(await self.http.get(path))

    async def _seen(self, answer: httpx2.Response) -> Seen:
        for _ in range(5):
            if answer.status_code != 303:
                break
            answer = await self.http.get(answer.headers["location"])
        path = answer.url.raw_path.decode()
        self.at = Seen(answer.status_code, path, answer.text, dict(answer.headers))
        return self.at

    async def send(self, path: str, values: Mapping[str, Any]) -> Seen:
        """A form as it is given, and nothing of a page."""
        return await self._seen(await self.http.post(path, data=dict(values)))

    async def submit(self, action: str | None = None, **entries: Any) -> Seen:
        """The form of the page here (the last one, or that of an action), with what is entered into it."""
        assert self.at is not None
        here = self.at.path.partition("?")[0]
        forms = [one for one in self.at.page.forms if one.method == "post" and one.action != "/sign-out"]
        form = next(one for one in forms if action in (None, one.action or here))
        values = {**form.values, **{name.replace("__", "."): value for name, value in entries.items()}}
        return await self.send(form.action or here, values)

    async def sign_in(self, email: str, password: str, *, then: str = "") -> Seen:
        await self.get(f"/sign-in?next={then}" if then else "/sign-in")
        return await self.submit("/sign-in", email=email, password=password)
