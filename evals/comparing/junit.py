"""A gate's result as JUnit XML, which CI systems show: a test case for each conversation and each line of the policy.

`parlo gate --junit` writes it. No time and no machine is named in it: the same runs give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from evals.comparing.alignment import Change
from evals.comparing.comparison import Case, Comparison
from evals.comparing.gating import GateResult, PolicyLine
from evals.run_directory import write_lines
from evals.statistics.gate import GateVerdict
from evals.verdicts import Outcome

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DOUBTS = (GateVerdict.INCONCLUSIVE, GateVerdict.NOT_COMPARABLE)


def write_junit(path: Path, comparison: Comparison, result: GateResult) -> None:
    """Write it, in place only when it is whole.

    Raises:
        OSError: It cannot be written; nothing is left of it.
    """
    write_lines(path, [render_junit(comparison, result)])


def render_junit(comparison: Comparison, result: GateResult) -> str:
    """The document as text."""
    root = ElementTree.Element("testsuites", name=_clean(f"{comparison.first.id} → {comparison.second.id}"))
    policy = [_describe_verdict(result), *(_describe_line(line) for line in result.lines)]
    policy += [_judge(f"must pass {each.title}", each.verdict, each.reason) for each in result.thresholds]
    policy += [_judge(f"limit {each.title}", each.verdict, each.reason) for each in result.limits]
    policy += [_judge(f"judge {each.title}", each.verdict, each.reason) for each in result.judges]
    _add_suite(root, f"policy {result.policy}", policy)
    must_pass = {*comparison.broken_must_pass}
    absences = result.absences
    tolerated = {*absences.ids} if absences is not None and absences.verdict is GateVerdict.PASS else set()
    cases = [_skip(each) if each.id in tolerated else _describe_case(each, must_pass) for each in comparison.cases]
    _add_suite(root, comparison.second.suite or "conversations", cases)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_suite(root: ElementTree.Element, name: str, cases: Iterable[ElementTree.Element]) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=_clean(name))
    suite.extend(cases)
    suite.set("tests", str(len(suite)))
    for kind in ("failure", "error", "skipped"):
        suite.set("skipped" if kind == "skipped" else f"{kind}s", str(len(suite.findall(f"testcase/{kind}"))))


def _skip(case: Case) -> ElementTree.Element:
    """It did not run, and the policy puts up with that: neither a failure nor a pass."""
    element = _make_case("conversations", f"{case.id}: {case.title}")
    return _mark(element, "skipped", "did not run in one of the two runs, which is tolerated", "NOT_RUN")


def _describe_case(case: Case, must_pass: set[str]) -> ElementTree.Element:
    """It failed where it broke; what did not run is an error, and what was broken before is told and no failure."""
    element = _make_case("conversations", f"{case.id}: {case.title}")
    if Outcome.NOT_RUN in (case.first, case.second):
        return _mark(element, "error", "did not run in one of the two runs", "NOT_RUN")
    if case.change is Change.BROKEN:
        kind = "must pass and broke" if case.id in must_pass else "broke"
        return _mark(element, "failure", kind, "BROKEN", "\n".join(case.why))
    if case.second is Outcome.BROKEN:
        _tell(element, "broken before, and still")
    elif case.change is Change.FIXED:
        _tell(element, "broken before, passes now")
    return element


def _describe_verdict(result: GateResult) -> ElementTree.Element:
    element = _make_case(f"policy.{result.policy}", "verdict")
    decision = result.decision
    if decision.verdict is GateVerdict.BLOCK:
        return _mark(element, "failure", decision.reason, decision.verdict)
    if decision.verdict in _DOUBTS:
        return _mark(element, "error", decision.reason, decision.verdict)
    return _tell(element, f"{decision.verdict}: {decision.reason}")


def _describe_line(line: PolicyLine) -> ElementTree.Element:
    return _judge(f"{line.tier} {line.metric}", line.verdict, line.reason)


def _judge(name: str, verdict: GateVerdict, reason: str) -> ElementTree.Element:
    element = _make_case("policy", name)
    if verdict is GateVerdict.BLOCK:
        return _mark(element, "failure", reason, verdict)
    if verdict in _DOUBTS:
        return _mark(element, "error", reason, verdict)
    return _tell(element, f"{verdict}: {reason}")


def _make_case(group: str, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=_clean(group), name=_clean(name))


def _mark(element: ElementTree.Element, kind: str, message: str, verdict: str, text: str = "") -> ElementTree.Element:
    found = ElementTree.SubElement(element, kind, message=_clean(message), type=verdict)
    found.text = _clean(text) or None
    return element


def _tell(element: ElementTree.Element, text: str) -> ElementTree.Element:
    ElementTree.SubElement(element, "system-out").text = _clean(text)
    return element


def _clean(text: str) -> str:
    """Without the signs that XML cannot hold, such as NUL: people send them."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
