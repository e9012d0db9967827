import { describe, expect, it } from "vitest";
import { CELL, cellColour, crowding, Density, densityShare, toneCurve } from "../src/explorer/density";
import { colours, FAINT, NONE_COLOUR, SELECTED } from "../src/explorer/looks";
import { View } from "../src/explorer/view";

const theme = { dark: false, background: [255, 255, 255], ink: [0, 0, 0], neutral: "#a9adb3" } as const;
const table = colours({ ...theme, background: [255, 255, 255], ink: [0, 0, 0] });

/** Points on a square lattice over the whole map. */
function lattice(side: number): Uint16Array {
  const xy = new Uint16Array(2 * side * side);
  for (let k = 0; k < side * side; k++) {
    xy[2 * k] = ((k % side) + 0.5) * (65536 / side);
    xy[2 * k + 1] = (Math.floor(k / side) + 0.5) * (65536 / side);
  }
  return xy;
}

function view(width = 100, height = 100): View {
  const made = new View();
  made.resize(width, height);
  made.fit();
  return made;
}

/** A map of points at given pixels of the view. */
function at(seen: View, places: [number, number][]): Uint16Array {
  return Uint16Array.from(places.flatMap(([px, py]) => seen.toMap(px, py).map((value) => Math.round(value * 65535))));
}

describe("when there is density", () => {
  it("counts as many neighbours on the unit square as there are points, where they are spread evenly, and more where they are not", () => {
    expect(crowding(lattice(256))).toBeCloseTo(65_536, -3);
    const quarter = lattice(256).map((value) => value >> 1);
    expect(crowding(quarter)).toBeCloseTo(4 * 65_536, -3);
    expect(crowding(lattice(100))).toBe(0);
  });

  it("goes from points to density as points come to lie over one another", () => {
    expect([0, 1, 5, 14, 100].map(densityShare)).toEqual([0, 0, 0, 1, 1]);
    expect(densityShare(8)).toBeGreaterThan(densityShare(7));
  });
});

describe("tone", () => {
  it("rises with the count, from the least to full, whatever the range", () => {
    for (const counts of [[0, 1, 2, 3], [1, 1, 1, 50_000, 2_000, 7], [5, 5, 5, 5]]) {
      const tone = toneCurve(Uint32Array.from(counts));
      const sorted = [...new Set(counts)].filter((count) => count > 0).sort((a, b) => a - b).map(tone);
      for (let k = 1; k < sorted.length; k++) expect(sorted[k]).toBeGreaterThan(sorted[k - 1]);
      expect(Math.max(...sorted)).toBeLessThanOrEqual(1);
      expect(tone(0)).toBe(0);
    }
    expect(toneCurve(Uint32Array.of(0, 1, 2, 3))(3)).toBeCloseTo(1);
    expect(toneCurve(Uint32Array.of(1, 1, 1))(1)).toBe(0.5);
  });
});

describe("the colour of a cell", () => {
  const colour = (used: number[], counts: number[]) => {
    const out = new Float32Array(3);
    cellColour(out, Uint32Array.from(counts), 0, used, table);
    return out;
  };
  const distance = (a: Float32Array, k: number) => Math.hypot(...[0, 1, 2].map((c) => a[c] - table[3 * k + c]));

  it("is that of the majority, paler where others share it", () => {
    expect(distance(colour([0, 1], [9, 0]), 0)).toBeCloseTo(0);
    expect(distance(colour([0, 1], [2, 9]), 1)).toBeLessThan(distance(colour([0, 1], [2, 9]), 0));
    expect(distance(colour([0, 1], [5, 9]), 1)).toBeGreaterThan(distance(colour([0, 1], [1, 9]), 1));
  });

  it("shows few labels among many points without", () => {
    expect(distance(colour([NONE_COLOUR], [4]), NONE_COLOUR)).toBeCloseTo(0);
    expect(distance(colour([NONE_COLOUR, 1], [8, 1]), 1)).toBeLessThan(distance(colour([NONE_COLOUR, 1], [8, 1]), NONE_COLOUR));
  });

  it("is the mean on a scale", () => {
    expect(distance(colour([16, 22], [5, 5]), 19)).toBeCloseTo(0);
  });
});

describe("the picture", () => {
  const draw = (xy: Uint16Array, looks: number[], seen: View, options: Partial<{ apart: boolean; leaveOut: boolean; stride: number; start: Uint16Array; progress: number }> = {}) =>
    new Density().draw({ start: options.start ?? null, end: xy, progress: options.progress ?? 1 }, Uint8Array.from(looks), seen, table, options.stride ?? 1, options.apart ?? false, options.leaveOut ?? false);
  const alphaAt = ({ columns, data }: { columns: number; data: Uint8Array }, px: number, py: number) => data[4 * (Math.floor(py / CELL) * columns + Math.floor(px / CELL)) + 3];

  it("puts every point into the cell that its pixel is in, and nothing elsewhere", () => {
    const seen = view();
    const picture = draw(at(seen, [[11, 21], [51, 61], [51, 61], [51, 61]]), [0, 1, 1, 1], seen);
    expect([picture.columns, picture.rows]).toEqual([50, 50]);
    expect(alphaAt(picture, 11, 21)).toBeGreaterThan(40);
    expect(alphaAt(picture, 51, 61)).toBeGreaterThan(alphaAt(picture, 11, 21));
    expect(picture.data.filter((value, k) => k % 4 === 3 && value > 0).length).toBe(2);
  });

  it("keeps what is filtered out, and what is not picked, as a faint layer; an odd edge does not spill over", () => {
    const seen = view(101, 99);
    const xy = at(seen, [[11, 21], [51, 61]]);
    const filtered = draw(xy, [0, 1 | FAINT], seen);
    expect(alphaAt(filtered, 51, 61)).toBeGreaterThan(0);
    expect(alphaAt(filtered, 51, 61)).toBeLessThan(alphaAt(filtered, 11, 21) / 2);
    const picked = draw(xy, [0, 1 | SELECTED], seen, { apart: true });
    expect(alphaAt(picked, 11, 21)).toBeLessThan(alphaAt(picked, 51, 61) / 2);
    const elsewhere = draw(xy, [0, 1 | SELECTED], seen, { apart: true, leaveOut: true });
    expect(alphaAt(elsewhere, 51, 61)).toBe(0);
    expect(alphaAt(elsewhere, 11, 21)).toBeGreaterThan(0);
  });

  it("follows points on their way, and is cleared before it is drawn again", () => {
    const seen = view();
    const density = new Density();
    const start = at(seen, [[11, 11]]), end = at(seen, [[31, 11]]);
    const half = density.draw({ start, end, progress: 0.5 }, Uint8Array.of(0), seen, table, 1, false, false);
    expect(alphaAt(half, 21, 11)).toBeGreaterThan(0);
    const whole = density.draw({ start, end, progress: 1 }, Uint8Array.of(0), seen, table, 1, false, false);
    expect(alphaAt(whole, 21, 11)).toBe(0);
    expect(alphaAt(whole, 31, 11)).toBeGreaterThan(0);
  });
});
