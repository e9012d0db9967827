"""The Explorer beside jupyter-scatter and plotly, in one run.

    python -m tests.benchmarks.scatter_peers [N ...] [library ...] [--turns=3] [--into=scatter_peers.jsonl]

Each in a notebook of its own in a real JupyterLab, taking turns. Measured, for all in the same way:

- first paint: from running the cell until points can be read back from the canvas (2% of its pixels are not the background)
- all drawn: until the picture no longer changes
- frame: milliseconds from one frame of the page to the next while the wheel turns over the map, 20 steps in and 20 out, the 95th
  percentile; plotly's map follows the wheel only where it is told to, and is left out
- lasso: from letting go of the button until Python's observer of the selection is called; median of three
- down: bytes of the websocket's messages, a point; heap: of the page after a collection, with the array buffers, JupyterLab's own included

What is measured goes into a file at once, and a later call measures the rest. Software rendering where there is no GPU: read the ratios.
"""
from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Error as BrowserError

from tests.browser.chromium import headless_chromium
from tests.browser.jupyter_lab import Lab, NotebookPage, running_server

DATA = (
    "import time\nimport numpy as np\nrng = np.random.default_rng(0)\ngroups = np.arange({n}) % 10\n"
    "xy = (rng.normal(size=(10, 2))[groups] * 4 + rng.normal(size=({n}, 2))).astype('f4')\ntold = []\n"
)
START = {
    "labelnb": "import labelnb as lnb\nfrom labelnb.widgets import Explorer\n"
               "s = lnb.Session(xy, classes=[f'c{{k}}' for k in range(10)], path={path!r})\ns.labels.n_known",
    "jupyter-scatter": "import jscatter, pandas as pd\nframe = pd.DataFrame(dict(x=xy[:, 0], y=xy[:, 1], g=pd.Categorical(groups)))",
    "plotly": "import plotly.graph_objects as go",
}
SHOW = {
    "labelnb": "w = Explorer(s, xy, columns={'group': groups}, color='group')\n"
               "w.observe(lambda change: told.append((time.time(), len(w.selection))), 'selection')\nw",
    "jupyter-scatter": "w = jscatter.Scatter(data=frame, x='x', y='y', color_by='g', height=480, mouse_mode='lasso')\n"
                       "w.widget.observe(lambda change: told.append((time.time(), len(change['new']))), 'selection')\nw.show()",
    "plotly": "w = go.FigureWidget(go.Scattergl(x=xy[:, 0], y=xy[:, 1], mode='markers', marker=dict(color=groups, size=3)),"
              " layout=dict(dragmode='lasso', height=480))\n"
              "w.data[0].on_selection(lambda trace, points, way: told.append((time.time(), len(points.point_inds))))\nw",
}
SURFACE = {"labelnb": ".lnb-map-surface", "jupyter-scatter": "canvas", "plotly": ".nsewdrag"}
"""What the lasso is drawn on."""
WATCH = """
const getContext = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, options) {
    return getContext.call(this, kind, kind.includes("webgl") ? { ...options, preserveDrawingBuffer: true } : options);
};
window.now = () => performance.timeOrigin + performance.now();
addEventListener("pointerup", () => { window.letGo = now(); }, true);
window.watch = () => {
    Object.assign(window, { began: now(), painted: 0, changed: 0, last: "" });
    const copy = document.createElement("canvas");
    copy.width = 160; copy.height = 80;
    const context = getContext.call(copy, "2d", { willReadFrequently: true });
    const look = () => {
        const cell = document.querySelectorAll(".jp-Notebook .jp-Cell")[1];
        context.clearRect(0, 0, 160, 80);
        for (const canvas of cell.querySelectorAll(".jp-OutputArea-output canvas")) {
            if (canvas.width > 100 && canvas.height > 100) context.drawImage(canvas, 0, 0, 160, 80);
        }
        const pixels = new Uint32Array(context.getImageData(0, 0, 160, 80).data.buffer);
        let others = 0, sum = 0;
        for (const pixel of pixels) { if (pixel !== pixels[0]) others++; sum = (sum * 31 + pixel) | 0; }
        if (others > pixels.length * .02) {
            window.painted ||= now();
            if (sum !== window.last) { window.last = sum; window.changed = now(); }
        }
        window.looking = setTimeout(look, 25);
    };
    look();
};
"""


FIELDS = ("first", "drawn", "frame", "lasso", "selected", "a_point", "heap")
"""Of one notebook: two times in seconds, one in milliseconds, one in seconds, a number of points, bytes a point, megabytes."""
FRAMES = """window.gaps = []; window.rolling = true; let last = 0;
const frame = (at) => { if (last) gaps.push(at - last); last = at; if (window.rolling) requestAnimationFrame(frame); };
requestAnimationFrame(frame);"""


