"""What all legs came to, as figures and facts of the document."""

from collections import Counter
from collections.abc import Mapping

from bench.chaos.controls import Control
from bench.chaos.faults.kinds import KINDS, LEFT_OUT
from bench.chaos.legs import Outcome
from bench.chaos.nemesis import Injected
from bench.load.tally import percentile
from bench.run import Bench, at_least, at_most
from bench.run.series import Goal

#: Goals of failovers whose cause was alone, p99 in milliseconds, by what failed.
FAILOVER_MS: Mapping[str, Goal] = {"owner": at_most(3_000.0), "node": at_most(10_000.0)}


class Telling:
    """Hears of one leg after another, and tells of all in the end."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._heard: list[Outcome] = []

    def hear(self, outcome: Outcome) -> None:
        """Another leg was judged, and is clean."""
        self._heard.append(outcome)
        happened = sum(each.happened for each in outcome.injected)
        verdict, answers = outcome.judgement.verdict, outcome.answers
        self._bench.note(
            f"{outcome.label}: {happened} faults, {verdict.acknowledged:,} acknowledged of {verdict.operations:,}"
            f" operations, {answers.unknown:,} of {answers.calls:,} calls unknown to their caller at first;"
            f" history: {outcome.judgement.history}"
        )
        begins_s = min(answers.ok_in_second, default=0)
        line = [(second - begins_s, answers.ok_in_second[second]) for second in sorted(answers.ok_in_second)]
        title = f"Calls answered well, a second, in the leg {outcome.label!r}"
        self._bench.course(title, {"calls": [(float(at), float(calls)) for at, calls in line]}, unit="/s")

    def tell(self, controls: Mapping[str, Control]) -> None:
        """Figures and facts."""
        self._tell_operations()
        self._tell_faults()
        for what in sorted({each.failover_of for _, each in self._faults() if each.failover_of}):
            self._tell_failovers(what)
        facts = self._bench.figures.facts
        facts["negative_controls_caught"] = all(control.is_as_expected for control in controls.values())
        facts["negative_controls"] = {name: control.to_json() for name, control in controls.items()}
        self._bench.figures.tables["Controls: houses that are wrong on purpose, and right ones beside them"] = [
            {
                "control": name,
                "wrong": str(control.is_wrong),
                "caught by": ", ".join(control.caught),
                "what": control.words,
            }
            for name, control in controls.items()
        ]
        count = sum(control.is_as_expected for control in controls.values())
        about = f"of {len(controls)} houses that are wrong on purpose, or right beside a wrong one, were judged rightly"
        self._bench.measure("controls_right", count, unit="", about=about, goal=at_least(len(controls)))

    def _tell_operations(self) -> None:
        measure = self._bench.measure
        verdicts = [outcome.judgement.verdict for outcome in self._heard]
        acknowledged = sum(verdict.acknowledged for verdict in verdicts)
        calls = sum(outcome.answers.calls for outcome in self._heard)
        unknown = sum(outcome.answers.unknown for outcome in self._heard)
        violations = sum(outcome.judgement.violations for outcome in self._heard)
        about = "what the audit, the checker or the suppliers' ledgers object to"
        measure("violations", violations, unit="", about=about, goal=at_most(0))
        about = "operations in all histories, each asking and each answer to it"
        measure("operations", sum(verdict.operations for verdict in verdicts), unit="", about=about)
        about = "operations that were answered well, in all histories"
        measure("acknowledged", acknowledged, unit="", about=about, goal=at_least(200_000))
        measure("holds", sum(verdict.holds for verdict in verdicts), unit="", about="holds that were acknowledged")
        measure("sales", sum(verdict.sales for verdict in verdicts), unit="", about="sales that were acknowledged")
        about = "share of calls of which their caller did not know at first what became of them"
        measure("info_share", unknown / max(1, calls), unit="", about=about)
        about = "with no violation in N acknowledged operations, at 95 % fewer than this share are violations (3/N)"
        measure("rate_bound_95", 3 / max(1, acknowledged), unit="", about=about)

    def _tell_faults(self) -> None:
        bench = self._bench
        happened = Counter(each.kind for _, each in self._faults() if each.happened)
        tried = Counter(each.kind for _, each in self._faults())
        alone = Counter(each.kind for _, each in self._faults() if each.happened and each.is_alone)
        bench.measure("faults", happened.total(), unit="", about="faults that really happened", goal=at_least(100))
        bench.measure("fault_kinds", len(happened), unit="", about="kinds of them", goal=at_least(10))
        by_kind: dict[str, dict[str, str | float]] = {
            name: {"happened": happened[name], "alone": alone[name], "tried": tried[name], "about": KINDS[name].about}
            for name in KINDS
            if tried[name]
        }
        bench.figures.facts["faults_by_kind"] = by_kind
        bench.figures.tables["Faults"] = [{"kind": name, **row} for name, row in by_kind.items()]
        bench.figures.facts["skipped"] = self._skipped(happened)
        bench.figures.facts["left_out"] = dict(LEFT_OUT)
        bench.note("faults: " + ", ".join(f"{name} {happened[name]}" for name in KINDS if tried[name]))

    def _skipped(self, happened: Mapping[str, int]) -> Mapping[str, str]:
        """Kinds that never happened, and why."""
        reasons: dict[str, str] = {}
        for outcome in self._heard:
            reasons |= outcome.missing
        usual = "the time was too short for it, or it met nobody"
        return {name: reasons.get(name, usual) for name in KINDS if not happened.get(name)}

    def _tell_failovers(self, what: str) -> None:
        """How long SKUs were away, from faults that were alone; mixes are another question."""
        took_ms: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
        never_back = 0
        for outcome, each in self._faults():
            if each.failover_of != what or not each.happened or not each.skus:
                continue
            served_s = outcome.answers.all_served_s(each.at_s, each.skus)
            never_back += served_s is None
            away_s = (outcome.answers.ended_s if served_s is None else served_s) - each.at_s
            took_ms[each.is_alone][round(1_000 * away_s)] += 1
        alone, mixed = took_ms[True], took_ms[False]
        about = "failovers after which one of its SKUs was not served until the end of the leg"
        self._bench.measure(f"{what}_never_back", never_back, unit="", about=about, goal=at_most(0))
        self._bench.figures.facts[f"{what}_failovers"] = alone.total()
        about = "from the fault, alone, until each of its SKUs has decided a call sent after it"
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
            if alone:
                goal = FAILOVER_MS.get(what) if name == "p99" else None
                key = f"{what}_failover_{name}_ms"
                self._bench.measure(key, percentile(alone, share), unit="ms", about=f"{about}: {name}", goal=goal)
        if mixed:
            about = "the same when something else was broken at that time, too: the worst"
            self._bench.measure(f"{what}_failover_mixed_max_ms", max(mixed), unit="ms", about=about)

    def _faults(self) -> list[tuple[Outcome, Injected]]:
        return [(outcome, each) for outcome in self._heard for each in outcome.injected]
