/** Items a minute while a person works: pauses of more than `idle` are left out, and only the last `window` of work counts. */
export class Speed {
  private readonly marks: { at: number; items: number }[] = [];

  constructor(private readonly window = 180_000, private readonly idle = 45_000) {}

  add(items: number, at: number): void {
    this.marks.push({ at, items });
    if (this.marks.length > 2_000) this.marks.splice(0, 1_000);
  }

  /** Null until there is enough to say something: three decisions over ten seconds of work. */
  perMinute(): number | null {
    let worked = 0;
    let items = 0;
    let steps = 0;
    for (let i = this.marks.length - 1; i > 0 && worked < this.window; i--) {
      const pause = this.marks[i].at - this.marks[i - 1].at;
      // A decision after a long pause tells nothing of how long it took.
      if (pause > this.idle) continue;
      worked += pause;
      items += this.marks[i].items;
      steps++;
    }
    return steps < 2 || worked < 10_000 ? null : (items / worked) * 60_000;
  }
}