def measure(lab: Lab, name: str, n: int, folder: Path, turn: int, row: dict[str, Any]) -> None:
    """One library on `n` points, in a notebook of its own; into `row` as it becomes known."""
    path = str(folder / f"{name}-{n}-{turn}.lnb")
    cells = [DATA.format(n=n) + START[name].format(path=path), SHOW[name]]
    with lab.notebook(f"{name}-{n}-{turn}", cells, height=1000) as notebook:
        page = notebook.page
        page.evaluate(WATCH)
        notebook.run_cell(0, timeout=200)
        received: list[int] = []
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.webSocketFrameReceived", lambda event: received.append(_bytes(event["response"])))
        page.evaluate("watch()")
        notebook.run_cell(1, timeout=120)
        page.wait_for_function("window.painted > 0 && now() - window.changed > 1500", timeout=120_000, polling=200)
        first, drawn = page.evaluate("[(painted - began) / 1000, (changed - began) / 1000]")
        page.evaluate("clearTimeout(looking)")
        down = sum(received)
        notebook.screenshot(f"peers-{name}-{n}.png")
        session.send("HeapProfiler.collectGarbage")
        used = session.send("Runtime.getHeapUsage")
        heap = used["usedSize"] + used.get("backingStorageSize", 0)
        row |= {"first": first, "drawn": drawn, "a_point": down / n, "heap": heap / 1e6, "lasso": math.nan, "selected": math.nan}
        row["frame"] = math.nan if name == "plotly" else _frames(notebook, SURFACE[name])
        print(json.dumps(row), file=sys.stderr, flush=True)
        for row["lasso"], row["selected"] in _lassos(notebook, SURFACE[name]):
            pass


def _bytes(frame: dict[str, Any]) -> int:
    """Length of a websocket frame; binary ones come as base64."""
    data = str(frame["payloadData"])
    return len(data) * 3 // 4 if frame["opcode"] == 2 else len(data.encode())


def _frames(notebook: NotebookPage, surface: str) -> float:
    """95th percentile of the milliseconds from frame to frame while a hand zooms in and out again."""
    page = notebook.page
    box = notebook.output(1).locator(surface).first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(1_000)
    page.evaluate(f"() => {{ {FRAMES} }}")
    for step in range(40):
        page.mouse.wheel(0, -60 if step < 20 else 60)
        page.wait_for_timeout(25)
    gaps = page.evaluate("() => { window.rolling = false; return gaps; }")
    page.wait_for_timeout(1_000)
    notebook.python("told.clear()")
    return float(np.percentile(gaps, 95))


def _lassos(notebook: NotebookPage, surface: str) -> Iterator[tuple[float, float]]:
    """Median seconds to Python, and points selected, after each of three lassos; ends where one does not arrive."""
    page = notebook.page
    box = notebook.output(1).locator(surface).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seconds: list[float] = []
    for k in range(3):
        r = min(box["width"], box["height"]) * (.3 + .04 * k)
        page.mouse.move(x + r, y)
        page.mouse.down()
        for step in range(1, 25):
            page.mouse.move(x + r * math.cos(step * math.pi / 12.5), y + r * math.sin(step * math.pi / 12.5))
        page.mouse.up()
        end = time.monotonic() + 20
        while not (told := json.loads(notebook.python("import json; print(json.dumps(told[-1:])); told.clear()"))):
            if time.monotonic() > end:
                return
            page.wait_for_timeout(250)
        seconds.append(told[0][0] - page.evaluate("letGo") / 1000)
        yield float(np.median(seconds)), told[0][1]
        page.wait_for_timeout(500)


def main(sizes: list[int], names: list[str], turns: int, into: Path) -> None:
    """Measure what `into` (JSON lines) does not hold yet, then print a table in Markdown: of each number the median over the turns."""
    folder = Path(tempfile.mkdtemp())
    done = [json.loads(line) for line in into.read_text().splitlines()] if into.exists() else []
    wanted = [(n, turn, name) for n in sizes for turn in range(turns) for name in names]
    missing = [key for key in wanted if not any((one["n"], one["turn"], one["name"]) == key for one in done)]
    with running_server(folder / "lab") as server, headless_chromium() as browser:
        lab = Lab(server, browser, into.parent / "pictures")
        for n, turn, name in missing:
            row: dict[str, Any] = {"n": n, "turn": turn, "name": name}
            try:
                measure(lab, name, n, folder, turn, row)
            except (AssertionError, BrowserError) as error:         # a peer that fails is a finding, not the end
                row["failed"] = str(error)[:300]
            done.append(row)
            with into.open("a") as file:
                file.write(json.dumps(row) + "\n")
    print("| N | library | first paint, s | all drawn, s | frame, ms | lasso to Python, s | selected | bytes a point | heap, MB | turns |\n"
          "|---|---|---|---|---|---|---|---|---|---|")
    for n in sizes:
        for name in names:
            own = [one for one in done if (one["n"], one["name"]) == (n, name) and "first" in one]
            found = [[one.get(field, math.nan) for field in FIELDS] for one in own]
            if found:
                first, drawn, frame, lasso, selected, a_point, heap = np.nanmedian(np.array(found, float), axis=0)
                print(f"| {n:,} | {name} | {first:.2f} | {drawn:.2f} | {frame:.0f} | {lasso:.3f} | {selected:,.0f} | "
                      f"{a_point:.1f} | {heap:.0f} | {len(found)} |")


if __name__ == "__main__":
    words = sys.argv[1:]
    asked = {word.partition("=")[0]: word.partition("=")[2] for word in words if word.startswith("--")}
    sizes = [int(word) for word in words if word.isdigit()] or [10_000, 100_000, 1_000_000]
    into = Path(asked.get("--into", "scatter_peers.jsonl"))
    main(sizes, [word for word in words if word in SHOW] or list(SHOW), int(asked.get("--turns", 3)), into)
