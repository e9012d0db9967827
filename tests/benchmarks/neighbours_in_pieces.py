"""The descent of `knn_graph` in pieces: its lists lie in files, so that a process that ends anywhere is followed by one that goes on.

The same steps in the same order by the same kernels (`labelnb.compute.descent`), hence the same neighbours: partitions, lists from them,
passes over neighbours of neighbours in blocks of rows, the order of the lists, and a recall measured on a sample.
"""
from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelnb.compute.compiled import descend, reverse_lists, sort_lists
from labelnb.compute.descent import EFFORTS, MOST_PASSES, SETTLED, _partitions
from labelnb.compute.partitions import measured, place_centres
from labelnb.compute.screening import Rows, merge, settle

BUDGET, BLOCK, PARTITIONS = 256 << 20, 20_000, 50
LISTS = ("values", "indices", "fresh")


class Pieces:
    """One search in a folder; `run` does what is left."""

    def __init__(self, x: Path, folder: Path, k: int) -> None:
        self.x, self.folder, self.k = np.load(x, mmap_mode="r", allow_pickle=False), folder, k
        folder.mkdir(exist_ok=True)
        self.note = folder / "state.json"
        fresh = {"piece": "order", "turn": 0, "row": 0, "changes": 0, "cpu": 0.0, "passes": []}
        self.state: dict[str, Any] = json.loads(self.note.read_text()) if self.note.exists() else fresh
        self.spent, self.wide = time.process_time(), min(k + EFFORTS[0].spare, len(self.x) - 1)
        self.width = min(self.wide, max(EFFORTS[0].width, k))

    def say(self, **changes: Any) -> None:
        now = time.process_time()
        self.state |= changes | {"cpu": self.state["cpu"] + now - self.spent}
        self.spent = now
        part = self.note.with_suffix(".part")
        part.write_text(json.dumps(self.state))
        part.replace(self.note)
        if "piece" in changes:
            print(f"{changes['piece']} next, {self.state['cpu']:.0f} CPU s so far", flush=True)

    def run(self) -> dict[str, Any]:
        """Everything that is left; indices.npy and similarities.npy beside the rows are there at the end."""
        while self.state["piece"] != "done":
            getattr(self, self.state["piece"])()
        return {"method": "descent in pieces", "recall": self.state["recall"], "search_cpu": round(self.state["cpu"]),
                "passes": self.state["passes"]}

    def order(self) -> None:
        rows = Rows(self.x, "x", "cosine")
        centres = place_centres(rows)
        first, following = _partitions(rows, centres, EFFORTS[0].partitions, BUDGET)
        order = first.argsort(stable=True)
        made = np.lib.format.open_memmap(self.folder / "rows.npy", mode="w+", dtype=np.float32, shape=self.x.shape)
        for a in range(0, rows.count, BLOCK):
            made[a:a + BLOCK] = rows.block(order[a:a + BLOCK]).numpy()
        np.savez(self.folder / "order.npz", order=order.numpy(), first=first[order].numpy(), count=len(centres),
                 **{f"next{i}": part[order].numpy() for i, part in enumerate(following)})
        self.say(piece="start")

    def start(self) -> None:
        known = np.load(self.folder / "order.npz", allow_pickle=False)
        rows = torch.from_numpy(np.load(self.folder / "rows.npy", mmap_mode="c", allow_pickle=False))
        count, everyone = int(known["count"]), torch.arange(len(rows), dtype=torch.int32)
        asking = []
        for name in ("first", *sorted(name for name in known.files if name.startswith("next"))):
            partition = torch.from_numpy(known[name])
            ends = torch.bincount(partition, minlength=count).cumsum(0).tolist()
            asking.append((partition.argsort(stable=True), [0, *ends]))
        begun = self.state["row"]
        if begun:
            values, indices = (np.load(self.folder / f"{name}-{begun}.npy", allow_pickle=False) for name in LISTS[:2])
        else:
            values = np.full((len(rows), self.wide), -np.inf, np.float32)
            indices = np.full((len(rows), self.wide), -1, np.int32)
        lists = torch.from_numpy(values), torch.from_numpy(indices)
        for c in range(begun, count):
            low, high = asking[0][1][c], asking[0][1][c + 1]
            for which, (order, ends) in enumerate(asking):
                for a in range(ends[c], ends[c + 1] if high > low else ends[c], 4096):
                    at = order[a:min(a + 4096, ends[c + 1])]
                    found = rows[at] @ rows[low:high].T
                    if which == 0:
                        found[torch.arange(len(at)), at - low] = -torch.inf
                    merge(*lists, at, found, everyone[low:high])
            if (c + 1) % PARTITIONS == 0:
                for name, part in zip(LISTS, (values, indices), strict=False):
                    np.save(self.folder / f"{name}-{c + 1}.npy", part)
                self.say(row=c + 1)
                for name in LISTS[:2]:
                    (self.folder / f"{name}-{c + 1 - PARTITIONS}.npy").unlink(missing_ok=True)
        fresh = np.ones(indices.shape, np.uint8)
        sort_lists(0, len(values), values, indices, fresh)
        for name, part in zip(LISTS, (values, indices, fresh), strict=True):
            np.save(self.folder / f"{name}0.npy", part)
        self.say(piece="passes", row=0)

    def passes(self) -> None:
        turn, rows = self.state["turn"], np.load(self.folder / "rows.npy", mmap_mode="c", allow_pickle=False)
        old = [np.load(self.folder / f"{name}{turn}.npy", allow_pickle=False) for name in LISTS]
        after = [self.folder / f"{name}{turn + 1}.npy" for name in LISTS]
        if self.state["row"] == 0:
            for path, part in zip(after, old, strict=True):
                np.lib.format.open_memmap(path, mode="w+", dtype=part.dtype, shape=part.shape)
        new = [np.load(path, mmap_mode="r+", allow_pickle=False) for path in after]
        back, back_fresh = reverse_lists(*old, self.width)
        bias = np.zeros(len(rows), np.float32)
        for a in range(self.state["row"], len(rows), BLOCK):
            end = min(a + BLOCK, len(rows))
            for made, part in zip(new, old, strict=True):
                made[a:end] = part[a:end]
            changes = descend(a, end, rows, bias, self.width, old[1], old[2], back, back_fresh, *new)
            sort_lists(a, end, *new)
            self.say(row=end, changes=self.state["changes"] + int(changes))
        share = self.state["changes"] / old[0].size
        ended = share <= SETTLED or turn + 1 == MOST_PASSES
        for name in LISTS:
            (self.folder / f"{name}{turn}.npy").unlink()
        done = [*self.state["passes"], round(share, 4)]
        self.say(piece="finish" if ended else "passes", turn=turn + 1, row=0, changes=0, passes=done)

    def finish(self) -> None:
        files = [self.folder / f"{name}{self.state['turn']}.npy" for name in LISTS[:2]]
        values, indices = (torch.from_numpy(np.load(path, allow_pickle=False)) for path in files)
        order = torch.from_numpy(np.load(self.folder / "order.npz", allow_pickle=False)["order"])
        near, place = torch.empty_like(values), torch.empty(indices.shape, dtype=torch.int64)
        near[order], place[order] = values, torch.where(indices >= 0, order[indices.clamp_min(0).long()], -1)
        rows = Rows(self.x, "x", "cosine")
        found, similarities = settle(rows, rows, self.k, True, near, place, BUDGET, certain=False)
        recall = measured(rows, rows, self.k, True, similarities, BUDGET)
        home = self.folder.parent
        np.save(home / "similarities.npy", similarities.numpy())
        np.save(home / "indices.npy", found.numpy().astype(np.int32))
        self.say(piece="done", recall=round(recall, 4))
