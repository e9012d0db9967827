/** Sets of positions as bits, least significant bit first: bit i of byte i >> 3. NumPy: np.unpackbits(bytes, bitorder="little", count=n). */

export class Bits {
  readonly bytes: Uint8Array;

  constructor(readonly length: number, bytes?: Uint8Array) {
    this.bytes = new Uint8Array((length + 7) >> 3);
    if (bytes) this.bytes.set(bytes.subarray(0, this.bytes.length));
    this.trim();
  }

  static of(length: number, positions: Iterable<number>): Bits {
    const bits = new Bits(length);
    for (const position of positions) bits.add(position);
    return bits;
  }

  has(position: number): boolean {
    return (this.bytes[position >> 3] & (1 << (position & 7))) !== 0;
  }

  add(position: number): void {
    if (position >= 0 && position < this.length) this.bytes[position >> 3] |= 1 << (position & 7);
  }

  remove(position: number): void {
    if (position >= 0 && position < this.length) this.bytes[position >> 3] &= ~(1 << (position & 7));
  }

  /** Number of positions in the set. */
  count(): number {
    let total = 0;
    for (const byte of this.bytes) total += ONES[byte];
    return total;
  }

  /** The positions, ascending. */
  positions(): Uint32Array {
    const found = new Uint32Array(this.count());
    let n = 0;
    for (let i = 0; i < this.bytes.length; i++) {
      let byte = this.bytes[i];
      while (byte) {
        const low = byte & -byte;
        found[n++] = (i << 3) + (31 - Math.clz32(low));
        byte ^= low;
      }
    }
    return found;
  }

  /** This set with `other` added ("add"), taken away ("remove"), or replaced by it ("set"). */
  combined(other: Bits, how: "set" | "add" | "remove"): Bits {
    if (how === "set") return new Bits(this.length, other.bytes);
    const result = new Bits(this.length, this.bytes);
    for (let i = 0; i < result.bytes.length; i++) {
      if (how === "add") result.bytes[i] |= other.bytes[i];
      else result.bytes[i] &= ~other.bytes[i];
    }
    return result;
  }

  private trim(): void {
    const rest = this.length & 7;
    if (rest) this.bytes[this.bytes.length - 1] &= (1 << rest) - 1;
  }
}

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest; rest &= rest - 1) ones++;
  return ones;
});
