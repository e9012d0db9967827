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
}

export interface Box {
  width: number;
  height: number;
}

export interface Placed {
  x: number;
  y: number;
  /** Half of the side of the square that the node covers. */
  half: number;
}

export const HALF = [44, 30, 24] as const;
const CLASS_HALF = 30;
const ROUNDS = 120;

/** Positions in pixels of the nodes, in their order; `first` is the class whose sector points up. */
export function place(nodes: readonly Node[], box: Box, first = -1): Placed[] {
  const placed: Placed[] = nodes.map((node) => ({ x: 0, y: 0, half: node.node < 0 ? CLASS_HALF : HALF[Math.min(node.ring, 2)] }));
  const centre = { x: box.width / 2, y: box.height / 2 };
  for (const { from, to, members } of sectors(nodes, first)) {
    const rings = [members.filter((i) => nodes[i].ring <= 1 && nodes[i].node >= 0), members.filter((i) => nodes[i].ring > 1 && nodes[i].node >= 0), members.filter((i) => nodes[i].node < 0)];
    rings.forEach((ring, level) => {
      const reach = [0.5, 0.78, 1][level];
      ring.forEach((i, n) => {
        // Half a step at either end keeps neighbours of two sectors apart.
        const angle = from + ((to - from) * (n + 0.5)) / ring.length;
        placed[i].x = centre.x + Math.cos(angle) * reach * Math.max(0, centre.x - placed[i].half - 4);
        placed[i].y = centre.y + Math.sin(angle) * reach * Math.max(0, centre.y - placed[i].half - 4);
      });
    });
  }
  nodes.forEach((node, i) => {
    if (node.ring === 0) Object.assign(placed[i], centre);
  });
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
      for (let b = a + 1; b < placed.length; b++) {
        const gapX = placed[a].half + placed[b].half + 8 - Math.abs(placed[a].x - placed[b].x);
        const gapY = placed[a].half + placed[b].half + 14 - Math.abs(placed[a].y - placed[b].y);
        if (gapX <= 0 || gapY <= 0) continue;
        moved = true;
        const share = weight(nodes[b]) / (weight(nodes[a]) + weight(nodes[b]));
        // Along the shorter way out.
        if (gapX < gapY) {
          const sign = placed[a].x < placed[b].x || (placed[a].x === placed[b].x && a < b) ? -1 : 1;
          placed[a].x += sign * gapX * share * 0.6;
          placed[b].x -= sign * gapX * (1 - share) * 0.6;
        } else {
          const sign = placed[a].y < placed[b].y || (placed[a].y === placed[b].y && a < b) ? -1 : 1;
          placed[a].y += sign * gapY * share * 0.6;
          placed[b].y -= sign * gapY * (1 - share) * 0.6;
        }
      }
    }
    for (let i = 0; i < placed.length; i++) {
      if (nodes[i].ring === 0) Object.assign(placed[i], { x: box.width / 2, y: box.height / 2 });
      placed[i].x = clamp(placed[i].x, placed[i].half + 2, box.width - placed[i].half - 2);
      placed[i].y = clamp(placed[i].y, placed[i].half + 2, box.height - placed[i].half - 10);
    }
    if (!moved) return;
  }
}

/** Heavier nodes yield less. */
function weight(node: Node): number {
  return node.ring === 0 ? 1e6 : node.node < 0 ? 3 : 1;
}

function clamp(value: number, low: number, high: number): number {
  return high < low ? (low + high) / 2 : Math.min(high, Math.max(low, value));
}
