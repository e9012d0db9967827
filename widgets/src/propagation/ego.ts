/** What Python sends of an item in its graph. */
import type { ReviewItem } from "../review/answers";

export interface Standing extends ReviewItem {
  /** The item had a label when the method ran, and is a source itself. */
  seed: boolean;
}

export interface EgoNode extends Partial<Standing> {
  /** Item position, or -1 - class of the proposal. */
  node: number;
  ring: number;
}

export interface EgoEdge {
  from: number;
  to: number;
  weight: number;
  path: number | null;
}

export interface Share {
  kind: string;
  node: number | null;
  name: string;
  class: string;
  share: number;
}

export interface Ego {
  item: number;
  /** Its id. */
  name: string;
  label: string | null;
  confidence: number;
  nodes: EgoNode[];
  edges: EgoEdge[];
  /** Edges that the item has in all. */
  degree: number;
  rows: Share[];
  n_rows: number;
  totals: [string, number][];
  paths: { nodes: number[]; weight: number }[];
  can_go_back: boolean;
}

/** The class (position in the session's classes) that a node shows: a class node itself, an item's label, else what is proposed. */
export function classOf(node: EgoNode, proposed: readonly string[], classes: readonly string[]): number {
  if (node.node < 0) return classes.indexOf(proposed[-1 - node.node]);
  if (node.label) return node.label.kind === "class" ? classes.indexOf(node.label.classes[0]) : -1;
  return node.filled ?? -1;
}

/** Width of an edge in pixels, by its weight beside the largest of the drawing. */
export function edgeWidth(weight: number, largest: number): number {
  return largest > 0 ? 1 + 4 * Math.min(1, Math.abs(weight) / largest) : 1;
}

/** "12%", one decimal below ten; "<0.1%" for what is next to nothing. */
export function shareWords(share: number): string {
  const hundred = share * 100;
  if (hundred > 0 && hundred < 0.1) return "<0.1%";
  return hundred < 9.95 ? `${hundred.toFixed(1)}%` : `${Math.round(hundred)}%`;
}
