"""How the pages look: one style sheet, light and dark, wide and narrow. The colours can be told apart by most eyes."""

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1a1c1f; --soft: #5c636b; --rule: #dde1e6; --panel: #f6f7f9;
  --good: #12703c; --bad: #b3261e;
  --c0: #0b62c4; --c1: #c4570b; --c2: #12805c; --c3: #8e44ad; --c4: #a8861a; --c5: #c2185b; --c6: #4a5560;
  --c7: #2aa1b3; --c8: #7c5c3b; --c9: #5b7f1f;
  --r0: #0b62c4; --r1: #12805c; --r2: #c4570b; --r3: #8a929b; --r4: #8e44ad; --r5: #a8861a; --r6: #c2185b;
  --r7: #2aa1b3; --r8: #7c5c3b; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --ink: #e8eaed; --soft: #a3abb3; --rule: #333a41;
  --panel: #1d2125; --good: #5fd38d; --bad: #ff8a80;
  --c0: #6cb2ff; --c1: #ff9d57; --c2: #4fd1a5; --c3: #cf9bea; --c4: #e6c65c; --c5: #ff80ab; --c6: #b5bec7;
  --c7: #6fd3e3; --c8: #c9a37c; --c9: #a8cf62;
  --r0: #6cb2ff; --r1: #4fd1a5; --r2: #ff9d57; --r3: #8d97a1; --r4: #cf9bea; --r5: #e6c65c; --r6: #ff80ab;
  --r7: #6fd3e3; --r8: #c9a37c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 24px 20px 60px; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; } h2 { font-size: 1.2rem; margin: 36px 0 8px; }
h3 { font-size: 1rem; margin: 24px 0 4px; }
p { max-width: 46rem; margin: 8px 0; } a { color: var(--c0); } .soft { color: var(--soft); }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
.note { border-left: 4px solid var(--c1); padding: 4px 12px; margin: 8px 0; max-width: 46rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; }
figure { margin: 0; padding: 12px; background: var(--panel); border-radius: 8px; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: 6px; } figure svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--ink); font: 14px system-ui, sans-serif; }
svg .tick, svg .unit { fill: var(--soft); font-size: 13px; }
svg .unit { text-anchor: middle; } svg .value { font-weight: 600; }
svg .grid { stroke: var(--rule); stroke-width: 1; } svg .begin { stroke: var(--soft); stroke-dasharray: 3 3; }
svg .line { fill: none; stroke-width: 2.2; stroke-linejoin: round; } svg .bar { opacity: .85; }
svg .range { stroke: var(--ink); stroke-width: 1.5; } svg .middle { stroke: var(--ink); stroke-width: 5; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; margin: 8px 0; }
.legend li { display: flex; align-items: center; gap: 8px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 4px 0; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: .9rem; } .n { text-align: right; }
.n, .whole { white-space: nowrap; }
code, pre { font: .9rem ui-monospace, monospace; }
pre { background: var(--panel); padding: 10px 12px; border-radius: 8px;
  overflow-x: auto; }
@media (max-width: 600px) { body { padding: 16px 12px 40px; } figure { padding: 8px; }
  table { font-size: .88rem; } td, th { padding-right: 9px; }
  svg text, svg .tick, svg .unit { font-size: 17px; } svg .tick { font-size: 15px; } }
"""
