/** What Python sends of a board, and the small rules of what a board shows. */

export interface ClusterInfo {
  cluster: number;
  size: number;
  /** Name given, or, where all items are labelled, the label that most have; empty otherwise. */
  name: string;
  /** The commonest label, empty where nothing is labelled. */
  label: string;
  /** A name to propose. */
  suggestion: string;
  /** Share of the commonest label among the labelled items, null where none is. */
  purity: number | null;
  /** Items with a class as their label. */
  known: number;
  /** Items with any label. */
  labelled: number;
  exemplars: number[];
  borderline: number[];
}

export interface BoardPage {
  page: number;
  pages: number;
  cards: ClusterInfo[];
  progress: { clusters: number; labelled: number; items: number; n_items: number; outliers: number };
  version: number;
  can_undo: boolean;
  can_redo: boolean;
}

export type CardStanding = "open" | "part" | "waiting" | "unsaved" | "kept";

/** How a cluster stands: on its way to the journal, all labelled, some labelled, none. */
export function standingOf(info: ClusterInfo, pending?: "waiting" | "unsaved"): CardStanding {
  if (pending) return pending;
  if (info.labelled >= info.size && info.size > 0) return "kept";
  return info.labelled > 0 ? "part" : "open";
}

/** How it stands, in words. */
export function standingWords(standing: CardStanding): string {
  switch (standing) {
    case "open": return "";
    case "part": return "";
    case "waiting": return "being saved";
    case "unsaved": return "unsaved";
    case "kept": return "✓ labelled";
  }
}
