import { describe, expect, it } from "vitest";
import { nearest, opacity } from "../src/propagation/map";
import { inWords, isEmpty, NOTHING, standing, unpacked, withWish } from "../src/propagation/tried";

describe("what is being tried", () => {
  it("adds a wish and takes the same one out again", () => {
    const once = withWish(NOTHING, { kind: "cut", items: [1, 2] });
    expect(once.cut).toEqual([[1, 2]]);
    expect(standing(once, [2, 1])).toBe("cut");
    expect(isEmpty(withWish(once, { kind: "cut", items: [2, 1] }))).toBe(true);
  });

  it("puts another wish for the same edge in its place, and leaves others alone", () => {
    const two = withWish(withWish(NOTHING, { kind: "cut", items: [1, 2] }), { kind: "cut", items: [1] });
    const weighed = withWish(two, { kind: "weigh", items: [1, 2], factor: 0.2 });
    expect(weighed.cut).toEqual([[1]]);
    expect(weighed.weigh).toEqual([[1, 2, 0.2]]);
    expect(standing(weighed, [1])).toBe("cut");
    const joined = withWish(weighed, { kind: "add", items: [2, 1] });
    expect(joined.weigh).toEqual([]);
    expect(joined.add).toEqual([[2, 1]]);
  });

  it("holds one label an item", () => {
    const drum = withWish(NOTHING, { kind: "label", item: 4, value: "drum" });
    const none = withWish(drum, { kind: "label", item: 4, value: null });
    expect(none.labels).toEqual([[4, null]]);
    expect(isEmpty(withWish(none, { kind: "label", item: 4, value: null }))).toBe(true);
  });

  it("says each change, with what takes it out", () => {
    const tried = withWish(withWish(withWish(NOTHING, { kind: "cut", items: [1] }), { kind: "weigh", items: [1, 2], factor: 0.2 }), { kind: "label", item: 3, value: "drum" });
    const words = inWords(tried, (item) => `#${item}`);
    expect(words.map(({ text }) => text)).toEqual(["cut all edges of #1", "#1 – #2 × 0.2", "#3 is drum"]);
    expect(isEmpty(words.reduce((rest, { wish }) => withWish(rest, wish), tried))).toBe(true);
  });
});

describe("the map", () => {
  it("reads frames of one byte and of two", () => {
    expect(Array.from(unpacked(Uint8Array.of(0, (3 << 3) | 7)).classes)).toEqual([-1, 2]);
    expect(Array.from(unpacked(Uint16Array.of((300 << 3) | 4)).classes)).toEqual([299]);
    expect(Array.from(unpacked(Uint16Array.of((300 << 3) | 4)).sure)).toEqual([4]);
  });

  it("finds the nearest point within reach, and none beyond", () => {
    const places = Uint16Array.of(0, 0, 100, 100, 140, 100);
    expect(nearest(places, 110, 100, 50)).toBe(1);
    expect(nearest(places, 130, 100, 50)).toBe(2);
    expect(nearest(places, 50, 0, 20)).toBe(-1);
  });

  it("lets the unsure fade and none vanish", () => {
    expect(opacity(0)).toBeGreaterThan(0.3);
    expect(opacity(7)).toBe(1);
  });
});
