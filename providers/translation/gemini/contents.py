"""Contents and parts of a Gemini request -> turns. Pure."""

from __future__ import annotations

from base64 import b64decode
from collections import defaultdict, deque
from typing import Any, Final

from providers.facts import BadRequest, bad, flag_or_none, text
from providers.json_depth import written_if_shallow
from providers.translation.gemini.fields import fields, items, nothing_but, within
from providers.translation.gemini.reply import TO_STANDARD_BASE64
from providers.translation.neutral import (
    Image,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    inexpressible,
)

# Its vendor's seal on what was thought or called: worthless to any other.
PART_HINTS: Final = frozenset({"thoughtSignature"})
_KINDS: Final = frozenset({"text", "inlineData", "fileData", "functionCall", "functionResponse"})
_PART: Final = _KINDS | PART_HINTS | {"thought"}
_CONTENT: Final = frozenset({"role", "parts"})
_BLOB: Final = frozenset({"mimeType", "data"})
_FILE: Final = frozenset({"mimeType", "fileUri"})
_CALL: Final = frozenset({"id", "name", "args", "willContinue"})
_RESULT: Final = frozenset({"id", "name", "response", "parts", "willContinue", "scheduling"})
_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "willContinue": (False,),
    "scheduling": ("SCHEDULING_UNSPECIFIED",),
}
_OWN_FILES: Final = "https://generativelanguage.googleapis.com/"  # nobody else may read them


class Contents:
    """Reads the contents of one request."""

    def __init__(self, vendor_dialect: str) -> None:
        self._vendor_dialect = vendor_dialect
        self._calls = _Calls()

    def read(self, contents: Any) -> tuple[Turn, ...]:
        turns: list[Turn] = []
        for index, content in enumerate(items(contents)):
            where = f"contents[{index}]"
            said = fields(content, _CONTENT, where, self._vendor_dialect)
            match said.get("role"):
                case None | "user" | "function":
                    read, role = self._user, "user"
                case "model":
                    read, role = self._model, "assistant"
                case _:
                    raise self._cannot(f"{where}.role")
            parts: list[Part] = []
            for number, part in enumerate(items(said.get("parts"))):
                parts += read(part, f"{where}.parts[{number}]")
            turns.append(Turn("user" if role == "user" else "assistant", tuple(parts)))
        if not any(turn.parts for turn in turns):
            raise bad("contents", "must say something", "내용이 있어야 합니다")
        if turns[-1].role == "assistant":
            # The answer is to go on where this turn stops: other dialects would begin a new one.
            raise self._cannot(f"contents[{len(turns) - 1}].role")
        return tuple(turns)

    def instruction(self, said: Any) -> tuple[Text, ...]:
        if type(said) is str:
            return (Text(said),)
        where = "systemInstruction"
        parts = items(fields(said, _CONTENT, where, self._vendor_dialect).get("parts"))
        texts = []
        for number, part in enumerate(parts):
            for read in self._user(part, f"{where}.parts[{number}]"):
                if not isinstance(read, Text):
                    raise self._cannot(f"{where}.parts[{number}]")
                texts.append(read)
        return tuple(texts)

    def _user(self, part: Any, where: str) -> list[Part]:
        match self._kind(part, where):
            case ("text", said, False):
                return [Text(_text(said, f"{where}.text"))]
            case ("inlineData" | "fileData" as kind, said, False):
                return [self._shown(kind, said, f"{where}.{kind}")]
            case ("functionResponse", said, False):
                return [self._result(said, f"{where}.functionResponse")]
            case (None, _, False):
                return []
        raise self._cannot(where)

    def _model(self, part: Any, where: str) -> list[Part]:
        match self._kind(part, where):
            case ("text", said, is_thought):
                told = _text(said, f"{where}.text")
                return [Thinking(told) if is_thought else Text(told)]
            case ("functionCall", said, _):
                return [self._call(said, f"{where}.functionCall")]
            case (None, _, _):
                return []
        raise self._cannot(where)

    def _kind(self, part: Any, where: str) -> tuple[str | None, Any, bool]:
        """(what it is, what it says, whether it was thought); nothing where there is nothing but a seal."""
        said = fields(part, _PART, where, self._vendor_dialect)
        kinds = sorted(said.keys() & _KINDS)
        if len(kinds) > 1:
            raise self._cannot(where)
        kind = kinds[0] if kinds else None
        is_thought = flag_or_none(said, "thought", f"{where}.") is True
        return kind, said.get(kind) if kind else None, is_thought

    def _shown(self, kind: str, blob: Any, where: str) -> Text | Image:
        """A picture; text is text wherever it stands."""
        said = fields(blob, _BLOB if kind == "inlineData" else _FILE, where, self._vendor_dialect)
        media_type, data, url = (text(said, name, f"{where}.") for name in ("mimeType", "data", "fileUri"))
        family = None if media_type is None else media_type.partition("/")[0]
        if data is not None:
            data = data.translate(TO_STANDARD_BASE64)
            if family == "image":
                return Image(media_type=media_type, data=data)
            if family == "text":
                return Text(_decoded(data, f"{where}.data"))
        if url is not None and family in ("image", None) and _is_for_all(url):
            return Image(url=url)
        raise self._cannot(where)

    def _call(self, call: Any, where: str) -> ToolCall:
        said = fields(call, _CALL, where, self._vendor_dialect)
        nothing_but(said, _SAYS_NOTHING, where, self._vendor_dialect)
        call_id, name, arguments = said.get("id"), said.get("name"), said.get("args", {})
        if type(name) is not str or type(arguments) is not dict or type(call_id) not in (str, type(None)):
            raise bad(where, "must have a name and args", "name과 args가 있어야 합니다")
        return ToolCall(self._calls.made(call_id, name), name, self._json(arguments, f"{where}.args"))

    def _result(self, result: Any, where: str) -> ToolResult:
        said = fields(result, _RESULT, where, self._vendor_dialect)
        nothing_but(said, _SAYS_NOTHING, where, self._vendor_dialect)
        name, response = said.get("name"), said.get("response", {})
        if type(name) is not str or type(response) is not dict:
            raise bad(where, "must have a name and a response", "name과 response가 있어야 합니다")
        call_id = self._calls.answered(text(said, "id", f"{where}."), name)
        if call_id is None:
            raise bad(where, "must answer a function call", "함수 호출에 대한 응답이어야 합니다")
        content: list[Text | Image] = []
        word = next(iter(response)) if len(response) == 1 else None
        output = response[word] if word in ("output", "error") else response
        if output != {}:
            content.append(Text(output if type(output) is str else self._json(output, f"{where}.response")))
        for number, part in enumerate(items(said.get("parts"))):
            place = f"{where}.parts[{number}]"
            kind, blob, _ = self._kind(part, place)
            if kind not in ("inlineData", "fileData"):
                raise self._cannot(place)
            content.append(self._shown(kind, blob, within(place, kind)))
        return ToolResult(call_id, name, tuple(content), word == "error")

    def _json(self, value: Any, where: str) -> str:
        written = written_if_shallow(value)
        if written is None:  # JSON is read deeper than it is written
            raise bad(where, "is nested too deeply", "중첩이 너무 깊습니다")
        return written.decode()

    def _cannot(self, where: str) -> BadRequest:
        return inexpressible(where, self._vendor_dialect)


