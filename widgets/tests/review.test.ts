import { describe, expect, it } from "vitest";
import { shown, sure, sureRange, words, type ReviewItem } from "../src/review/answers";
import { acceptPage, answers, message, valueIn } from "../src/review/decisions";
import { CLASS_KEYS } from "../src/review/keymap";
import { matches } from "../src/shared/finder";
import { between, move } from "../src/shared/moves";

const classes = ["cat", "dog", "emu"];

function item(over: Partial<ReviewItem> = {}): ReviewItem {
  return { position: 4, filled: 0, confidence: 0.8, suggested: -1, reason: "", label: null, reviewed: false, ...over };
}

const both = (one: ReviewItem) => ({ item: one, now: shown(one, classes) });

describe("what an item shows", () => {
  it("is the decision on its way, then the label, then what is filled in", () => {
    expect(shown(item(), classes)).toEqual({ label: { kind: "class", classes: ["cat"] }, standing: "open" });
    const kept = item({ label: { kind: "unsure", classes: [] }, reviewed: true });
    expect(shown(kept, classes)).toEqual({ label: { kind: "unsure", classes: [] }, standing: "kept" });
    expect(shown(kept, classes, { value: "dog", state: "unsaved" })).toEqual({ label: { kind: "class", classes: ["dog"] }, standing: "unsaved" });
    expect(shown(kept, classes, { value: null, state: "waiting" }).label).toEqual({ kind: "class", classes: ["cat"] });
  });

  it("shows a bulk accept as a proposal until a person has seen it", () => {
    expect(shown(item({ label: { kind: "class", classes: ["emu"] } }), classes)).toEqual({ label: { kind: "class", classes: ["emu"] }, standing: "open" });
  });

  it("shows nothing where nothing is proposed or the class is gone", () => {
    expect(shown(item({ filled: -1 }), classes).label).toBeNull();
    expect(shown(item({ filled: 9 }), classes).label).toBeNull();
  });

  it("says labels in words", () => {
    expect(words({ kind: "not", classes: ["cat", "dog"] })).toBe("not cat, dog");
    expect(words({ kind: "any", classes: ["cat", "dog"] })).toBe("cat or dog");
    expect(words({ kind: "multi", classes: ["cat"], absent: ["dog"] })).toBe("cat, not dog");
    expect([words(null), words(null, "no label")]).toEqual(["no proposal", "no label"]);
  });

  it("never says 100% of what is not certain", () => {
    expect([sure(0.996), sure(1), sure(0.504)]).toEqual(["99%", "100%", "50%"]);
    expect([sureRange(0.81, 0.936), sureRange(0.9, 0.904)]).toEqual(["81–94%", "90%"]);
  });
});

describe("answers", () => {
  it("deny the class that is shown, and add to a denial", () => {
    expect(answers({ kind: "not" }, [both(item())], classes, false).values).toEqual([{ kind: "not", classes: ["cat"] }]);
    const denied = item({ label: { kind: "not", classes: ["cat"] }, reviewed: true });
    expect(answers({ kind: "not" }, [both(denied)], classes, false).positions).toEqual([]);
    expect(answers({ kind: "not" }, [both(item({ filled: -1 }))], classes, false).positions).toEqual([]);
  });

  it("accept what is shown and clear only what is there", () => {
    expect(answers({ kind: "accept" }, [both(item()), both(item({ filled: -1 }))], classes, false)).toEqual({ positions: [4], values: ["cat"] });
    expect(answers({ kind: "clear" }, [both(item())], classes, false).positions).toEqual([]);
    expect(answers({ kind: "clear" }, [both(item({ label: { kind: "unsure", classes: [] }, reviewed: true }))], classes, false).values).toEqual([null]);
  });

  it("take the suggestion where there is one", () => {
    expect(answers({ kind: "suggested" }, [both(item({ suggested: 2 })), both(item())], classes, false)).toEqual({ positions: [4], values: ["emu"] });
  });

  it("toggle a class between yes, no and unknown where several can hold", () => {
    const step = (label: ReviewItem["label"]) => answers({ kind: "class", position: 1 }, [both(item({ filled: -1, label, reviewed: label !== null }))], classes, true).values[0];
    expect(step(null)).toEqual({ kind: "multi", classes: ["dog"], absent: [] });
    expect(step({ kind: "multi", classes: ["dog"], absent: [] })).toEqual({ kind: "multi", classes: [], absent: ["dog"] });
    expect(step({ kind: "multi", classes: [], absent: ["dog"] })).toBeNull();
  });

  it("accept a page but for what is decided, and count what has nothing to accept", () => {
    const decided = item({ position: 2, label: { kind: "class", classes: ["emu"] }, reviewed: true });
    expect(acceptPage([item({ position: 1 }), decided, item({ position: 3, filled: -1 })].map(both))).toEqual({ positions: [1], values: ["cat"], left: 1 });
  });

  it("go to Python as one value where they are all the same", () => {
    expect(message({ positions: [1, 2], values: ["cat", "cat"] })).toEqual({ positions: [1, 2], value: "cat" });
    const several = message({ positions: [1, 2], values: ["cat", null] });
    expect(several).toEqual({ positions: [1, 2], values: ["cat", null] });
    expect([valueIn(several, 1), valueIn(several, 2), valueIn({ positions: [1], value: "dog" }, 1)]).toEqual(["cat", null, "dog"]);
  });
});

describe("keys", () => {
  it("give every class a key of its own that means nothing else", () => {
    expect(new Set(CLASS_KEYS).size).toBe(CLASS_KEYS.length);
    for (const taken of ["0", "x", "u", "r", "o", "h", "n", "?", ".", "/", " "]) expect(CLASS_KEYS).not.toContain(taken);
  });

  it("move by rows and columns and stop at the edges", () => {
    const rects = Array.from({ length: 7 }, (_, i) => ({ left: (i % 3) * 100, top: Math.floor(i / 3) * 120, width: 90, height: 110 }));
    expect(move(rects, 1, "ArrowDown")).toBe(4);
    expect(move(rects, 5, "ArrowDown")).toBe(6);
    expect(move(rects, 6, "ArrowUp")).toBe(3);
    expect(move(rects, 0, "ArrowUp")).toBe(-1);
    expect(move(rects, 0, "ArrowLeft")).toBe(-1);
    expect(move(rects, 0, "ArrowLeft", true)).toBe(1);
    expect([move(rects, 3, "Home"), move(rects, 3, "End")]).toEqual([0, 6]);
    expect(between(4, 2)).toEqual([2, 3, 4]);
  });
});

describe("finding a class", () => {
  const names = ["grey wolf", "wolf", "Zürich", "werewolf", "wolf spider"];
  it("puts beginnings first, then words, then parts, and minds neither case nor accents", () => {
    expect(matches(names, "wolf").map((k) => names[k])).toEqual(["wolf", "wolf spider", "grey wolf", "werewolf"]);
    expect(matches(names, "ZUR").map((k) => names[k])).toEqual(["Zürich"]);
    expect(matches(names, "  ")).toEqual([]);
    expect(matches(names, "wolf", 2)).toHaveLength(2);
  });
});
