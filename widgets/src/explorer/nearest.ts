/** The point nearest to a place: points sorted once into square cells. */

export class Cells {
  private readonly side: number;
  private readonly starts: Uint32Array;
  private readonly order: Uint32Array;

  constructor(private readonly xy: Uint16Array) {
    const n = xy.length >> 1;
    this.side = Math.max(1, Math.min(512, Math.ceil(Math.sqrt(n / 4))));
    this.starts = new Uint32Array(this.side * this.side + 1);
    for (let i = 0; i < n; i++) this.starts[this.cell(xy[2 * i], xy[2 * i + 1]) + 1]++;
    for (let c = 0; c < this.side * this.side; c++) this.starts[c + 1] += this.starts[c];
    const next = this.starts.slice(0, -1);
    this.order = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.order[next[this.cell(xy[2 * i], xy[2 * i + 1])]++] = i;
  }

  /** Nearest point to (x, y) within `radius`, all in units of the map, of those that `allowed` lets through; -1 where there is none. */
  nearest(x: number, y: number, radius: number, allowed: (position: number) => boolean = () => true): number {
    const low = (value: number) => Math.min(this.side - 1, Math.max(0, Math.floor(value * this.side)));
    const ux = x * 65535, uy = y * 65535;
    let best = -1, distance = (radius * 65535) ** 2;
    for (let row = low(y - radius); row <= low(y + radius); row++) {
      for (let column = low(x - radius); column <= low(x + radius); column++) {
        const c = row * this.side + column;
        for (let k = this.starts[c]; k < this.starts[c + 1]; k++) {
          const i = this.order[k];
          const d = (this.xy[2 * i] - ux) ** 2 + (this.xy[2 * i + 1] - uy) ** 2;
          if (d <= distance && allowed(i)) {
            best = i;
            distance = d;
          }
        }
      }
    }
    return best;
  }

  private cell(ux: number, uy: number): number {
    const column = Math.min(this.side - 1, Math.floor((ux / 65535) * this.side));
    const row = Math.min(this.side - 1, Math.floor((uy / 65535) * this.side));
    return row * this.side + column;
  }
}
