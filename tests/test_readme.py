"""The README says what is so."""

import re
from pathlib import Path

import labelnb as lnb

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf8")


def test_the_method_table_is_the_catalogue():
    table = re.search(r"<!-- catalogue -->\n(.*?)\n?<!-- /catalogue -->", README, re.S).group(1)
    assert table == lnb.catalog().to_markdown(), "run: python scripts/readme_table.py"


def test_pictures_and_links_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (Path(__file__).parents[1] / target).exists(), target


def test_every_name_in_the_ten_lines_exists():
    lines = re.search(r"```python\n(import labelnb.*?)```", README, re.S).group(1)
    session = set(dir(lnb.Session)) | set(lnb.methods.families())
    for name in re.findall(r"\bs\.(\w+)", lines):
        assert name in session, name
    for family, method in re.findall(r"\bs\.(\w+)\.(\w+)\(", lines):
        if family in lnb.methods.families():
            assert method in {m.name for m in lnb.catalog(family)}
