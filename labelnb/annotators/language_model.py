"""A language model on this machine as an annotator: it scores the class names as answers, so that it can name nothing else.

Source: Brown et al. 2020, Language Models are Few-Shot Learners (scoring options by their likelihood, arXiv 2005.14165); Holtzman et al.
2021, Surface Form Competition (domain-conditional PMI, arXiv 2104.08315).
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch

from labelnb.annotators.answers import Answer
from labelnb.checks import positive_int, within

__all__ = ["LanguageModelAnnotator"]

_PROMPT = "Text: {text}\nQuestion: which of these classes does the text belong to: {classes}?\nAnswer:"
_NOTHING = "Answer:"


class LanguageModelAnnotator:
    """Reads texts and answers the class name that the model finds likeliest after the prompt, with the softmax over names as confidence.

    Parameters
    ----------
    model : a causal language model of transformers, or its name or folder (loaded with the safe defaults: no remote code)
    tokenizer : of the model; loaded with it where a name is given
    classes : the K names
    prompt : with `{text}` and `{classes}`. The text is inserted as it is: a hostile text can talk to the model, but the answer stays one
        of the K names and is never run
    score : `mean` log-likelihood of a name's tokens; `sum`, which favours short names; `pmi`, sum less what the name scores without any
        text, which takes away the model's own taste in names
    temperature : of the softmax over the names' scores
    most_tokens : of the text; what is longer is cut at its end
    cost : price of one answer, such as seconds or joules of yours
    """

    reads = "items"

    def __init__(
        self, model: Any, classes: Sequence[str], *, tokenizer: Any = None, prompt: str = _PROMPT,
        score: Literal["mean", "sum", "pmi"] = "pmi", temperature: float = 1.0, most_tokens: int = 512, cost: float = 0.0,
    ) -> None:
        if "{text}" not in prompt:
            raise ValueError(f"prompt: got {prompt!r}, expected a text with {{text}} in it, and {{classes}} where the names shall stand")
        if score not in ("mean", "sum", "pmi"):
            raise ValueError(f"score: got {score!r}, expected 'mean', 'sum' or 'pmi'")
        if isinstance(model, str):
            from labelnb.torchvision_mend import mend_torchvision

            mend_torchvision()                                  # before transformers, whose import may take torchvision along
            from transformers import AutoModelForCausalLM, AutoTokenizer

            tokenizer = tokenizer or AutoTokenizer.from_pretrained(model)
            model = AutoModelForCausalLM.from_pretrained(model)
        if tokenizer is None:
            raise ValueError("tokenizer: none was given; a model that is handed over needs its tokenizer")
        self.classes, self.cost, self.batch_size = tuple(classes), float(cost), 1
        if not self.classes:
            raise ValueError("classes: got none, expected the names that may be answered")
        self._model, self._tokenizer, self._prompt, self._score = model.eval(), tokenizer, prompt, score
        self._temperature = within("temperature", temperature, 0.0, 1e6, open_low=True)
        self._most = positive_int("most_tokens", most_tokens)
        self._options = [self._tokens(" " + name) for name in self.classes]
        if any(not option for option in self._options):
            raise ValueError("classes: a name has no token in this model's vocabulary")
        self._alone = [0.0] * len(self.classes)
        if score == "pmi":
            self._alone = self._likelihoods(self._tokens(_NOTHING) or [self._options[0][0]], "sum")

    def __call__(self, items: Any) -> list[Answer]:
        """One answer for each item, which must be texts: `Items` of texts or a list."""
        texts = [items.text(i) for i in range(len(items))] if hasattr(items, "text") else [str(each) for each in items]
        return [self._answer(text) for text in texts]

    def _answer(self, text: str) -> Answer:
        short = self._tokenizer.decode(self._tokens(text)[: self._most], skip_special_tokens=True)
        # Not str.format: braces in the text or in a name are just braces.
        filled = self._prompt.replace("{classes}", ", ".join(self.classes)).replace("{text}", short)
        scores = self._likelihoods(self._tokens(filled), "mean" if self._score == "mean" else "sum")
        gain = torch.tensor(scores, dtype=torch.float64) - torch.tensor(self._alone, dtype=torch.float64)
        shares = (gain / self._temperature).softmax(0)
        best = int(shares.argmax())
        return Answer(self.classes[best], float(shares[best]))

    def _tokens(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    @torch.no_grad()
    def _likelihoods(self, start: list[int], reduce: str) -> list[float]:
        """Log-likelihood of each name after `start`: all names in one padded batch."""
        longest = max(len(option) for option in self._options)
        device = next(self._model.parameters()).device
        ids = torch.tensor([start + option + [0] * (longest - len(option)) for option in self._options], device=device)
        mask = torch.tensor([[1] * (len(start) + len(o)) + [0] * (longest - len(o)) for o in self._options], device=device)
        logs = self._model(input_ids=ids, attention_mask=mask).logits.double().log_softmax(-1)
        made = []
        for row, option in enumerate(self._options):
            each = [float(logs[row, len(start) + at - 1, token]) for at, token in enumerate(option)]
            made.append(sum(each) / (len(each) if reduce == "mean" else 1))
        return made
