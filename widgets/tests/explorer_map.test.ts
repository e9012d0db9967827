import { describe, expect, it } from "vitest";
import { fillPolygon, pointsInside, rectangle } from "../src/explorer/lasso";
import { Cells } from "../src/explorer/nearest";
import { boxOf, View } from "../src/explorer/view";

/** Numbers that look random and are the same every time. */
function numbers(n: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: n }, () => (state = (state * 16807) % 2147483647) / 2147483647);
}

function madeView(width = 400, height = 300): View {
  const view = new View();
  view.resize(width, height);
  view.fit();
  return view;
}

/** Even-odd rule, the slow way. */
function inPolygon(points: number[], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = points.length - 2; i < points.length; j = i, i += 2) {
    if (points[i + 1] > y !== points[j + 1] > y && x < ((points[j] - points[i]) * (y - points[i + 1])) / (points[j + 1] - points[i + 1]) + points[i]) inside = !inside;
  }
  return inside;
}

describe("lasso", () => {
  it("takes the points that the even-odd rule takes, for shapes that cross themselves too", () => {
    const view = madeView();
    const xy = Uint16Array.from(numbers(8_000), (value) => Math.round(value * 65535));
    for (let shape = 0; shape < 12; shape++) {
      const points = numbers(2 * (3 + shape), 77 + shape).map((value, k) => value * (k % 2 ? 300 : 400));
      const mask = fillPolygon(points, 400, 300);
      expect(mask).not.toBeNull();
      const found = pointsInside(xy, view, mask!, null);
      let different = 0;
      for (let i = 0; i < 4_000; i++) {
        const [px, py] = view.toPixel(xy[2 * i] / 65535, xy[2 * i + 1] / 65535);
        // Exact at the middle of the point's pixel: that is what the mask holds.
        const expected = inPolygon(points, Math.floor(px) + 0.5, Math.floor(py) + 0.5) && px >= 0 && py >= 0 && px < 400 && py < 300;
        if (found.has(i) !== expected) different++;
      }
      expect(different).toBe(0);
      expect(found.count()).toBeGreaterThan(0);
    }
  });

  it("takes only points that show", () => {
    const view = madeView();
    const xy = Uint16Array.of(32768, 32768, 32768, 32768);
    const mask = fillPolygon(rectangle(0, 0, 400, 300), 400, 300)!;
    expect([...pointsInside(xy, view, mask, (position) => position === 1).positions()]).toEqual([1]);
  });

  it("makes nothing of a shape off the map or without area", () => {
    expect(fillPolygon([-50, -50, -10, -50, -10, -10], 100, 100)).toBeNull();
    expect(fillPolygon([5, 5, 9, 9], 100, 100)).toBeNull();
    const line = fillPolygon([5, 5, 50, 33, 5, 5], 100, 100);
    expect(line === null || line.inside.every((value) => value === 0)).toBe(true);
  });
});

describe("View", () => {
  it("goes from map to pixel and back, y up on the map and down on the screen", () => {
    const view = madeView();
    view.zoomAt(33, 44, 7);
    for (const [px, py] of [[0, 0], [400, 300], [12.5, 280]]) {
      const [x, y] = view.toMap(px, py);
      expect(view.toPixel(x, y)[0]).toBeCloseTo(px, 6);
      expect(view.toPixel(x, y)[1]).toBeCloseTo(py, 6);
    }
    expect(view.toMap(0, 0)[1]).toBeGreaterThan(view.toMap(0, 300)[1]);
  });

  it("keeps the point under the pointer while zooming", () => {
    const view = madeView();
    const before = view.toMap(210, 140);
    view.zoomAt(210, 140, 3);
    expect(view.toMap(210, 140)[0]).toBeCloseTo(before[0], 9);
    expect(view.zoom).toBeCloseTo(3, 9);
  });

  it("fits all points, and stays as far in when it is resized", () => {
    const xy = Uint16Array.of(0, 20000, 65535, 40000);
    const view = madeView();
    view.fit(boxOf(xy));
    for (const i of [0, 1]) {
      const [px, py] = view.toPixel(xy[2 * i] / 65535, xy[2 * i + 1] / 65535);
      expect(px).toBeGreaterThan(0);
      expect(px).toBeLessThan(400);
      expect(py).toBeGreaterThan(0);
      expect(py).toBeLessThan(300);
    }
    view.zoomAt(200, 150, 2.5);
    view.resize(900, 500);
    expect(view.zoom).toBeCloseTo(2.5, 9);
  });
});

describe("Cells", () => {
  it("finds what looking at every point finds", () => {
    const xy = Uint16Array.from(numbers(4_000, 5), (value) => Math.round(value * 65535));
    const cells = new Cells(xy);
    const places = numbers(400, 9);
    const odd = (position: number) => position % 2 === 1;
    for (let k = 0; k < 200; k++) {
      const [x, y] = [places[2 * k], places[2 * k + 1]];
      let best = -1, distance = 0.03;
      for (let i = 1; i < 2_000; i += 2) {
        const d = Math.hypot(xy[2 * i] / 65535 - x, xy[2 * i + 1] / 65535 - y);
        if (d <= distance) { best = i; distance = d; }
      }
      expect(cells.nearest(x, y, 0.03, odd)).toBe(best);
    }
  });

  it("finds a point in a corner, and nothing where there is nothing", () => {
    const cells = new Cells(Uint16Array.of(65535, 65535));
    expect(cells.nearest(1, 1, 0.01)).toBe(0);
    expect(cells.nearest(0, 0, 0.5)).toBe(-1);
    expect(new Cells(new Uint16Array(0)).nearest(0.5, 0.5, 1)).toBe(-1);
  });
});
