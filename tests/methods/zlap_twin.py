"""Zero-shot label propagation written slowly from the paper's equations, in NumPy and float64; and the input it is compared on."""
from __future__ import annotations

import numpy as np


def collection(n: int = 200, d: int = 24, k: int = 6, new: int = 40, seed: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items, class vectors and new items: unit rows, float32. The reference implementation ran on exactly this."""
    g = np.random.default_rng(seed)
    centres = g.normal(size=(k, d))
    y = g.integers(0, k, n)
    x = centres[y] + 1.2 * g.normal(size=(n, d))
    c = centres + 1.5 * g.normal(size=(k, d))
    q = centres[g.integers(0, k, new)] + 1.2 * g.normal(size=(new, d))
    return tuple((a / np.linalg.norm(a, axis=1, keepdims=True)).astype(np.float32) for a in (x, c, q))


def definitions() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Real features: WordNet definitions and the names of their domains, by the encoder that ships with the tests; the last 40 are new."""
    from labelnb import datasets, encoders

    items, encoder = datasets.load("glosses"), encoders.get("wordllama")
    some = [items[i] for i in range(0, len(items), 6)]
    x = np.asarray(encoder.encode_texts(some), np.float32)
    return x[:-40], np.asarray(encoder.encode_texts(list(items.truth_names)), np.float32), x[-40:]


def planted(n: int = 600, k: int = 5, d: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups whose names point in poor directions, so that names alone mistake half the items: vectors, class vectors, truth."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(k, d))
    truth = rng.integers(0, k, n)
    return centres[truth] + rng.normal(size=(n, d)), centres + 2.5 * rng.normal(size=(k, d)), truth


def nearest(similarities: np.ndarray, k: int) -> list[list[int]]:
    """Positions of the k largest of each row, ties by position."""
    return [sorted(range(len(row)), key=lambda j: (-row[j], j))[:k] for row in similarities]


def graph(x: np.ndarray, c: np.ndarray, k: int, gamma: float, rescale: bool = False) -> tuple[np.ndarray, float, float]:
    """S over classes, then items (eq. 4-8), and the range that similarities were rescaled from."""
    x, c = x.astype(np.float64), c.astype(np.float64)
    n, n_classes = len(x), len(c)
    item, text = x @ x.T, x @ c.T
    lists = nearest(item, min(k, n))                     # every item heads its own list
    named = nearest(text, min(k, n_classes))
    low, high = 0.0, 1.0
    if rescale:
        listed = [item[i, j] for i in range(n) for j in lists[i]] + [text[i, j] for i in range(n) for j in named[i]]
        low, high = min(listed), max(listed)
    w = np.zeros((n_classes + n, n_classes + n))
    for i in range(n):
        for j in lists[i]:
            w[n_classes + i, n_classes + j] = max(0.0, (item[i, j] - low) / (high - low))
        for j in named[i]:
            w[n_classes + i, j] = max(0.0, (text[i, j] - low) / (high - low)) ** gamma
    w = w + w.T
    np.fill_diagonal(w, 0)
    degree = w.sum(1)
    root = np.array([1 / np.sqrt(v) if v > 0 else 0.0 for v in degree])
    return root[:, None] * w * root, low, high


def transductive(
    x: np.ndarray, c: np.ndarray, k: int, gamma: float, alpha: float, rescale: bool = False,
    labels: np.ndarray | None = None, weight: float = 1.0,
) -> np.ndarray:
    """Scores (N, K): the items' rows of (I - alpha S)^-1 Y."""
    s, _, _ = graph(x, c, k, gamma, rescale)
    y = np.zeros((len(s), len(c)))
    for j in range(len(c)):
        y[j, j] = 1
    for i, label in enumerate(() if labels is None else labels):
        if label >= 0:
            y[len(c) + i, label] = weight
    return np.linalg.solve(np.eye(len(s)) - alpha * s, y)[len(c):]


def inductive(
    x: np.ndarray, c: np.ndarray, q: np.ndarray, k: int, gamma: float, alpha: float, rescale: bool = False, sparse: bool = False,
) -> np.ndarray:
    """Scores (M, K) of new items, each solved for by itself (dense), or through the largest entry of each row of the inverse (sparse)."""
    s, low, high = graph(x, c, k, gamma, rescale)
    n_classes = len(c)
    inverse = np.linalg.inv(np.eye(len(s)) - alpha * s)
    columns = inverse[:, :n_classes]
    if sparse:
        columns = np.where(np.arange(n_classes) == columns.argmax(1)[:, None], columns, 0)
    item, text = q.astype(np.float64) @ x.astype(np.float64).T, q.astype(np.float64) @ c.astype(np.float64).T
    scores = np.zeros((len(q), n_classes))
    for m in range(len(q)):
        y = np.zeros(len(s))
        for j in nearest(item[m: m + 1], min(k, len(x)))[0]:
            y[n_classes + j] = (max(0.0, item[m, j]) - low) / (high - low)
        for j in nearest(text[m: m + 1], min(k, n_classes))[0]:
            y[j] = ((max(0.0, text[m, j]) - low) / (high - low)) ** gamma
        scores[m] = y @ columns if sparse else (inverse @ y)[:n_classes]
    return scores


RECORDED: dict[tuple[bool, int, float, float], dict[str, tuple[list[float], list[float], list[float], float]]] = {
    (False, 5, 5.0, 0.3): {
        "transductive": ([0.000154668285, 0.000341196776, 1.61463275e-05, 1.28586629e-07, 0.000921048489, 8.18472935e-05],
                        [0.00031617053, 0.00200051657, 0.00010609769, 1.04700416e-07, 0.000471897297, 0.00163406898],
                        [0.000326407443, 6.85904182e-05, 0.000463352926, 5.1441348e-06, 5.04566791e-05, 0.00117892335], 0.829776289),
        "inductive": ([0.0407788917, 0.000621646074, 0.00164071662, 2.52389791e-05, 0.000312653824, 0.00250685103],
                     [0.000174455521, 0.0392434995, 8.32273589e-06, 0.000116334829, 0.0161805496, 0.0020052381],
                     [0.00133135954, 0.00426198471, 0.00068891289, 1.1815628e-06, 0.00694832592, 0.000816509753], 1.20733677),
        "sparse": ([0.0402771314, 0.000143496162, 0.000329818764, 0.0, 0.0, 0.00188272317],
                  [0.0, 0.0345718795, 0.0, 1.84017378e-06, 0.0143128595, 0.00128829743],
                  [3.8471607e-06, 0.00357659924, 0.000613205063, 0.0, 0.00633797618, 8.451092e-06], 1.06384271),
    },
    (False, 10, 3.0, 0.9): {
        "transductive": ([0.0182349952, 0.0254677816, 0.0107807293, 0.00367690797, 0.0363008535, 0.0220524974],
                        [0.0236070597, 0.0464345934, 0.0143472697, 0.00410751216, 0.0413903409, 0.0371889854],
                        [0.0311581191, 0.0210235494, 0.0261959612, 0.00797477205, 0.0229673512, 0.0364695454], 27.7091927),
        "inductive": ([0.349583467, 0.121720833, 0.122954069, 0.0587278474, 0.128683916, 0.177326064],
                     [0.0970039288, 0.520188113, 0.0434573654, 0.034262112, 0.402334563, 0.125944243],
                     [0.123130291, 0.181174461, 0.10457869, 0.0294712247, 0.241969617, 0.171442133], 36.0738567),
        "sparse": ([0.30207876, 0.00512009741, 0.00825144317, 0.0, 0.0171623698, 0.0542053582],
                  [0.0, 0.453922554, 0.0, 0.00036925276, 0.134972806, 0.0188820278],
                  [0.0203416438, 0.0616260959, 0.0226549591, 0.0, 0.133175151, 0.0484625759], 14.6320181),
    },
    (True, 5, 5.0, 0.3): {
        "transductive": ([0.000520934258, 0.00124235645, 0.000203716335, 8.47114778e-05, 0.0036525943, 0.000904775317],
                        [0.00179838285, 0.00483736373, 0.00142996734, 5.20071838e-06, 0.00248747245, 0.00429857954],
                        [0.0019655588, 0.000520754401, 0.0025405647, 0.00114045083, 0.000719049644, 0.00386583255], 2.10222451),
        "inductive": ([0.149256444, 0.0217109251, 0.0281807233, 0.00163641649, 0.00715258685, 0.0183122016],
                     [0.00609003487, 0.1367396, 0.000650597196, 0.0092593894, 0.0839619206, 0.0378499687],
                     [0.0153143317, 0.0285690867, 0.00758049884, 0.000153645972, 0.0549427829, 0.0146858673], 6.71918876),
        "sparse": ([0.145874536, 0.0163805837, 0.0206401286, 0.0, 0.00358495908, 0.0149046223],
                  [0.00358174493, 0.129207073, 0.0, 0.0071615579, 0.0759741203, 0.0321448806],
                  [0.00792818975, 0.0228591791, 0.00620672758, 0.0, 0.0520809408, 0.00897367635], 5.90823561),
    },
    (True, 10, 3.0, 0.9): {
        "transductive": ([0.0434183266, 0.0540728053, 0.0377989776, 0.022417628, 0.0662291754, 0.0510090884],
                        [0.0560582654, 0.0751762981, 0.0498511792, 0.0227233883, 0.0726437224, 0.0681780976],
                        [0.0659242597, 0.055382462, 0.0634645339, 0.0405431883, 0.056866479, 0.0708123062], 61.3952161),
        "inductive": ([0.865022983, 0.565813775, 0.566169699, 0.353392293, 0.498589974, 0.586782998],
                     [0.467272791, 0.999553737, 0.357596028, 0.340396601, 0.898892283, 0.585291808],
                     [0.504302578, 0.607413679, 0.46825464, 0.266345845, 0.727798688, 0.587288006], 127.951064),
        "sparse": ([0.708042151, 0.122034499, 0.134690202, 0.0559422707, 0.102696228, 0.205883402],
                  [0.0569859515, 0.779859163, 0.0569864205, 0.0780950596, 0.451277618, 0.170791504],
                  [0.129240518, 0.185549067, 0.110754352, 0.0559422707, 0.486935271, 0.186341035], 50.0622557),
    },
}
"""Rows 0, 17 and the last of the scores on `collection()`, and their sum; by (rescale, k, gamma, alpha). From the authors' code
(github.com/vladan-stojnic/ZLaP, commit 89ab14b: do_transductive_lp, do_inductive_lp, do_sparse_inductive_lp), run on 2026-11-21 with cupy
replaced by numpy and scipy 1.17.1 (cg with rtol=1e-6, atol=0, 50 steps at most) and faiss.knn_gpu by faiss-cpu 1.15.1."""
