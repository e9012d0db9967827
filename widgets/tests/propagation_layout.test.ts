import { describe, expect, it } from "vitest";
import { PICTURES, place, sectors, SMALL, TEXTS, towards, type Node } from "../src/propagation/layout";

const box = { width: 640, height: 440 };

function example(neighbours: number, outer: number, classes = 3): Node[] {
  const nodes: Node[] = [{ node: 0, ring: 0, cls: 0 }];
  for (let i = 0; i < neighbours; i++) nodes.push({ node: 1 + i, ring: 1, cls: i % classes });
  for (let i = 0; i < outer; i++) nodes.push({ node: 100 + i, ring: 2, cls: i % classes });
  for (let k = 0; k < classes; k++) nodes.push({ node: -1 - k, ring: 2, cls: k });
  return nodes;
}

describe("place", () => {
  it("puts the item in the middle and everything inside the box", () => {
    const placed = place(example(12, 8), box, PICTURES, 0);
    expect(placed[0]).toMatchObject({ x: 320, y: 220 });
    for (const { x, y, width, height } of placed) {
      expect(x - width / 2).toBeGreaterThanOrEqual(0);
      expect(x + width / 2).toBeLessThanOrEqual(box.width);
      expect(y - height / 2).toBeGreaterThanOrEqual(0);
      expect(y + height / 2).toBeLessThanOrEqual(box.height);
    }
  });

  it.each([["pictures", PICTURES, box], ["texts", TEXTS, { width: 760, height: 520 }], ["small", SMALL, { width: 360, height: 420 }]] as const)("lets no two nodes cover each other: %s", (_, sizes, room) => {
    const placed = place(example(12, 5), room, sizes, 1);
    for (let a = 0; a < placed.length; a++) {
      for (let b = 0; b < a; b++) {
        const aside = Math.abs(placed[a].x - placed[b].x) - (placed[a].width + placed[b].width) / 2;
        const above = Math.abs(placed[a].y - placed[b].y) - (placed[a].height + placed[b].height) / 2;
        expect(Math.max(aside, above)).toBeGreaterThan(-4);
      }
    }
  });

  it("is the same every time and works on one node, on no class, and on a narrow box", () => {
    expect(place(example(9, 4), box, PICTURES, 2)).toEqual(place(example(9, 4), box, PICTURES, 2));
    expect(place([{ node: 5, ring: 0, cls: -1 }], box)).toHaveLength(1);
    for (const { x } of place(example(12, 10), { width: 200, height: 300 }, SMALL, 0)) expect(Number.isFinite(x)).toBe(true);
  });
});

describe("sectors", () => {
  it("gives each class its own part of the circle, the first centred at the top", () => {
    const nodes = example(6, 3);
    const parts = sectors(nodes, 1);
    expect((parts[0].from + parts[0].to) / 2).toBeCloseTo(-Math.PI / 2);
    expect(parts.reduce((sum, part) => sum + part.to - part.from, 0)).toBeCloseTo(2 * Math.PI);
    expect(new Set(parts[0].members.map((i) => (nodes[i].node < 0 ? -1 - nodes[i].node : nodes[i].cls)))).toEqual(new Set([1]));
    expect(parts.flatMap((part) => part.members).sort((a, b) => a - b)).toEqual(nodes.map((_, i) => i).slice(1));
  });
});

describe("towards", () => {
  const at = (x: number, y: number) => ({ x, y, width: 10, height: 10 });
  const placed = [at(100, 100), at(200, 110), at(160, 190), at(100, 20)];

  it("finds the nearest ahead", () => {
    expect(towards(placed, 0, "ArrowRight")).toBe(1);
    expect(towards(placed, 0, "ArrowDown")).toBe(2);
    expect(towards(placed, 0, "ArrowUp")).toBe(3);
    expect(towards(placed, 0, "ArrowLeft")).toBe(-1);
  });

  it("begins with the item where there is no cursor", () => {
    expect(towards(placed, -1, "ArrowUp")).toBe(0);
    expect(towards([], -1, "ArrowUp")).toBe(-1);
  });
});
