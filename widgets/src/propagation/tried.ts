/** What a person is trying: changed edges and labels, as Python takes them. Pure, so that it can be tested without a page. */

export interface Tried {
  cut: number[][];
  weigh: number[][];
  add: number[][];
  labels: [number, string | null][];
}

export interface Pending extends Tried {
  n_changed: number;
  ms: number;
  residual: number | null;
  how: string;
  /** What the change leaves as it is, in words; empty where nothing stands beside the graph. */
  held?: string;
  /** Short names of the items it speaks of. */
  names: [number, string][];
}

export const NOTHING: Tried = { cut: [], weigh: [], add: [], labels: [] };

export type Wish =
  | { kind: "cut"; items: number[] }
  | { kind: "weigh"; items: number[]; factor: number }
  | { kind: "add"; items: [number, number] }
  | { kind: "label"; item: number; value: string | null };

export function isEmpty(tried: Tried): boolean {
  return !tried.cut.length && !tried.weigh.length && !tried.add.length && !tried.labels.length;
}

/** What is tried with a wish added; a wish that is there already is taken out, another for the same edge or item takes its place. */
export function withWish(tried: Tried, wish: Wish): Tried {
  if (wish.kind === "label") {
    const before = tried.labels.find(([item]) => item === wish.item);
    const rest = tried.labels.filter(([item]) => item !== wish.item);
    return { ...tried, labels: before && before[1] === wish.value ? rest : [...rest, [wish.item, wish.value]] };
  }
  const there = standing(tried, wish.items);
  const rest = without(tried, wish.items);
  if (there === wish.kind) return rest;
  if (wish.kind === "cut") return { ...rest, cut: [...rest.cut, wish.items] };
  if (wish.kind === "weigh") return { ...rest, weigh: [...rest.weigh, [...wish.items, wish.factor]] };
  return { ...rest, add: [...rest.add, wish.items] };
}

/** What is tried of the edge between two items, or of all edges of one. */
export function standing(tried: Tried, items: readonly number[]): "cut" | "weigh" | "add" | null {
  if (tried.cut.some((one) => same(one, items))) return "cut";
  if (tried.weigh.some((one) => same(one.slice(0, -1), items))) return "weigh";
  return items.length === 2 && tried.add.some((one) => same(one.slice(0, 2), items)) ? "add" : null;
}

/** Everything but what is tried of this edge. */
export function without(tried: Tried, items: readonly number[]): Tried {
  return {
    ...tried,
    cut: tried.cut.filter((one) => !same(one, items)),
    weigh: tried.weigh.filter((one) => !same(one.slice(0, -1), items)),
    add: tried.add.filter((one) => !same(one.slice(0, 2), items)),
  };
}

/** Each change in words, with what takes it out again. */
export function inWords(tried: Tried, name: (item: number) => string): { text: string; wish: Wish }[] {
  const edge = (items: readonly number[]) => (items.length === 1 ? `all edges of ${name(items[0])}` : `${name(items[0])} – ${name(items[1])}`);
  return [
    ...tried.cut.map((items) => ({ text: `cut ${edge(items)}`, wish: { kind: "cut", items } as Wish })),
    ...tried.weigh.map((one) => ({ text: `${edge(one.slice(0, -1))} × ${one[one.length - 1]}`, wish: { kind: "weigh", items: one.slice(0, -1), factor: one[one.length - 1] } as Wish })),
    ...tried.add.map((one) => ({ text: `join ${edge(one.slice(0, 2))}`, wish: { kind: "add", items: [one[0], one[1]] } as Wish })),
    ...tried.labels.map(([item, value]) => ({ text: value === null ? `${name(item)} without a label` : `${name(item)} is ${value}`, wish: { kind: "label", item, value } as Wish })),
  ];
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && (a.length === 1 ? a[0] === b[0] : (a[0] === b[0] && a[1] === b[1]) || (a[0] === b[1] && a[1] === b[0]));
}

/** A frame as Python packs it: class + 1 above three bits of certainty. */
export function unpacked(bytes: Uint8Array | Uint16Array): { classes: Int16Array; sure: Uint8Array } {
  const classes = new Int16Array(bytes.length);
  const sure = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    classes[i] = (bytes[i] >> 3) - 1;
    sure[i] = bytes[i] & 7;
  }
  return { classes, sure };
}
