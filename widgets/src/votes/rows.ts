/** The rows of the matrix: fetched in blocks around what is in sight, forgotten when the list changes. */
import { array } from "../shared/channel";
import type { Panel } from "../shared/panel";

export interface Row {
  position: number;
  /** Class position of each source's vote, -1 where it abstains. */
  votes: Int16Array;
  /** Label code: class position, -1 none, -2 another kind of answer. */
  label: number;
}

const BLOCK = 120;

export class RowSource {
  total = 0;
  private readonly blocks = new Map<number, Row[]>();
  private readonly asked = new Set<number>();
  private generation = 0;

  constructor(private readonly panel: Panel, private readonly sources: number, private readonly arrived: () => void) {}

  at(index: number): Row | undefined {
    return this.blocks.get(Math.floor(index / BLOCK))?.[index % BLOCK];
  }

  /** Forgets all: the rows were chosen anew. */
  async reset(): Promise<void> {
    this.generation++;
    this.blocks.clear();
    this.asked.clear();
    await this.fetch(0);
  }

  /** Reads anew what is known: labels have changed, the rows have not. */
  refresh(): void {
    this.generation++;
    this.asked.clear();
    for (const block of [...this.blocks.keys()]) void this.panel.attempt(() => this.fetch(block));
  }

  /** Fetches what is missing from `first` to `last`. */
  want(first: number, last: number): void {
    for (let block = Math.floor(Math.max(0, first) / BLOCK); block <= Math.floor(last / BLOCK); block++) {
      if (!this.blocks.has(block) && !this.asked.has(block)) void this.panel.attempt(() => this.fetch(block));
    }
  }

  private async fetch(block: number): Promise<void> {
    const generation = this.generation;
    this.asked.add(block);
    try {
      const { content, buffers } = await this.panel.channel.request("rows", { start: block * BLOCK, count: BLOCK });
      if (generation !== this.generation) return;
      const positions = array(Uint32Array, buffers[0]), votes = array(Int16Array, buffers[1]), labels = array(Int16Array, buffers[2]);
      this.total = content.total;
      this.blocks.set(block, Array.from(positions, (position, i) => ({ position, votes: votes.subarray(i * this.sources, (i + 1) * this.sources), label: labels[i] })));
      if (this.blocks.size > 60) this.blocks.delete(this.blocks.keys().next().value as number);
    } finally {
      this.asked.delete(block);
    }
    this.arrived();
  }
}
