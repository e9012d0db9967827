"""A review of 500 items by keys alone in a real JupyterLab, then its audit: python -m tests.benchmarks.review_by_keys

Prints items a minute, the catch rate, the certificate, the time from key to next item, and how soon 100,000 items are there.
The person is played: it sees 85% of the wrong ones, and presses keys as fast as the page takes them: what is measured is the machine.
"""
from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.browser.chromium import headless_chromium
from tests.browser.jupyter_lab import Lab, NotebookPage, running_server

SESSION = '''
import json
import numpy as np
import labelnb as lnb

items = lnb.datasets.load("glosses")
rng = np.random.default_rng(0)
chosen = rng.choice(len(items), 600, replace=False)
names = list(items.truth_names)
s = lnb.Session(items.take(chosen), classes=names, path={path!r}, who="robot")
truth = np.asarray(items.truth)[chosen]
n, K = len(truth), len(names)
known = rng.choice(n, 100, replace=False)
s.label(known, [names[k] for k in truth[known]])
rest = np.setdiff1d(np.arange(n), known)[:500]
proposed = truth.copy()
wrong = rng.choice(rest, 60, replace=False)
proposed[wrong] = (proposed[wrong] + rng.integers(1, K, len(wrong))) % K
sure = rng.uniform(.5, .95, n)
probabilities = np.tile((1 - sure)[:, None] / (K - 1), (1, K)).astype("f4")
probabilities[np.arange(n), proposed] = sure
p = lnb.Proposal(probabilities, classes=tuple(names), session=s)
'''
REVIEW = 'grid = s.review(p, checks=0.1, only=rest, page_size="auto")\ngrid'
AUDIT = "audit = s.audit(n=60, per_class=3, target=0.9)\nchecks = audit.review(page_size=200)\nchecks"
MANY = '''
import numpy as np
import labelnb as lnb

rng = np.random.default_rng(0)
texts = [f"item number {{i}} of very many" for i in range(100_000)]
s = lnb.Session(texts, classes=[f"class {{k}}" for k in range(10)], path={path!r})
p = lnb.Proposal(rng.dirichlet(np.ones(10), 100_000).astype("f4"), classes=s.classes.names, session=s)
'''
TIMES = """
window.times = [];
window.addEventListener('keydown', () => {
  const start = performance.now();
  const before = document.querySelector('[data-current]');
  const look = () => {
    if (document.querySelector('[data-current]') !== before || performance.now() - start > 500) times.push(performance.now() - start);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}, true);
"""


def page_of(notebook: NotebookPage) -> list[tuple[int, int]]:
    """(shown, true) class of each card on the page."""
    code = "v = grid._at.values(); print(json.dumps([[int(v[i]), int(truth[i])] for i in grid.positions]))"
    return [(shown, true) for shown, true in json.loads(notebook.python(code))]


def review(notebook: NotebookPage, sees: float = 0.85) -> tuple[int, float, int]:
    """Work through all pages by keys; gives items, seconds of pressing, and keys pressed."""
    keys = notebook.page.keyboard
    rng = np.random.default_rng(1)
    items, seconds, pressed = 0, 0.0, 0
    while True:
        cards = page_of(notebook)
        wrong = [n for n, (shown, true) in enumerate(cards) if shown != true and rng.random() < sees]
        start = time.perf_counter()
        keys.press("Home")
        at = 0
        for n in wrong:
            for _ in range(n - at):
                keys.press("ArrowRight")
            key = "123456789qwetyipasdfgjklzcvbm"[cards[n][1]]
            keys.press(key)
            pressed += n - at + 1
            at = min(n + 1, len(cards) - 1)
        number = int(notebook.python("print(grid.page)"))
        keys.press("Enter")
        pressed += 2
        notebook.wait_python(f"print(int(grid._at.reviewed()[grid._listed[grid._pages.span({number})]].sum()))", str(len(cards)))
        seconds += time.perf_counter() - start
        items += len(cards)
        if number + 1 >= int(notebook.python("print(grid.pages)")):
            return items, seconds, pressed
        notebook.wait_python("print(grid.page)", str(number + 1))
        notebook.page.wait_for_timeout(250)


def check(notebook: NotebookPage) -> None:
    """Answer the audit's sample by keys."""
    code = "print(json.dumps([int(truth[i]) for i in checks.positions]))"
    answers = json.loads(notebook.python(code))
    notebook.output(2).locator(".lnb-review-card").first.click()
    for true in answers:
        notebook.page.keyboard.press("123456789qwetyipasdfgjklzcvbm"[true])
    notebook.wait_python("print(int(audit.checked.sum()))", str(len(answers)))


def opening(lab: Lab, path: Path) -> tuple[float, np.ndarray]:
    """Seconds until the first card of 100,000 items stands, and milliseconds from key to next item."""
    with lab.notebook("many", [MANY.format(path=str(path)), "s.review(p)"]) as notebook:
        notebook.run_cell(0, timeout=200)
        start = time.perf_counter()
        notebook.run_cell(1)
        notebook.output(1).locator(".lnb-review-card").first.wait_for()
        seconds = time.perf_counter() - start
        notebook.output(1).locator(".lnb-review-card").first.click()
        notebook.page.evaluate(TIMES)
        for n in range(60):
            notebook.page.keyboard.press("12345"[n % 5] if n % 23 else "Home")
            notebook.page.wait_for_timeout(60)
        return seconds, np.array(notebook.page.evaluate("window.times"))


def main() -> dict[str, Any]:
    """Run it all and print what was found."""
    folder = Path(tempfile.mkdtemp())
    found: dict[str, Any] = {}
    with running_server(folder / "lab") as server, headless_chromium() as browser:
        lab = Lab(server, browser, folder)
        with lab.notebook("review", [SESSION.format(path=str(folder / "glosses.lnb")), REVIEW, AUDIT], height=1400) as notebook:
            notebook.run_cell(0, timeout=200)
            notebook.run_cell(1)
            notebook.output(1).locator(".lnb-review-card").first.click()
            notebook.page.evaluate(TIMES)
            items, seconds, pressed = review(notebook)
            times = np.array(notebook.page.evaluate("window.times"))
            quality = json.loads(notebook.python("print(json.dumps(grid.quality))"))
            really = float(notebook.python("print(float((s.labels.values[rest] == truth[rest]).mean()))"))
            notebook.run_cell(2)
            check(notebook)
            certificate = json.loads(notebook.python("print(json.dumps(audit.summary()))"))
        found = {
            "items": items, "seconds": round(seconds, 1), "items a minute": round(60 * items / seconds), "keys": pressed,
            "key to next item, ms (median, p95)": [round(float(one)) for one in np.percentile(times, [50, 95])],
            "caught": f"{quality['caught']} of {quality['planted']} ({quality['catch_low']:.0%} to {quality['catch_high']:.0%})",
            "labels right, estimated": round(quality["labels_right"], 3), "labels right, really": round(really, 3),
            "certificate": "at least {accuracy_bound:.1%} of {population}, from {correct} of {checked} right, {confidence:.0%} sure; "
                           "more checks for 90%: {more_checks}".format(**certificate),
        }
        seconds, times = opening(lab, folder / "many.lnb")
        found["100,000 items open, s"] = round(seconds, 2)
        found["100,000 items: key to next item, ms (median, p95)"] = [round(float(one)) for one in np.percentile(times, [50, 95])]
    for name, value in found.items():
        print(f"{name}: {value}")
    return found


if __name__ == "__main__":
    main()
