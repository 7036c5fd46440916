"""The style sheet of the page."""

STYLE = """
:root {
  color-scheme: light dark;
  --text: #1b1f24; --quiet: #59636e; --back: #fff; --raised: #f4f6f8; --line: #d5dae0;
  --best: #0a6b2f; --second: #b3261e; --mark: #fff4d6; --link: #0b5cad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e9ed; --quiet: #9da7b3; --back: #14181d; --raised: #1d232a; --line: #38414b;
    --best: #5fd58a; --second: #ff8a80; --mark: #3a3117; --link: #7cb8ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 70rem;
  background: var(--back); color: var(--text);
  font: 1rem/1.5 model-ui, sans-serif;
}
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p, li { max-width: 46rem; }
ul { margin: .4rem 0; padding-left: 1.1rem; color: var(--quiet); font-size: .85rem; }
a { color: var(--link); }
nav a { margin-right: .9rem; white-space: nowrap; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .45rem; text-align: right; white-space: nowrap; vertical-align: top; }
thead th { white-space: normal; vertical-align: bottom; border-bottom: 1px solid var(--text); }
th:first-child {
  position: sticky; left: 0; max-width: 13rem;
  background: var(--back); text-align: left; white-space: normal;
}
tbody th { font-weight: normal; }
tbody tr { border-bottom: 1px solid var(--line); }
small { color: var(--quiet); font-size: .72rem; }
td small, th small { display: block; }
.best { color: var(--best); font-weight: 700; }
.second { color: var(--second); font-weight: 700; font-style: italic; }
.published { background: var(--mark); padding: .2rem .8rem .5rem; border-radius: .3rem; }
.published th:first-child { background: var(--mark); }
.picture { margin: .7rem 0; background: #fff; border: 1px solid var(--line); border-radius: .3rem; }
.picture img { display: block; height: auto; max-width: 100%; margin: 0 auto; }
@media (max-width: 40rem) { th:first-child { max-width: 8rem; } }
details { margin: .6rem 0; }
summary { cursor: pointer; font-weight: 600; }
"""
