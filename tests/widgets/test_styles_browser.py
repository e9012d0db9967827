"""Widgets of several kinds stand in one notebook: what one brings of style changes nothing of another, above it or below."""
from __future__ import annotations

from typing import Any

import pytest

from tests.widgets.test_accessibility_browser import WIDGETS

pytestmark = pytest.mark.browser
STYLE = "() => document.querySelector('.lnb style').textContent"
LOOK = """() => [...document.querySelectorAll('.lnb, .lnb *')].map((e) => {
    const { x, y, width, height } = e.getBoundingClientRect(), s = getComputedStyle(e);
    const look = [s.color, s.backgroundColor, s.font, s.padding];
    return [e.className.baseVal ?? e.className, [x, y, width, height].map(Math.round).join(' '), ...look].join(' | ');
})"""
ADD = """([text, first]) => { const style = document.createElement('style'); style.textContent = text;
    if (first) document.body.prepend(style); else document.body.append(style); }"""


def test_no_widget_changes_another(mount: Any) -> None:
    shown = {name: mount(made(), theme="dark") for name, made in WIDGETS.items()}
    styles = {name: one.page.evaluate(STYLE) for name, one in shown.items()}
    assert len(set(styles.values())) > 4
    for name, one in shown.items():
        one.settle()
        before = one.page.evaluate(LOOK)
        for first in (False, True):
            for other, style in styles.items():
                if style != styles[name]:
                    one.page.evaluate(ADD, [style, first])
                    after = one.page.evaluate(LOOK)
                    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
                    assert not changed, f"{other} changes {name}: {changed[:3]}"