class _Calls:
    """Which call a result is of: by its id, or else the first of its function's that has no result yet.

    The SDK leaves the ids of results out, also where the calls had some. Nothing here is searched through,
    since a body may hold very many calls.
    """

    def __init__(self) -> None:
        self._open: defaultdict[str, deque[str]] = defaultdict(deque)  # by function
        self._unnamed: defaultdict[str, deque[str]] = defaultdict(deque)  # those of them made here
        self._known: set[str] = set()
        self._answered: set[str] = set()
        self._made = 0

    def made(self, call_id: str | None, name: str) -> str:
        if not call_id:
            self._made += 1
            call_id = f"call_unnamed_{self._made}"
            self._unnamed[name].append(call_id)
        self._open[name].append(call_id)
        self._known.add(call_id)
        self._answered.discard(call_id)  # some vendors count anew in each answer
        return call_id

    def answered(self, call_id: str | None, name: str) -> str | None:
        if not call_id:
            found = self._first(self._open[name])
        elif call_id in self._known:
            found = call_id
        else:
            found = self._first(self._unnamed[name]) or call_id
        if found is not None:
            self._answered.add(found)
        return found

    def _first(self, waiting: deque[str]) -> str | None:
        while waiting and waiting[0] in self._answered:
            waiting.popleft()
        return waiting[0] if waiting else None


def _text(said: Any, where: str) -> str:
    if type(said) is not str:
        raise bad(where, "must be a text", "텍스트여야 합니다")
    return said


def _is_for_all(url: str) -> bool:
    return url.startswith("https://") and not url.startswith(_OWN_FILES)


def _decoded(data: str, where: str) -> str:
    try:
        return b64decode(data, validate=True).decode()
    except ValueError:
        raise bad(where, "must be text in base64", "base64로 된 텍스트여야 합니다") from None
