"""A state table: what may be done to a thing, in which state, by whom, on which conditions. Pure.

The office API, its OpenAPI document, docs/concepts/lifecycle.md and the tests all read the same tables; none
of them repeats a rule. A condition is a value too: its name is the code of the refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

Role = Literal["company", "provider", "operator", "auditor"]
Relation = Literal["any", "own"]

F = TypeVar("F")

REASON_CHARACTERS_MAX: Final = 1_000


class Refused(Exception):
    """An expected refusal: `code` for programs, a sentence for people in both languages."""

    def __init__(self, code: str, english: str, korean: str) -> None:
        super().__init__(english)
        self.code = code
        self.english = english
        self.korean = korean


@dataclass(frozen=True, slots=True)
class Allow:
    """A role, and how it must stand to the thing: any of them, or one of its own."""

    role: Role
    relation: Relation = "any"


OPERATOR: Final = Allow("operator")
AUDITOR: Final = Allow("auditor")
OWN_COMPANY: Final = Allow("company", "own")
OWN_PROVIDER: Final = Allow("provider", "own")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it: a person of the office, and where the person belongs."""

    person: str
    role: Role
    company: str | None = None
    provider: str | None = None

    def owns(self, *, company: str | None = None, provider: str | None = None) -> bool:
        if self.role == "company":
            return company is not None and company == self.company
        return self.role == "provider" and provider is not None and provider == self.provider


@dataclass(frozen=True)  # no slots: Python 3.11 sets __orig_class__ of what Name[F](…) makes
class Guard(Generic[F]):
    """A condition of a step. Its name is the refusal's code.

    `of_entry`: what is entered with the step decides it, or the purse must be asked: nobody knows before.
    """

    name: str
    english: str
    korean: str
    holds: Callable[[F], bool]
    of_entry: bool = False

    def refusal(self) -> Refused:
        return Refused(self.name, self.english, self.korean)


@dataclass(frozen=True)  # no slots: Python 3.11 sets __orig_class__ of what Name[F](…) makes
class Step(Generic[F]):
    """`sources` empty: the step makes the thing. `target` None: the thing stays in its state.

    `allow` empty: no person does it, only the clock.
    """

    action: str
    sources: tuple[str, ...]
    target: str | None
    allow: tuple[Allow, ...]
    guards: tuple[Guard[F], ...] = ()
    needs_reason: bool = False

    def allows(self, actor: Actor, *, owns: bool) -> bool:
        return any(allow.role == actor.role and (allow.relation == "any" or owns) for allow in self.allow)

    def hindrance(self, facts: F) -> Guard[F] | None:
        """The first condition that is known not to hold, before anything is entered."""
        return next((one for one in self.guards if not one.of_entry and not one.holds(facts)), None)


@dataclass(frozen=True)  # no slots: Python 3.11 sets __orig_class__ of what Name[F](…) makes
class Table(Generic[F]):
    """`states`: each with its Korean word; the order is that of a life."""

    thing: str
    korean: str
    states: Mapping[str, str]
    steps: tuple[Step[F], ...]

    def step(self, action: str) -> Step[F]:
        return next(step for step in self.steps if step.action == action)

    def open_to(self, state: str, actor: Actor, *, owns: bool) -> tuple[Step[F], ...]:
        """What this person may do to a thing in this state, conditions aside."""
        return tuple(step for step in self.steps if state in step.sources and step.allows(actor, owns=owns))

    def judge(
        self,
        action: str,
        *,
        state: str | None,
        actor: Actor,
        owns: bool,
        facts: F,
        reason: str | None = None,
    ) -> str:
        """The state after the step; None as `state` where it makes the thing. Raises Refused.

        Who may not do it learns nothing about the state.
        """
        step = self.step(action)
        if not step.allows(actor, owns=owns):
            raise Refused("forbidden", "Your role does not do this.", "이 작업을 할 수 있는 역할이 아닙니다.")
        if not (state is None and not step.sources) and state not in step.sources:
            raise Refused(
                "wrong_state",
                f"This {self.thing} is {state}; {action} is for one that is {' or '.join(step.sources)}.",
                f"현재 상태({self.states.get(state or '', '-')})에서는 할 수 없는 작업입니다.",
            )
        if step.needs_reason and not (reason and reason.strip()):
            raise Refused("reason_required", "Give a reason.", "사유를 입력해 주세요.")
        for guard in step.guards:
            if not guard.holds(facts):
                raise guard.refusal()
        after = step.target if step.target is not None else state
        assert after is not None, "a step that makes a thing says its state"
        return after
