"""Zero-shot classification: the class whose name or prompts lie nearest in the space of an image-text encoder.

Source: Radford et al. 2021, Learning Transferable Visual Models From Natural Language Supervision, section 3.1 (arXiv 2103.00020).
Reference code: https://github.com/mlfoundations/open_clip (build_zero_shot_classifier)
"""
from __future__ import annotations

from typing import Annotated

import torch

from labelnb.checks import Range, class_rows, unit_rows, within
from labelnb.results import Proposal

WIDGET = "review"
CATALOGUE = 44


def clip(
    embeddings: torch.Tensor,
    class_embeddings: torch.Tensor,
    *,
    temperature: Annotated[float, Range(0.001, 1.0)] = 0.01,
) -> Proposal:
    """Propose for every item the class nearest in angle.

    Parameters
    ----------
    embeddings : (N, D) vectors of the items; brought to length 1
    class_embeddings : (K, D) one vector a class, or (K, P, D) one a prompt, from the same encoder. The P prompts of a class are
        brought to length 1, averaged, and brought to length 1 again; rows of NaN pad classes with fewer prompts
    temperature : the softmax is over cosines / temperature; smaller is more certain. 0.01 is what CLIP was trained to; other encoders
        have their own

    Returns
    -------
    Proposal with `evidence["scores"]` (N, K), the cosines to the classes; for prompts also `evidence["prompt_scores"]` (N, K, P), the
    cosines to each prompt (NaN at padding), where they are at most 50 million numbers.

    Raises
    ------
    ValueError
        If shapes do not fit, or a vector is zero or holds NaN: it is named.

    Notes
    -----
    Linear in N. No label is used: where some are known, or the items form groups, `propagation.zlap` does better.
    """
    within("temperature", temperature, 0.001, 1.0)
    x = unit_rows(embeddings)                                   # (N, D)
    classes = class_rows(class_embeddings, x)                   # (K, D)
    scores = x @ classes.T                                      # (N, K) cosines
    evidence = {"scores": scores}
    prompts = torch.as_tensor(class_embeddings)
    if prompts.ndim == 3 and len(x) * prompts.shape[0] * prompts.shape[1] <= _MOST_PROMPT_SCORES:
        units = torch.nn.functional.normalize(prompts.to(x), dim=2)         # (K, P, D); NaN rows stay NaN
        evidence["prompt_scores"] = torch.einsum("nd,kpd->nkp", x, units)
    return Proposal.from_scores(scores, temperature=temperature, evidence=evidence)


_MOST_PROMPT_SCORES = 50_000_000
