"""The command line: `labelnb demo`, `labelnb lab`, `labelnb catalog`, `labelnb sessions`, `labelnb bench`."""

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
    bench = commands.add_parser("bench", help="measure the kernels beside their peers on this machine, and print the table")
    bench.add_argument("kernels", nargs="*", metavar="KERNEL", help="which; all of them by default")
    bench.add_argument("--n", type=int, help="items, instead of each kernel's own number")
    bench.add_argument("--full", action="store_true", help="the large numbers of items: minutes a kernel")
    bench.add_argument("--repeats", type=int, default=3, help="rounds; seconds are medians (default: %(default)s)")
    bench.add_argument("--threads", type=int, help="threads of torch and of the peers that take a number")
    bench.add_argument("--alone", action="store_true", help="without the peers")
    bench.add_argument("--markdown", type=Path, metavar="FILE", help="append the table, with date and machine, to this file")
    bench.set_defaults(run=_bench)
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


def _bench(chosen: argparse.Namespace) -> int:
    import torch

    from labelnb import bench

    if chosen.threads is not None:
        if chosen.threads < 1:
            raise ValueError(f"threads: got {chosen.threads}, expected 1 or more")
        torch.set_num_threads(chosen.threads)
    unknown = [name for name in chosen.kernels if name not in bench.KERNELS]
    if unknown:
        raise ValueError(f"kernel: got {unknown[0]!r}, expected one of {', '.join(bench.KERNELS)}")
    print(bench.machine(), flush=True)
    for name in chosen.kernels or bench.KERNELS:
        lines, case = bench.compare(name, chosen.n, repeats=chosen.repeats, full=chosen.full, peers=not chosen.alone)
        left_out = f"\n  left out, as not installed: {', '.join(case.missing)}" if case.missing else ""
        print(f"\n{bench.table(lines)}{left_out}", flush=True)
        if chosen.markdown is not None:
            with chosen.markdown.open("a", encoding="utf8") as file:
                file.write(bench.markdown(lines) + "\n")
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
