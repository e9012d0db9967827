"""The command line: `labelnb demo`, `labelnb lab`, `labelnb catalog`, `labelnb sessions`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 where it worked, 1 where it did not, 2 for unusable arguments."""
    parser = argparse.ArgumentParser(prog="labelnb", description="From an unlabelled collection to labels you can trust.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="run the whole job headless on real data, print a table and write a report")
    demo.add_argument("--data", default="emoji", help="name of a data set (default: %(default)s, which needs no network)")
    demo.add_argument("--folder", type=Path, help="folder that holds the data set's files already")
    demo.add_argument("--out", type=Path, default=Path("demo-report"), help="where report, session and export go (default: %(default)s)")
    demo.add_argument("--per-class", type=int, default=5, help="labels a class that a simulated person gives (default: %(default)s)")
    demo.add_argument("--limit", type=int, help="only so many items, drawn at random")
    demo.add_argument("--seed", type=int, default=0, help="seed of every draw (default: %(default)s)")
    demo.add_argument("--encoder", help="name of an encoder; chosen by default")
    demo.set_defaults(run=_demo)
    lab = commands.add_parser("lab", help="open JupyterLab on the quickstart notebook")
    lab.add_argument("--to", type=Path, default=Path("labelnb-notebooks"), help="folder the notebooks are copied to (default: %(default)s)")
    lab.set_defaults(run=_lab)
    catalog = commands.add_parser("catalog", help="print the table of methods")
    catalog.add_argument("--family", help="only this family")
    catalog.add_argument("--markdown", action="store_true", help="as a Markdown table")
    catalog.set_defaults(run=_catalog)
    sessions = commands.add_parser("sessions", help="list the sessions on this machine")
    sessions.add_argument("--trim", type=float, metavar="GB", help="cut each cache to so many GB; no label is touched")
    sessions.set_defaults(run=_sessions)
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.run(chosen) or 0)
    except (ValueError, OSError, KeyError, ImportError) as error:
        print(f"labelnb: {error.args[0] if isinstance(error, KeyError) and error.args else error}", file=sys.stderr)
        return 1


def _demo(chosen: argparse.Namespace) -> int:
    from labelnb import __version__, datasets
    from labelnb.demo import peak_memory_gib, run_demo, table_text, write_report

    start = time.perf_counter()
    items = datasets.load(chosen.data, **({"folder": chosen.folder} if chosen.folder else {}))
    if chosen.limit and chosen.limit < len(items):
        import numpy as np

        items = items[np.sort(np.random.default_rng(chosen.seed).choice(len(items), chosen.limit, replace=False))]
    print(
        f"labelnb {__version__}: {len(items)} {items.modality} items of {chosen.data!r}, {len(items.truth_names)} classes, no labels",
        flush=True,
    )
    steps = run_demo(items, chosen.out, per_class=chosen.per_class, seed=chosen.seed, encoder=chosen.encoder)
    seconds = time.perf_counter() - start
    facts = {
        "data": f"{chosen.data}, {len(items)} items, {len(items.truth_names)} classes",
        "labels a class": chosen.per_class,
        "seed": chosen.seed,
        "labelnb": __version__,
        "seconds": round(seconds, 1),
        "peak memory, GiB": round(peak_memory_gib(), 2),
    }
    page = write_report(chosen.out, steps, f"labelnb on {chosen.data}", facts)
    print(f"\n{table_text(steps)}\n\n{seconds:.0f} s in all, peak memory {facts['peak memory, GiB']} GiB; report in {page}")
    return 0


def _lab(chosen: argparse.Namespace) -> int:
    import shutil
    import subprocess

    source = _notebooks()
    chosen.to.mkdir(parents=True, exist_ok=True)
    for notebook in sorted(source.glob("*.ipynb")):
        if not (chosen.to / notebook.name).exists():  # what a person has changed stays theirs
            shutil.copy(notebook, chosen.to / notebook.name)
    return subprocess.call([sys.executable, "-m", "jupyterlab", str(chosen.to / "00_quickstart.ipynb")])


def _notebooks() -> Path:
    here = Path(__file__).parent
    for folder in (here / "notebooks", here.parent / "notebooks"):
        if (folder / "00_quickstart.ipynb").exists():
            return folder
    raise FileNotFoundError(
        "the tutorial notebooks are not part of this installation; install labelnb again, or take them from its repository"
    )


def _catalog(chosen: argparse.Namespace) -> int:
    from labelnb.catalog import catalog

    table = catalog(chosen.family)
    print(table.to_markdown() if chosen.markdown else repr(table))
    return 0


def _sessions(chosen: argparse.Namespace) -> int:
    from labelnb.places import sessions

    found = sessions()
    for info in found:
        freed = ""
        if chosen.trim is not None:
            from labelnb.store import Store

            freed = f"  {Store(info.path / 'cache').trim(round(chosen.trim * 1e9)) / 1e9:.2f} GB of cache freed"
        print(f"{info.changed}  {info.labels:>7} of {info.items} labelled  {info.path}{freed}")
    if not found:
        print("no sessions on this machine yet")
    return 0


if __name__ == "__main__":
    sys.exit(main())
