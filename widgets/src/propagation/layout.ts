/**
 * Where the nodes of an ego graph stand: the item in the middle, every class in a sector of its own with its class node at the rim, so that
 * the side a label comes from can be seen. Same input, same picture: there is no chance in it.
 */

export interface Node {
  /** Item position, or -1 - class. */
  node: number;
  /** 0 the item, 1 its neighbours, 2 further away. */
  ring: number;
  /** Class position that gives the sector and the colour; -1 where there is none. */
  cls: number;
  /** Name of a class node, which makes it wider. */
  name?: string;
}

export interface Box {
  width: number;
  height: number;
}

export interface Placed {
  /** The middle of the node. */
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Width and height of nodes: the item, its neighbours, further ones, classes. */
export interface Sizes {
  item: readonly [number, number];
  near: readonly [number, number];
  far: readonly [number, number];
  cls: readonly [number, number];
}

export const PICTURES: Sizes = { item: [88, 88], near: [60, 60], far: [46, 46], cls: [70, 30] };
export const TEXTS: Sizes = { item: [168, 84], near: [112, 50], far: [96, 40], cls: [70, 30] };
export const SMALL: Sizes = { item: [68, 68], near: [44, 44], far: [36, 36], cls: [56, 26] };

/** Texts where there is less room: as wide as a word. */
export const NARROW_TEXTS: Sizes = { item: [132, 76], near: [92, 46], far: [84, 34], cls: [56, 26] };

const ROUNDS = 160;
const GAP = 8;

/** Places of the nodes, in their order; `first` is the class whose sector points up. */
export function place(nodes: readonly Node[], box: Box, sizes: Sizes = PICTURES, first = -1): Placed[] {
  const placed: Placed[] = nodes.map((node) => {
    const [width, height] = node.node < 0 ? sizes.cls : node.ring === 0 ? sizes.item : node.ring === 1 ? sizes.near : sizes.far;
    const wider = node.name ? Math.min(150, 40 + 7 * node.name.length, box.width / 2) : 0;
    return { x: box.width / 2, y: box.height / 2, width: Math.max(width, wider), height };
  });
  for (const { from, to, members } of sectors(nodes, first)) {
    const rings = [
      members.filter((i) => nodes[i].ring <= 1 && nodes[i].node >= 0),
      members.filter((i) => nodes[i].ring > 1 && nodes[i].node >= 0),
      members.filter((i) => nodes[i].node < 0),
    ];
    rings.forEach((ring, level) => {
      const reach = [0.52, 0.8, 1][level];
      ring.forEach((i, n) => {
        // Half a step at either end keeps neighbours of two sectors apart.
        const angle = from + ((to - from) * (n + 0.5)) / ring.length;
        placed[i].x += Math.cos(angle) * reach * Math.max(0, (box.width - placed[i].width) / 2 - 4);
        placed[i].y += Math.sin(angle) * reach * Math.max(0, (box.height - placed[i].height) / 2 - 4);
      });
    });
  }
  spread(placed, nodes, box);
  return placed;
}

interface Sector {
  from: number;
  to: number;
  members: number[];
}

/** One sector a class, as wide as it has members; the sector of `first` is centred at the top. */
export function sectors(nodes: readonly Node[], first: number): Sector[] {
  const byClass = new Map<number, number[]>();
  nodes.forEach((node, i) => {
    if (node.ring === 0) return;
    const home = node.node < 0 ? -1 - node.node : node.cls;
    byClass.set(home, [...(byClass.get(home) ?? []), i]);
  });
  const homes = [...byClass.keys()].sort((a, b) => Number(b === first) - Number(a === first) || a - b);
  const total = homes.reduce((sum, home) => sum + byClass.get(home)!.length + 1, 0);
  const turn = homes.length ? (Math.PI * 2 * (byClass.get(homes[0])!.length + 1)) / total : 0;
  let angle = -Math.PI / 2 - turn / 2;
  return homes.map((home) => {
    const members = byClass.get(home)!;
    const from = angle;
    angle += (Math.PI * 2 * (members.length + 1)) / total;
    return { from, to: angle, members };
  });
}

/** Pushes overlapping nodes apart; the item does not move, class nodes move least. */
function spread(placed: Placed[], nodes: readonly Node[], box: Box): void {
  for (let round = 0; round < ROUNDS; round++) {
    let moved = false;
    for (let a = 0; a < placed.length; a++) {
      for (let b = a + 1; b < placed.length; b++) moved = push(placed[a], placed[b], nodes[a], nodes[b]) || moved;
    }
    for (let i = 0; i < placed.length; i++) {
      if (nodes[i].ring === 0) Object.assign(placed[i], { x: box.width / 2, y: box.height / 2 });
      placed[i].x = clamp(placed[i].x, placed[i].width / 2 + 2, box.width - placed[i].width / 2 - 2);
      placed[i].y = clamp(placed[i].y, placed[i].height / 2 + 2, box.height - placed[i].height / 2 - 2);
    }
    if (!moved) return;
  }
}

function push(a: Placed, b: Placed, nodeA: Node, nodeB: Node): boolean {
  const gapX = (a.width + b.width) / 2 + GAP - Math.abs(a.x - b.x);
  const gapY = (a.height + b.height) / 2 + GAP - Math.abs(a.y - b.y);
  if (gapX <= 0 || gapY <= 0) return false;
  const share = weight(nodeB) / (weight(nodeA) + weight(nodeB));
  // Along the shorter way out.
  if (gapX < gapY) {
    const sign = a.x <= b.x ? -1 : 1;
    a.x += sign * gapX * share * 0.6;
    b.x -= sign * gapX * (1 - share) * 0.6;
  } else {
    const sign = a.y <= b.y ? -1 : 1;
    a.y += sign * gapY * share * 0.6;
    b.y -= sign * gapY * (1 - share) * 0.6;
  }
  return true;
}

/** Heavier nodes yield less. */
function weight(node: Node): number {
  return node.ring === 0 ? 1e6 : node.node < 0 ? 3 : 1;
}

function clamp(value: number, low: number, high: number): number {
  return high < low ? (low + high) / 2 : Math.min(high, Math.max(low, value));
}

/** The node that an arrow key leads to: the nearest in that direction, sideways counting double; -1 where there is none. */
export function towards(placed: readonly Placed[], at: number, key: string): number {
  const from = placed[at];
  if (!from) return placed.length ? 0 : -1;
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key] ?? [0, 0];
  let best = -1;
  let least = Infinity;
  placed.forEach(({ x, y }, i) => {
    const ahead = (x - from.x) * dx + (y - from.y) * dy;
    const aside = Math.abs((x - from.x) * dy) + Math.abs((y - from.y) * dx);
    if (i === at || ahead < 4 || aside > ahead * 2.5) return;
    if (ahead + 2 * aside < least) {
      least = ahead + 2 * aside;
      best = i;
    }
  });
  return best;
}
