"""The first widget of a notebook finds its library imported; a script imports none of it."""
from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys, types, threading
{before}
import numpy as np
import labelnb as lnb
s = lnb.Session(np.eye(3), classes=["a", "b"], path={path!r})
for thread in threading.enumerate():
    if thread.name.startswith("labelnb: import"):
        thread.join()
print("anywidget" in sys.modules)
"""


def test_a_kernel_imports_it_on_the_side_and_a_script_does_not(tmp_path):
    for before, expected in (("", "False"), ("sys.modules['ipykernel'] = types.ModuleType('ipykernel')", "True")):
        code = SCRIPT.format(before=before, path=str(tmp_path / f"{expected}.lnb"))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.stdout.split()[-1:] == [expected], done.stdout + done.stderr
