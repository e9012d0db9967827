/** Which items are marked, by cluster; those in no cluster under -1. Python may have marked more than a message carries. */

export class Marks {
  private readonly sets = new Map<number, Set<number>>();
  private told: { marking: number; n: number } | null = null;

  of(cluster: number): Set<number> {
    const found = this.sets.get(cluster) ?? new Set<number>();
    this.sets.set(cluster, found);
    return found;
  }

  /** Clusters with marked items, -1 among them where items in none are marked. */
  get clusters(): number[] {
    return [...this.sets].filter(([, some]) => some.size > 0).map(([cluster]) => cluster);
  }

  /** How many are marked, those included that Python alone knows. */
  get size(): number {
    return this.told?.n ?? this.here;
  }

  get positions(): number[] {
    return [...this.sets.values()].flatMap((some) => [...some]);
  }

  /** What a request says of them: the positions, or, where Python has marked more than were sent, which marking it was. */
  get payload(): { positions: number[] } | { marking: number } {
    return this.told ? { marking: this.told.marking } : { positions: this.positions };
  }

  /** Takes over what Python has marked. */
  take({ marks, n, marking }: { marks: Record<string, number[]>; n: number; marking: number }): void {
    this.clear();
    for (const [cluster, positions] of Object.entries(marks)) for (const position of positions) this.of(Number(cluster)).add(position);
    this.told = n > this.here ? { marking, n } : null;
  }

  clear(): void {
    for (const some of this.sets.values()) some.clear();
    this.told = null;
  }

  private get here(): number {
    let n = 0;
    for (const some of this.sets.values()) n += some.size;
    return n;
  }
}
