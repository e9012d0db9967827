/**
 * Lists taller than a browser lets an element be (some 17 to 33 million pixels, less when zoomed).
 *
 * The element is at most `limit` pixels high. Within `edge` of both ends a pixel is a pixel; in between, the list is longer than the element:
 * a jump with the scroll bar goes to the same share of it, while wheel, keys and fingers move by real pixels, so that the element drifts
 * from the list's place by `base`, until it nears an end and is put right.
 */
export class Tall {
  private rows = 0;
  private last = 0;
  private base = 0;

  constructor(readonly row: number, readonly limit = 5_000_000, readonly edge = 100_000) {}

  set total(rows: number) {
    this.rows = rows;
  }

  /** Pixels that the list is high. */
  get whole(): number {
    return this.rows * this.row;
  }

  /** Pixels that the element is high. */
  get height(): number {
    return Math.min(this.whole, this.limit);
  }

  /**
   * The element was scrolled to `at` and shows `view` pixels.
   * `top` is where the list then stands, `at` where the element must be scrolled to instead, if anywhere.
   */
  scrolled(at: number, view: number): { top: number; at?: number } {
    if (this.whole <= this.limit) {
      this.base = 0;
      return { top: at };
    }
    if (Math.abs(at - this.last) > 2 * view) this.base = Math.round(this.listAt(at)) - at;
    this.last = at;
    const top = Math.max(0, Math.min(at + this.base, this.whole - view));
    const wanted = this.elementAt(top);
    const nearEnd = Math.min(at, top) < this.edge || at > this.height - this.edge - view || top > this.whole - this.edge - view;
    if (!nearEnd || Math.abs(wanted - at) < 1) return { top };
    return { top, at: this.stand(top) };
  }

  /** Puts the list to `top`; gives where the element must be scrolled to. */
  stand(top: number): number {
    const at = this.whole <= this.limit ? top : this.elementAt(top);
    this.base = top - at;
    this.last = at;
    return at;
  }

  /** Pixels from the top of the element at which a row belongs. */
  place(index: number): number {
    return index * this.row - this.base;
  }

  private elementAt(top: number): number {
    const { edge, whole, height } = this;
    if (top < edge) return top;
    if (top > whole - edge) return height - (whole - top);
    return Math.round(edge + ((top - edge) * (height - 2 * edge)) / (whole - 2 * edge));
  }

  private listAt(at: number): number {
    const { edge, whole, height } = this;
    if (at < edge) return at;
    if (at > height - edge) return whole - (height - at);
    return edge + ((at - edge) * (whole - 2 * edge)) / (height - 2 * edge);
  }
}
