import { describe, expect, it } from "vitest";
import { Bits } from "../src/shared/bits";

describe("Bits", () => {
  it("gives back the positions it was given, ascending, on every length", () => {
    for (const length of [1, 7, 8, 9, 64, 65]) {
      const given = [...Array(length).keys()].filter((i) => (i * 7) % 3 === 0);
      const bits = Bits.of(length, given.slice().reverse());
      expect([...bits.positions()]).toEqual(given);
      expect(bits.count()).toBe(given.length);
    }
  });

  it("lays bits out as numpy.unpackbits(bitorder='little') reads them", () => {
    expect([...Bits.of(12, [0, 3, 9]).bytes]).toEqual([0b1001, 0b10]);
  });

  it("ignores positions outside and bits beyond the length", () => {
    expect([...Bits.of(5, [-1, 4, 5, 99]).positions()]).toEqual([4]);
    expect([...new Bits(3, Uint8Array.of(0xff)).positions()]).toEqual([0, 1, 2]);
  });

  it("sets, adds and removes without changing either set", () => {
    const a = Bits.of(10, [1, 2, 3]);
    const b = Bits.of(10, [3, 4]);
    expect([...a.combined(b, "set").positions()]).toEqual([3, 4]);
    expect([...a.combined(b, "add").positions()]).toEqual([1, 2, 3, 4]);
    expect([...a.combined(b, "remove").positions()]).toEqual([1, 2]);
    expect([...a.positions()]).toEqual([1, 2, 3]);
    expect([...b.positions()]).toEqual([3, 4]);
  });
});
