"""Sparse matrices made ready for many products: in another order of the nodes, and as torch takes them."""
from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse
import torch

__all__ = ["reordered", "sparse_tensor"]


def reordered(s: scipy.sparse.csr_array, order: np.ndarray) -> scipy.sparse.csr_array:
    """Rows and columns in that order; within a row the entries stay as they come, which a product does not mind."""
    place = np.empty(len(order), s.indices.dtype)
    place[order] = np.arange(len(order), dtype=place.dtype)
    rows = s[order]
    return scipy.sparse.csr_array((rows.data, place[rows.indices], rows.indptr), shape=s.shape)


def sparse_tensor(csr: scipy.sparse.csr_array, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A scipy matrix as a torch CSR tensor; on a CPU with indices of 32 bits where they suffice: a product has less to read."""
    narrow = device.type == "cpu" and max(csr.nnz, *csr.shape) < 1 << 31
    indptr, indices = (torch.from_numpy(part.astype(np.int32 if narrow else np.int64)) for part in (csr.indptr, csr.indices))
    data = torch.from_numpy(csr.data.copy()).to(dtype)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        return torch.sparse_csr_tensor(indptr.to(device), indices.to(device), data.to(device), csr.shape, check_invariants=False)
