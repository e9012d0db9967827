"""Put the table of methods into the README: python scripts/readme_table.py"""

import re
from pathlib import Path

import labelnb

README = Path(__file__).parents[1] / "README.md"

text = README.read_text(encoding="utf8")
table = labelnb.catalog().to_markdown()
README.write_text(
    re.sub(r"(<!-- catalogue -->\n).*?(<!-- /catalogue -->)", lambda m: f"{m[1]}{table}\n{m[2]}", text, flags=re.S), encoding="utf8"
)
