"""Tools of a Responses request, and which of them may be called. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.facts import bad, flag_or_none, text
from providers.translation.neutral import Tool, ToolChoice, inexpressible, known_only
from providers.translation.openai.messages import as_list

# What a function will give back, which its result shows.
FUNCTION_HINTS: Final = frozenset({"output_schema"})
_FUNCTION: Final = frozenset({"type", "name", "description", "parameters", "strict"}) | FUNCTION_HINTS
_FUNCTION_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "allowed_callers": (["direct"],),
    "async": (False,),
    "defer_loading": (False,),
}
_CHOSEN: Final = frozenset({"type", "name"})
_ALLOWED: Final = frozenset({"type", "mode", "tools"})
_MODES: Final[dict[str, ToolChoice]] = {
    "auto": ToolChoice("auto"), "none": ToolChoice("none"), "required": ToolChoice("any"),
}  # fmt: skip


class Tools:
    """Reads the tools of one request. Its vendor's own tools are no functions: refused."""

    def __init__(self, vendor_dialect: str) -> None:
        self._vendor_dialect = vendor_dialect

    def read(self, body: dict[str, Any]) -> tuple[tuple[Tool, ...], ToolChoice | None]:
        tools = tuple(
            self._tool(tool, f"tools[{index}]")
            for index, tool in enumerate(as_list(body.get("tools") or [], "tools"))
        )
        at_most_one = flag_or_none(body, "parallel_tool_calls") is False
        tools, choice = self._choice(body.get("tool_choice"), tools)
        if at_most_one:
            choice = choice or ToolChoice()
            choice = ToolChoice(choice.mode, choice.name, at_most_one=True)
        return tools, choice

    def _tool(self, tool: Any, where: str) -> Tool:
        if type(tool) is not dict or tool.get("type") != "function":
            kind = tool.get("type") if type(tool) is dict else None
            named = f"{where} ({kind[:64]})" if type(kind) is str else where
            raise inexpressible(named, self._vendor_dialect)
        if type(tool.get("name")) is not str:
            raise bad(f"{where}.name", "must be a text", "텍스트여야 합니다")
        known_only(
            tool,
            _FUNCTION,
            self._vendor_dialect,
            says_nothing=_FUNCTION_SAYS_NOTHING,
            where=f"{where}.",
        )
        parameters = tool.get("parameters")
        if type(parameters) not in (dict, type(None)):
            raise bad(f"{where}.parameters", "must be a JSON schema", "JSON 스키마여야 합니다")
        return Tool(
            name=tool["name"],
            description=text(tool, "description", f"{where}."),
            parameters=parameters or {},
            strict=flag_or_none(tool, "strict", f"{where}."),
        )

    def _choice(self, choice: Any, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice | None]:
        if choice is None:
            return tools, None
        if type(choice) is str and choice in _MODES:
            return tools, _MODES[choice]
        kind = choice.get("type") if type(choice) is dict else None
        if kind == "function" and type(choice.get("name")) is str:
            known_only(choice, _CHOSEN, self._vendor_dialect, where="tool_choice.")
            return tools, ToolChoice("tool", choice["name"])
        if kind == "allowed_tools":
            return self._allowed(choice, tools)
        if type(kind) is str and kind != "function":
            raise inexpressible("tool_choice", self._vendor_dialect)
        raise bad(
            "tool_choice",
            "must be auto, none, required, a function or allowed_tools",
            "auto, none, required, 함수 또는 allowed_tools여야 합니다",
        )

    def _allowed(
        self, choice: dict[str, Any], tools: tuple[Tool, ...]
    ) -> tuple[tuple[Tool, ...], ToolChoice]:
        """Where some of the tools are allowed and the others are not, those are the tools there are."""
        known_only(choice, _ALLOWED, self._vendor_dialect, where="tool_choice.")
        mode = choice.get("mode")
        if mode not in ("auto", "required"):
            raise bad("tool_choice.mode", "must be auto or required", "auto 또는 required여야 합니다")
        names = set()
        for index, allowed in enumerate(as_list(choice.get("tools"), "tool_choice.tools")):
            where = f"tool_choice.tools[{index}]"
            if type(allowed) is not dict or allowed.get("type") != "function":
                raise inexpressible(where, self._vendor_dialect)
            known_only(allowed, _CHOSEN, self._vendor_dialect, where=f"{where}.")
            if type(allowed.get("name")) is not str:
                raise bad(f"{where}.name", "must be a text", "텍스트여야 합니다")
            names.add(allowed["name"])
        if unknown := names - {tool.name for tool in tools}:
            raise bad("tool_choice.tools", f"names no tool: {min(unknown)[:64]}", "없는 도구를 지정했습니다")
        return tuple(tool for tool in tools if tool.name in names), _MODES[mode]
