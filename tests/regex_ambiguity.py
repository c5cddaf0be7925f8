"""Can a regular expression take more than linear time? Told by its ambiguity, not by trying.

The expression becomes an automaton whose states are its characters (Glushkov). Searching begins
anywhere, so a state before all others loops over every character. Python's engine tries every way
to read a text; how many there are grows
- exponentially, if some state can come back to itself in two ways with the same word,
- as a power, if two loops can read the same word, and the first can hand over to the second with it
(Weber and Seidl, "On the degree of ambiguity of finite automata", 1991).
A search that has come where the expression may end does not begin anew. Assertions are taken to
hold always, but for one look back at the very beginning: this errs on the safe side.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

SAMPLE = [chr(code) for code in range(256)] + list("İſ١²\u2003\u2028ḕ助\U0001f600\u0301")
"""Characters of every kind that our patterns tell apart."""
FOR_EVER = 10_001
"""Repetitions from which on a bound is none."""

Letters = int
"""A bit for each letter of the sample."""
EVERY: Letters = (1 << len(SAMPLE)) - 1


@dataclass
class Automaton:
    """States by number; 0 is before the first character."""

    letters: list[Letters] = field(default_factory=lambda: [EVERY])
    after: list[set[int]] = field(default_factory=lambda: [set()])
    bound: list[int] = field(default_factory=lambda: [FOR_EVER])
    """How often the innermost loop of the state may run, 1 outside loops."""
    ends: frozenset[int] = frozenset()
    """Where the expression may end whatever follows."""
    possessive: set[int] = field(default_factory=set)
    """States of loops that give nothing back."""
    is_doubled: bool = False
    """Whether a loop within a loop leads from one state to another as that one does."""


@dataclass(frozen=True)
class _Piece:
    """A part of the expression: where it begins and ends, and whether it may be empty.

    `sure` are those ends, and `is_surely_empty` says that it may be empty, without an assertion.
    """

    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    sure: frozenset[int] = frozenset()
    may_be_empty: bool = True
    is_surely_empty: bool = True


class UncheckableError(Exception):
    """The expression uses something that is not regular, such as a back reference."""


def why_not_linear(pattern: str | bytes, flags: int, *, is_searched: bool = True) -> str:
    """Return why the pattern may take long, searched or matched at a place; "" if it is linear."""
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    if isinstance(pattern, bytes):
        flags |= re.ASCII
    tree = _parser.parse(text, flags)
    builder = _Builder(tree.state.flags)
    whole = builder.sequence(list(tree), 1)
    machine = builder.machine
    machine.after[0] = {0, *whole.first}
    machine.ends = whole.sure
    allowed = _beginnings(list(tree), tree.state.flags) if is_searched else None
    if machine.is_doubled:
        return "a loop can read the same word in two ways"
    loops = _loops(machine)
    for group in loops:
        if _is_exponential(machine, group):
            return "a loop can read the same word in two ways"
    return _power(machine, loops, allowed)


class _Builder:
    def __init__(self, flags: int) -> None:
        self.machine = Automaton()
        self._flags = flags
        self._known: dict[str, Letters] = {}

    def sequence(self, nodes: list[Any], bound: int) -> _Piece:
        whole = _Piece()
        for node in nodes:
            whole = self._join(whole, self._node(node, bound))
        return whole

    def _join(self, one: _Piece, two: _Piece) -> _Piece:
        for state in one.last:
            self.machine.after[state] |= two.first
        return _Piece(
            one.first | (two.first if one.may_be_empty else frozenset()),
            two.last | (one.last if two.may_be_empty else frozenset()),
            two.sure | (one.sure if two.is_surely_empty else frozenset()),
            one.may_be_empty and two.may_be_empty,
            one.is_surely_empty and two.is_surely_empty,
        )

    def _node(self, node: Any, bound: int) -> _Piece:
        kind, value = node
        if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            return self._letter(node, bound)
        if kind is op.SUBPATTERN:
            return self.sequence(list(value[3]), bound)
        if kind is op.ATOMIC_GROUP:
            return self.sequence(list(value), bound)
        if kind is op.BRANCH:
            return self._branch(value[1], bound)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            return self._repeat(kind is op.POSSESSIVE_REPEAT, value, bound)
        if kind in (op.AT, op.ASSERT, op.ASSERT_NOT):
            return _Piece(is_surely_empty=False)
        raise UncheckableError(str(kind))

    def _letter(self, node: Any, bound: int) -> _Piece:
        state = len(self.machine.letters)
        written = repr(node)
        if written not in self._known:
            self._known[written] = _letters(node, self._flags)
        self.machine.letters.append(self._known[written])
        self.machine.after.append(set())
        self.machine.bound.append(bound)
        alone = frozenset({state})
        return _Piece(alone, alone, alone, may_be_empty=False, is_surely_empty=False)

    def _branch(self, choices: list[Any], bound: int) -> _Piece:
        made = [self.sequence(list(choice), bound) for choice in choices]
        return _Piece(
            frozenset().union(*(each.first for each in made)),
            frozenset().union(*(each.last for each in made)),
            frozenset().union(*(each.sure for each in made)),
            any(each.may_be_empty for each in made),
            any(each.is_surely_empty for each in made),
        )

    def _repeat(self, is_possessive: bool, repeat: Any, bound: int) -> _Piece:
        least, most, nodes = repeat
        times = min(int(most), FOR_EVER)
        begun = len(self.machine.letters)
        made = self.sequence(list(nodes), max(bound, times))
        if is_possessive:
            self.machine.possessive.update(range(begun, len(self.machine.letters)))
        if times > 1:
            for state in made.last:
                self.machine.is_doubled |= bool(self.machine.after[state] & made.first)
                self.machine.after[state] |= made.first
        return replace(
            made,
            may_be_empty=made.may_be_empty or least == 0,
            is_surely_empty=made.is_surely_empty or least == 0,
        )


def _letters(node: Any, flags: int) -> Letters:
    return sum(1 << at for at, letter in enumerate(SAMPLE) if _reads(node, letter, flags))


def _reads(node: Any, letter: str, flags: int) -> bool:
    cases = {letter}
    if flags & re.IGNORECASE:
        cases |= {letter.lower(), letter.upper(), letter.swapcase()}
    return any(_reads_exactly(node, each, flags) for each in cases if len(each) == 1)


def _reads_exactly(node: Any, letter: str, flags: int) -> bool:
    kind, value = node
    if kind is op.LITERAL:
        return bool(ord(letter) == value)
    if kind is op.NOT_LITERAL:
        return bool(ord(letter) != value)
    if kind is op.ANY:
        return bool(flags & re.DOTALL) or letter != "\n"
    if kind is op.RANGE:
        return bool(value[0] <= ord(letter) <= value[1])
    if kind is op.CATEGORY:
        return _is_of(value, letter, flags)
    assert kind is op.IN, kind
    negated = value[0][0] is op.NEGATE
    found = any(_reads_exactly(each, letter, flags) for each in value[negated:])
    return found != negated


def _is_of(category: Any, letter: str, flags: int) -> bool:
    name = str(category).removeprefix("CATEGORY_")
    known = letter.isascii() or not flags & re.ASCII
    found = {
        "DIGIT": letter.isdecimal(),
        "SPACE": letter.isspace(),
        "WORD": letter.isalnum() or letter == "_",
    }[name.removeprefix("NOT_")]
    return (found and known) != name.startswith("NOT_")


def _beginnings(nodes: list[Any], flags: int) -> Letters | None:
    """Return the letters after which the pattern may begin; None at the start of the text only."""
    while nodes and nodes[0][0] is op.SUBPATTERN:
        nodes = [*list(nodes[0][1][3]), *nodes[1:]]
    if not nodes:
        return EVERY
    kind, value = nodes[0]
    if kind is op.AT and value in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
        in_lines = value is op.AT_BEGINNING and flags & re.MULTILINE
        return 1 << SAMPLE.index("\n") if in_lines else None
    if kind in (op.ASSERT, op.ASSERT_NOT) and value[0] < 0 and len(list(value[1])) == 1:
        node = next(iter(value[1]))
        if node[0] in (op.LITERAL, op.NOT_LITERAL, op.IN):
            found = _letters(node, flags)
            return found if kind is op.ASSERT else EVERY & ~found
    return EVERY


def _loops(machine: Automaton) -> list[frozenset[int]]:
    """Return the groups of states that can reach one another (state 0 aside)."""
    reach = {state: _reachable(machine, state) for state in range(1, len(machine.letters))}
    groups = {
        frozenset(other for other in reach if other in reach[state] and state in reach[other])
        for state in reach
        if state in reach[state]
    }
    return sorted(groups, key=min)


def _reachable(machine: Automaton, start: int) -> set[int]:
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        for state in machine.after[waiting.pop()]:
            if state not in seen:
                seen.add(state)
                waiting.append(state)
    return seen


def _is_exponential(machine: Automaton, group: frozenset[int]) -> bool:
    """Return whether some state of the loop comes back to itself in two ways with one word."""
    for state in group:
        seen: set[tuple[int, int]] = set()
        waiting = [(state, state)]
        while waiting:
            one, two = waiting.pop()
            for left in machine.after[one] & group:
                for right in machine.after[two] & group:
                    pair = (left, right)
                    if pair in seen or not machine.letters[left] & machine.letters[right]:
                        continue
                    seen.add(pair)
                    waiting.append(pair)
        if any(one != two for one, two in seen if _comes_back(machine, group, (one, two), state)):
            return True
    return False


def _comes_back(
    machine: Automaton, group: frozenset[int], pair: tuple[int, int], goal: int
) -> bool:
    if pair[0] == pair[1]:
        return False
    seen = {pair}
    waiting = [pair]
    while waiting:
        one, two = waiting.pop()
        for left in machine.after[one] & group:
            for right in machine.after[two] & group:
                if (left, right) in seen or not machine.letters[left] & machine.letters[right]:
                    continue
                if left == right == goal:
                    return True
                seen.add((left, right))
                waiting.append((left, right))
    return False


def _power(machine: Automaton, loops: list[frozenset[int]], allowed: Letters | None) -> str:
    """Return why two loops may share the work, "" if none do."""
    for group in loops:
        if (
            allowed is not None
            and _is_endless(machine, group)
            and _restarts(machine, group, allowed)
        ):
            return "it may begin anywhere, and run on from each beginning"
        for other in loops:
            if group <= machine.possessive:
                continue
            cost = max(machine.bound[state] for state in group)
            cost *= max(machine.bound[state] for state in other)
            if cost >= FOR_EVER and group != other and _hands_over(machine, group, other):
                return "two loops can read the same word one after the other"
    return ""


def _is_endless(machine: Automaton, group: frozenset[int]) -> bool:
    return any(machine.bound[state] >= FOR_EVER for state in group)


def _restarts(machine: Automaton, group: frozenset[int], allowed: Letters) -> bool:
    """Return whether the search can enter the loop with a word that the loop itself reads.

    One run goes round in the loop, the other waits at the beginning and then makes its way in;
    before its first letter stands one of the `allowed`.
    """
    firsts = machine.after[0] - {0} - machine.ends
    for goal in group:
        waiting = [(goal, 0, False)]
        seen = set(waiting)
        while waiting:
            inside, outside, may_begin = waiting.pop()
            for step in _steps_in(machine, group, inside, outside, may_begin, firsts, allowed):
                if step[0] == step[1] == goal:
                    return True
                if step not in seen:
                    seen.add(step)
                    waiting.append(step)
    return False


def _steps_in(
    machine: Automaton,
    group: frozenset[int],
    inside: int,
    outside: int,
    may_begin: bool,
    firsts: set[int],
    allowed: Letters,
) -> Iterator[tuple[int, int, bool]]:
    for left in machine.after[inside] & group:
        letters = machine.letters[left]
        if outside:
            for right in machine.after[outside] - machine.ends:
                if letters & machine.letters[right]:
                    yield left, right, False
            continue
        if letters & allowed:
            yield left, 0, True
        yield left, 0, allowed == EVERY
        if may_begin or allowed == EVERY:
            for right in firsts:
                if letters & machine.letters[right]:
                    yield left, right, False


def _hands_over(machine: Automaton, group: frozenset[int], other: frozenset[int]) -> bool:
    """Return whether one loop can hand over to the other with a word that both read."""
    starts = [(p, p, q) for p in group for q in other]
    for start in starts:
        goal = (start[0], start[2], start[2])
        seen = {start}
        waiting = [start]
        while waiting:
            one, two, three = waiting.pop()
            for step in _three(machine, group, other, one, two, three):
                if step == goal:
                    return True
                if step not in seen:
                    seen.add(step)
                    waiting.append(step)
    return False


def _three(
    machine: Automaton, group: frozenset[int], other: frozenset[int], one: int, two: int, three: int
) -> Iterator[tuple[int, int, int]]:
    for left in machine.after[one] & group:
        for right in machine.after[three] & other:
            common = machine.letters[left] & machine.letters[right]
            if not common:
                continue
            for middle in machine.after[two]:
                if common & machine.letters[middle]:
                    yield left, middle, right
