import { describe, expect, it } from "vitest";
import { Tall } from "../src/shared/tall";

const VIEW = 500;

function list(rows: number): Tall {
  const tall = new Tall(44);
  tall.total = rows;
  return tall;
}

describe("Tall", () => {
  it("is a plain list where that is low enough", () => {
    const tall = list(1_000);
    expect(tall.height).toBe(44_000);
    expect(tall.scrolled(30_000, VIEW)).toEqual({ top: 30_000 });
    expect(tall.place(10)).toBe(440);
    expect(tall.stand(880)).toBe(880);
  });

  it("never makes an element that a browser cuts off", () => {
    expect(list(10_000_000).height).toBe(5_000_000);
  });

  it("shows the first and the last row, where the bar is dragged to its ends", () => {
    const tall = list(1_000_000);
    expect(tall.scrolled(tall.height - VIEW, VIEW)).toEqual({ top: 44_000_000 - VIEW });
    expect(tall.place(999_999)).toBe(tall.height - 44);
    expect(tall.scrolled(0, VIEW)).toEqual({ top: 0 });
    expect(tall.place(0)).toBe(0);
  });

  it("puts rows where they are seen, wherever the list stands", () => {
    const tall = list(1_000_000);
    for (const index of [0, 1, 2_271, 2_273, 400_000, 999_000, 999_980]) {
      const at = tall.stand(index * 44);
      expect(at).toBeGreaterThanOrEqual(0);
      expect(at).toBeLessThanOrEqual(tall.height);
      expect(tall.place(index)).toBe(at);
      expect(tall.scrolled(at, VIEW)).toEqual({ top: index * 44 });
    }
  });

  it("moves by real pixels under a wheel, and reaches both ends by it", () => {
    const tall = list(200_000);
    let at = tall.stand(150_000);
    let top = 150_000;
    const wheel = (by: number) => {
      at = Math.max(0, Math.min(at + by, tall.height - VIEW));
      const moved = tall.scrolled(at, VIEW);
      expect(Math.abs(moved.top - Math.max(0, Math.min(top + by, tall.whole - VIEW)))).toBeLessThanOrEqual(1);
      top = moved.top;
      at = moved.at ?? at;
    };
    for (let i = 0; i < 400; i++) wheel(-400);
    expect([at, top]).toEqual([0, 0]);
    for (let i = 0; i < 10_000; i++) wheel(900);
    expect(top).toBe(tall.whole - VIEW);
    expect(at).toBe(tall.height - VIEW);
  });
});
