/** What Python sends of a board, and the small rules of what a board shows. */
import { number, percent } from "../shared/dom";

export interface Proposal {
  name: string;
  source: "known" | "kept" | "labels" | "encoder" | "bank" | "words" | "annotator";
  score: number;
}

export interface ClusterInfo {
  cluster: number;
  size: number;
  /** Name given, or, where all items are labelled, the label that most have; empty otherwise. */
  name: string;
  /** What it is a kind of; empty where that is not named. */
  broader: string;
  /** Overlap with the cluster of before whose name it keeps, null where the name is its own. */
  kept: number | null;
  /** Mean Jaccard similarity under bootstrap, null where it is not measured. */
  stability: number | null;
  /** The commonest label, empty where nothing is labelled. */
  label: string;
  /** Names to propose, the surest source first. */
  proposals: Proposal[];
  /** Share of the commonest label among the labelled items, null where none is. */
  purity: number | null;
  /** Items with a class as their label. */
  known: number;
  /** Items with any label. */
  labelled: number;
  /** `known` or `new` where the method tells known classes from new groups, else empty. */
  novel: "known" | "new" | "";
  /** The same where the cards stand in these sections. */
  section: "known" | "new" | "";
  /** The unfolded group it stands in, null outside. */
  within: number | null;
  exemplars: number[];
  borderline: number[];
}

/** Several clusters that the tree puts together. */
export interface GroupInfo {
  group: number;
  clusters: number[];
  size: number;
  labelled: number;
  /** What all of them are kinds of; empty where that is not named. */
  name: string;
  /** Names of its clusters, of the largest first. */
  names: string[];
  n_named: number;
  unfolded: boolean;
  exemplars: number[];
}

export type CardInfo = ClusterInfo | GroupInfo;

export interface BoardPage {
  page: number;
  pages: number;
  cards: CardInfo[];
  progress: { clusters: number; labelled: number; items: number; n_items: number; outliers: number; named: number; sent: number };
  version: number;
  level: number;
  can_undo: boolean;
  can_redo: boolean;
  /** Steps in the journal that did not fit, such as those of two kernels at the same moment. */
  skipped: number;
}

/** Before the first page has come. */
export const NO_PAGE: BoardPage = {
  page: 0, pages: 1, cards: [], progress: { clusters: 0, labelled: 0, items: 0, n_items: 0, outliers: 0, named: 0, sent: 0 },
  version: -1, level: 0, can_undo: false, can_redo: false, skipped: 0,
};

export const isGroup = (info: CardInfo): info is GroupInfo => "group" in info;

/** Names a card among the others. */
export const keyOf = (info: CardInfo): string => (isGroup(info) ? `g${info.group}` : `c${info.cluster}`);

export type CardStanding = "open" | "part" | "waiting" | "unsaved" | "kept";

/** How a cluster stands: on its way to the journal, all labelled, some labelled, none. */
export function standingOf(info: { labelled: number; size: number }, pending?: "waiting" | "unsaved"): CardStanding {
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

/** Where a proposed name comes from, and how sure that is. */
export function sourceWords({ source, score }: Proposal): string {
  switch (source) {
    case "known": return "known class";
    case "kept": return `kept, overlap ${percent(score)}`;
    case "labels": return `labels, ${percent(score)}`;
    case "encoder": return `encoder, ${score.toFixed(1)} sd`;
    case "bank": return `bank, ${score.toFixed(1)} sd`;
    case "words": return "words";
    case "annotator": return `annotator, ${percent(score)}`;
  }
}

/** Hennig's rule of thumb. */
export function stabilityWords(value: number): string {
  const word = value >= 0.75 ? "stable" : value >= 0.6 ? "doubtful border" : value >= 0.5 ? "weak" : "not found again";
  return `stability ${value.toFixed(2)}, ${word}`;
}

/** What is said below a cluster's head, piece by piece; a label in it is marked by its own element. */
export function aboutCluster(info: ClusterInfo): { text: string; label?: string }[] {
  const labelled = info.labelled ? `${info.labelled === info.size ? "all" : `${number(info.labelled)} of ${number(info.size)}`} labelled` : "nothing labelled yet";
  const said: { text: string; label?: string }[] = [info.purity === null ? { text: labelled } : { text: `${labelled}, ${percent(info.purity)} `, label: info.label }];
  if (info.stability !== null) said.push({ text: stabilityWords(info.stability) });
  if (info.novel && !info.section) said.push({ text: info.novel === "known" ? "a known class" : "a new group" });
  if (info.kept !== null) said.push({ text: `name kept from before, overlap ${percent(info.kept)}` });
  if (info.broader) said.push({ text: "a kind of ", label: info.broader });
  return said;
}

/** The heading above a card that begins a section; empty where it begins none. */
export function headingAt(cards: readonly CardInfo[], i: number): string {
  const [before, here] = [cards[i - 1], cards[i]].map((info) => (info && !isGroup(info) ? info.section : ""));
  return !here || here === before ? "" : here === "new" ? "New groups" : "Known classes";
}

/** The next proposal after the name that stands in the field, in a circle; empty where there is none. */
export function nextProposal(proposals: readonly Proposal[], name: string): string {
  if (!proposals.length) return "";
  const at = proposals.findIndex((one) => one.name === name);
  return proposals[(at + 1) % proposals.length].name;
}

/** The number of groups one step finer or coarser; 0 where every cluster stands alone. Steps are about a fifth, and one at least. */
export function nextLevel(level: number, clusters: number, finer: boolean): number {
  const now = level || clusters;
  const step = Math.max(1, Math.round(now / 5));
  const next = finer ? now + step : now - step;
  return next >= clusters ? 0 : Math.max(2, next);
}
