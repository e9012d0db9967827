"""Says what was installed, and fails where torch and torchvision cannot be used together."""
from __future__ import annotations

import platform
import sys

import labelnb
from labelnb.torchvision_mend import mend_torchvision


def main() -> int:
    """Import torch and torchvision once, as the encoders will."""
    mended = mend_torchvision()
    import torch
    import torchvision

    device = "CUDA" if torch.cuda.is_available() else "CPU"
    note = " (its compiled operators do not fit this torch: declared in their place, see labelnb/torchvision_mend.py)" if mended else ""
    print(f"labelnb {labelnb.__version__}, Python {platform.python_version()}, torch {torch.__version__} on {device}, ", end="")
    print(f"torchvision {torchvision.__version__}{note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
