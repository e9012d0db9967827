import { describe, expect, it } from "vitest";
import { Bits } from "../src/shared/bits";
import { countGroups, FAINT, groupOf, MARKED, NONE_COLOUR, OTHER_COLOUR, SELECTED, writeLooks, type Codes } from "../src/explorer/looks";
import { densestPlaces } from "../src/explorer/names";

const labels: Codes = { by: "label", values: Uint8Array.of(0, 1, 12, 255, 254, 1), none: 255, other: 254, ramp: false, names: null };
const sure: Codes = { by: "confidence", values: Uint8Array.of(0, 254, 255, 127), none: 255, other: -1, ramp: true, names: null };

describe("looks", () => {
  it("gives every class its colour, the thirteenth that of the first, and what has no class its own", () => {
    const looks = new Uint8Array(6);
    writeLooks(looks, labels, null, null, null);
    expect([...looks]).toEqual([0, 1, 0, NONE_COLOUR, OTHER_COLOUR, 1]);
  });

  it("takes the colour that a group is said to have", () => {
    const looks = new Uint8Array(3);
    writeLooks(looks, { by: "cluster", values: Uint16Array.of(0, 300, 65535), none: 65535, other: 65534, ramp: false, names: [], hues: Object.assign(Array(301).fill(0), { 0: 7, 300: 3 }) }, null, null, null);
    expect([...looks]).toEqual([7, 3, NONE_COLOUR]);
  });

  it("marks what is selected, found and filtered out", () => {
    const looks = new Uint8Array(6);
    writeLooks(looks, labels, (group) => group !== 1, Bits.of(6, [0, 5]), Bits.of(6, [5]));
    expect(looks[0]).toBe(SELECTED);
    expect(looks[1]).toBe(1 | FAINT);
    expect(looks[5]).toBe(1 | FAINT | SELECTED | MARKED);
    expect(looks[3]).toBe(NONE_COLOUR);
  });

  it("cuts confidence into sevenths", () => {
    expect([...sure.values].map((code) => groupOf(sure, code))).toEqual([0, 6, -1, 3]);
    const counts = countGroups(sure, 7);
    expect([...counts.groups]).toEqual([1, 0, 0, 1, 0, 0, 1]);
    expect(counts.none).toBe(1);
  });

  it("counts classes, no label and other answers apart", () => {
    const counts = countGroups(labels, 13);
    expect(counts.none).toBe(1);
    expect(counts.other).toBe(1);
    expect(counts.groups[1]).toBe(2);
    expect(counts.groups[12]).toBe(1);
  });
});

describe("densestPlaces", () => {
  it("puts a name where most of its points are, not between two heaps, largest class first", () => {
    const xy: number[] = [], values: number[] = [];
    const heap = (x: number, y: number, n: number, value: number) => { for (let i = 0; i < n; i++) { xy.push(x + (i % 5) * 40, y + (i % 7) * 40); values.push(value); } };
    heap(10_000, 60_000, 2, 2);
    for (const times of [1, 20]) {
      heap(60_000, 60_000, 12 * times, 0);
      heap(5_000, 5_000, 30 * times, 0);
      heap(30_000, 50_000, 60 * times, 1);
      const places = densestPlaces(Uint16Array.from(xy), { by: "label", values: Uint8Array.from(values), none: 255, other: 254, ramp: false, names: null }, 3, 3);
      expect(places.map(({ group }) => group)).toEqual([1, 0]);
      expect(Math.abs(places[1].x * 65535 - 5_000)).toBeLessThan(3_000);
      expect(Math.abs(places[1].y * 65535 - 5_000)).toBeLessThan(3_000);
    }
  });
});
