"""From a session's items to its embeddings: the encoder is chosen, the work cached, and the same found again when reopened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from labelnb.results import Embeddings

if TYPE_CHECKING:
    from labelnb.session import Session

__all__ = ["embed", "reopen", "class_embeddings", "text_encoder", "projection", "projection_key"]


def embed(session: Session, encoder: Any, *, class_vectors: Any = None, batch_size: int | None = None, progress: bool = True) -> Embeddings:
    """Embeddings of the session's items by `encoder`: a name, an Encoder, an (N, D) array, or None to choose one."""
    if encoder is None and session.items.vectors is not None:
        encoder = session.items.vectors
    if encoder is None and session.items.modality == "row":
        from labelnb.encoders.table import table_vectors

        encoder = table_vectors(session.items)
    if encoder is None and session.items.modality == "node":
        from labelnb.encoders.graph_nodes import node_vectors

        encoder = node_vectors(session.ingredients.get("graph"))
    if isinstance(encoder, np.ndarray) or hasattr(encoder, "__array__") or isinstance(encoder, list):
        return _adopt(session, encoder, class_vectors)
    from labelnb import encoders

    chosen = (
        encoders.choose(session.items.modality, with_text=True, device=session.device)
        if encoder is None
        else encoders.get(encoder, device=session.device)
    )
    if encoder is None:
        session.say(f"encoder: {chosen.name}; {getattr(chosen, 'why', 'as asked')}")
    outcome = encoders.embed(
        session.items, chosen, store=session.folder.store, device=session.device, batch_size=batch_size, progress=progress
    )
    vectors = outcome.vectors
    if outcome.failed:
        session.set_aside(outcome.failed)
        kept = np.ones(len(vectors), bool)
        kept[[position for position, _ in outcome.failed]] = False
        vectors = vectors[kept]
    made = Embeddings(
        vectors, encoder=chosen.name, temperature=chosen.temperature if "text" in chosen.modalities else None, session=session
    )
    session.encoder = chosen
    _remember(session, made, {"encoder": chosen.name})
    return made


def _adopt(session: Session, array: Any, class_vectors: Any) -> Embeddings:
    from labelnb.checks import class_rows, unit_rows

    vectors = unit_rows(array, keep_double=False)
    if len(vectors) != len(session.items):
        raise ValueError(
            f"embeddings: got {len(vectors)} rows for {len(session.items)} items; expected one row an item, in the items' order"
        )
    classes = None if class_vectors is None else class_rows(class_vectors, vectors).numpy()
    if classes is not None and len(classes) != len(session.classes):
        raise ValueError(
            f"class_embeddings: got {len(classes)} rows for {len(session.classes)} classes; expected one row a class, in the classes' order"
        )
    made = Embeddings(vectors.cpu().numpy(), class_embeddings=classes, session=session)
    session.encoder = None
    _remember(session, made, {"encoder": None})
    return made


def _remember(session: Session, made: Embeddings, about: dict[str, Any]) -> None:
    store = session.folder.store
    arrays = {"vectors": made.vectors}
    if made.class_embeddings is not None:
        arrays["class_embeddings"] = made.class_embeddings
    key = store.key("session embeddings", items=session.items.fingerprint, vectors=made.vectors, classes=made.class_embeddings)
    if store.get(key) is None:
        store.put(key, arrays, {"encoder": made.encoder, "temperature": made.temperature})
    session.folder.remember(
        embeddings={"key": key, **about, "name": made.encoder, "temperature": made.temperature, "items": session.items.fingerprint}
    )


def reopen(session: Session) -> Embeddings | None:
    """The embeddings that the session had when it was last used; None where it had none, or its items have changed."""
    about = session.folder.about.get("embeddings")
    if not about or about["items"] != session.items.fingerprint:
        return None
    arrays = session.folder.store.get(about["key"])
    if arrays is None:
        return None
    return Embeddings(
        arrays["vectors"],
        encoder=about["name"],
        temperature=about["temperature"],
        class_embeddings=arrays.get("class_embeddings"),
        session=session,
    )


def class_embeddings(session: Session) -> np.ndarray | None:
    """(K, P, D) vectors of the classes' prompts in the space of the embeddings; None where there is no text side or no class."""
    made = session.embeddings
    if made.class_embeddings is not None and len(made.class_embeddings) == len(session.classes):
        return made.class_embeddings
    encoder = text_encoder(session)
    if encoder is None or not len(session.classes):
        return None
    from labelnb import encoders
    from labelnb.store import fingerprint

    basis = fingerprint([encoder.fingerprint, session.classes.to_dict()])
    return session.ingredients.keep("class_embeddings", basis, lambda: encoders.embed_classes(session.classes, encoder))


def text_encoder(session: Session) -> Any:
    """The session's encoder where it reads text; loaded again after reopening."""
    if session.encoder is None:
        name = (session.folder.about.get("embeddings") or {}).get("encoder")
        if name is None:
            return None
        from labelnb import encoders

        session.encoder = encoders.get(name, device=session.device)
    return session.encoder if "text" in session.encoder.modalities else None


def projection(session: Session, method: Literal["umap", "pca"], *, progress: bool = True) -> np.ndarray:
    """(N, 2) float32 positions on the map, cached."""
    from labelnb.compute import project

    vectors = session.embeddings.vectors
    store = session.folder.store
    key = projection_key(session, method)
    kept = store.get(key)
    if kept is None:
        xy = project(session.on_device(vectors), method=method, seed=session.seed, progress=progress).xy
        kept = {"xy": np.asarray(xy.detach().cpu() if hasattr(xy, "detach") else xy, np.float32)}
        store.put(key, kept)
    return kept["xy"]


def projection_key(session: Session, method: Literal["umap", "pca"]) -> str:
    """The cache key of `projection`."""
    return session.folder.store.key("projection", vectors=session.embeddings.vectors, method=method, seed=session.seed)
