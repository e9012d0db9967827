/**
 * Decisions on their way to Python, in the order in which they were made, one at a time.
 *
 * A decision is `waiting` until Python has answered that it is on disk. Where no answer comes, or the answer is a failure, it and all
 * that follow are `unsaved`: they stay here and are sent again, less and less often, until they are kept or Python refuses them for good.
 * Each carries a `uid`, by which Python knows a decision that it has already kept, so that sending again never decides twice.
 */

export type Content = Record<string, any>;

export interface Entry {
  readonly uid: string;
  readonly kind: string;
  readonly payload: Content;
  /** Items the decision is about; empty for undo and redo. */
  readonly positions: readonly number[];
  state: "waiting" | "unsaved";
  attempts: number;
}

export interface Outlets {
  /** Sends one message; rejects where it failed or no answer came. */
  request(kind: string, payload: Content): Promise<Content>;
  /** Something changed that is drawn. */
  changed(): void;
  /** Python has kept the decision. */
  saved(entry: Entry, answer: Content): void;
  /** Python will never keep it: the reason, to be shown. */
  refused(entry: Entry, reason: string): void;
}

const DELAYS = [1_000, 2_000, 4_000, 8_000, 15_000];

export class Outbox {
  private entries: Entry[] = [];
  private busy = false;
  private closed = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private next = 0;
  private readonly session = Math.random().toString(36).slice(2, 10);
  private readonly guard = (event: Event) => event.preventDefault();
  /** Why the first entry could not be saved; empty where nothing is wrong. */
  problem = "";

  constructor(private readonly outlets: Outlets, private readonly delays: readonly number[] = DELAYS) {}

  push(kind: string, payload: Content, positions: readonly number[] = []): Entry {
    const entry: Entry = { uid: `${this.session}:${this.next++}`, kind, payload, positions, state: this.problem ? "unsaved" : "waiting", attempts: 0 };
    this.entries.push(entry);
    if (this.entries.length === 1) globalThis.addEventListener?.("beforeunload", this.guard);
    this.outlets.changed();
    void this.pump();
    return entry;
  }

  /** How the latest decision on an item stands; undefined where all are kept. */
  stateOf(position: number): Entry["state"] | undefined {
    return this.latest(position)?.state;
  }

  /** The latest decision on an item that is not kept yet. */
  latest(position: number): Entry | undefined {
    for (let i = this.entries.length - 1; i >= 0; i--) if (this.entries[i].positions.includes(position)) return this.entries[i];
    return undefined;
  }

  get size(): number {
    return this.entries.length;
  }

  get unsaved(): number {
    return this.entries.filter((entry) => entry.state === "unsaved").length;
  }

  /** Items with a decision that is not kept yet. */
  get items(): number {
    return new Set(this.entries.flatMap((entry) => entry.positions)).size;
  }

  /** Sends what is unsaved at once. */
  retry(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    void this.pump();
  }

  /** Drops the last decision if it was never sent; false where there is none such. */
  cancelLast(): boolean {
    const last = this.entries[this.entries.length - 1];
    if (!last || last.attempts > 0) return false;
    this.entries.pop();
    this.settle();
    return true;
  }

  /** Forgets all that is not kept; what is being sent may still be kept. */
  discard(): void {
    this.entries.length = 0;
    this.settle();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    globalThis.removeEventListener?.("beforeunload", this.guard);
  }

  private async pump(): Promise<void> {
    if (this.busy || this.closed || this.timer !== undefined) return;
    this.busy = true;
    while (this.entries.length && !this.closed) {
      const entry = this.entries[0];
      entry.attempts++;
      try {
        const answer = await this.outlets.request(entry.kind, { ...entry.payload, uid: entry.uid });
        if (this.closed) break;
        if (this.entries[0] === entry) this.entries.shift();
        this.problem = "";
        for (const later of this.entries) later.state = "waiting";
        if (typeof answer.refused === "string") this.outlets.refused(entry, answer.refused);
        else this.outlets.saved(entry, answer);
      } catch (error) {
        if (this.closed) break;
        this.problem = error instanceof Error ? error.message : String(error);
        for (const unsaved of this.entries) unsaved.state = "unsaved";
        this.timer = setTimeout(() => this.retry(), this.delays[Math.min(entry.attempts, this.delays.length) - 1]);
        this.outlets.changed();
        break;
      }
      this.settle();
    }
    this.busy = false;
  }

  private settle(): void {
    if (!this.entries.length) {
      this.problem = "";
      globalThis.removeEventListener?.("beforeunload", this.guard);
    }
    this.outlets.changed();
  }
}
