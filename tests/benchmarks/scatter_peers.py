"""The Explorer beside jupyter-scatter and plotly, in one run: python -m tests.benchmarks.scatter_peers [N ...]

Each in a notebook of its own in a real JupyterLab, taking turns: seconds from running the cell until points are seen, megabytes that came
down, and megabytes of browser heap. Software rendering where there is no GPU: read the ratios.
"""
from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.browser.chromium import headless_chromium, is_blank
from tests.browser.jupyter_lab import Lab, running_server

DATA = (
    "import numpy as np\nrng = np.random.default_rng(0)\ngroups = np.arange({n}) % 10\n"
    "xy = (rng.normal(size=(10, 2))[groups] * 4 + rng.normal(size=({n}, 2))).astype('f4')\n"
)
START = {
    "labelnb": "import labelnb as lnb\nfrom labelnb.widgets import Explorer\n"
               "s = lnb.Session(xy, classes=[f'c{{k}}' for k in range(10)], path={path!r})\n"
               "s.label(slice(None), [f'c{{k}}' for k in groups])",
    "jupyter-scatter": "import jscatter, pandas as pd\nframe = pd.DataFrame(dict(x=xy[:, 0], y=xy[:, 1], g=pd.Categorical(groups)))",
    "plotly": "import plotly.graph_objects as go",
}
SHOW = {
    "labelnb": "Explorer(s, xy)",
    "jupyter-scatter": "jscatter.Scatter(data=frame, x='x', y='y', color_by='g', height=480).show()",
    "plotly": "go.FigureWidget(go.Scattergl(x=xy[:, 0], y=xy[:, 1], mode='markers', marker=dict(color=groups, size=3)))",
}


def measure(lab: Lab, name: str, n: int, folder: Path, turn: int) -> tuple[float, float, float]:
    """Seconds to first paint, MB down, MB of heap."""
    path = str(folder / f"{name}-{n}-{turn}.lnb")
    cells = [DATA.format(n=n) + START[name].format(path=path), SHOW[name]]
    with lab.notebook(f"{name}-{n}-{turn}", cells, height=1000) as notebook:
        notebook.run_cell(0, timeout=200)
        received: list[int] = []
        session = notebook.page.context.new_cdp_session(notebook.page)
        session.send("Network.enable")
        session.send("Performance.enable")
        session.on("Network.webSocketFrameReceived", lambda event: received.append(len(event["response"]["payloadData"]) * 3 // 4))
        start = time.perf_counter()
        notebook.run_cell(1, timeout=120)
        canvas = notebook.output(1).locator("canvas").first
        canvas.wait_for(state="attached", timeout=120_000)
        while is_blank(notebook.output(1).screenshot(), colours=60):
            notebook.page.wait_for_timeout(30)
        seconds = time.perf_counter() - start
        heap = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}["JSHeapUsedSize"]
    return seconds, sum(received) / 1e6, heap / 1e6


def main(sizes: list[int], turns: int = 2) -> dict[Any, np.ndarray]:
    """Measure, and print a table in Markdown."""
    folder = Path(tempfile.mkdtemp())
    found: dict[Any, list[tuple[float, float, float]]] = {}
    with running_server(folder / "lab") as server, headless_chromium() as browser:
        lab = Lab(server, browser, folder)
        for n in sizes:
            for turn in range(turns if n < 1_000_000 else 1):
                for name in SHOW:
                    try:
                        found.setdefault((n, name), []).append(measure(lab, name, n, folder, turn))
                    except AssertionError as error:                 # a peer that fails is a finding, not the end
                        print(f"{name} at {n:,}: {str(error)[:200]}", flush=True)
    print("| N | library | first paint, s | MB down | heap, MB |\n|---|---|---|---|---|")
    medians = {key: np.median(values, axis=0) for key, values in found.items()}
    for (n, name), (seconds, down, heap) in medians.items():
        print(f"| {n:,} | {name} | {seconds:.2f} | {down:.1f} | {heap:.0f} |")
    return medians


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [10_000, 100_000])
