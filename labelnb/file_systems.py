"""What kind of file system a path lies on, where that decides how it may be written to."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["file_system", "is_shared"]

_MOUNTS = Path("/proc/self/mountinfo")
_SHARED = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "ncpfs", "9p", "virtiofs"),
        *("ceph", "lustre", "gpfs", "beegfs", "glusterfs", "davfs", "fuse.sshfs", "fuse.glusterfs", "fuse.cephfs"),
        *("fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.blobfuse", "fuse.davfs"),
    )
)


def file_system(path: Path) -> str:
    """The type of the file system that `path` (which need not exist) lies on, such as `nfs4`; empty where the system does not say."""
    try:
        lines = _MOUNTS.read_text(encoding="utf8", errors="replace").splitlines()
    except OSError:
        return ""
    where, found, length = path.resolve(), "", -1
    for line in lines:
        before, separator, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if not separator or len(fields) < 5 or not kinds:
            continue
        mounted = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        # Of two on the same place the later one hides the earlier.
        if len(mounted.parts) >= length and (where == mounted or mounted in where.parents):
            found, length = kinds[0], len(mounted.parts)
    return found


def is_shared(path: Path) -> bool:
    """Whether `path` lies on a file system that other machines may write to at the same time. Known on Linux only; elsewhere False."""
    return file_system(path) in _SHARED
