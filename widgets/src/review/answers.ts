/** Answers a person can give about an item, and how an item stands: what is filled in, what is kept, what is on its way. */
import type { LabelValue } from "../shared/panel";
import type { Quality } from "./quality";

/** A label as Python writes it (labelnb.Label.to_json). */
export interface Label {
  kind: "class" | "not" | "any" | "multi" | "unsure" | "outside";
  classes: string[];
  absent?: string[];
}

/** One item of a page, as Python sends it. */
export interface ReviewItem {
  position: number;
  /** Class position filled in, -1 where nothing is. */
  filled: number;
  confidence: number | null;
  /** Class position that a ranking would put instead of the label as it stands, -1 where none. */
  suggested: number;
  reason: string;
  /** Of a ranking. */
  score?: number | null;
  /** The label that is kept, or null. */
  label: Label | null;
  /** A person has decided it in this review. */
  reviewed: boolean;
}

export interface Group {
  /** Class position filled in for all of them, -1 where nothing is; null where the page is not grouped. */
  class: number | null;
  start: number;
  count: number;
  low: number | null;
  high: number | null;
}

export interface Page {
  number: number;
  pages: number;
  /** Items in the review as it is filtered now. */
  total: number;
  items: ReviewItem[];
  groups: Group[];
  progress: { reviewed: number; total: number };
  quality?: Quality;
}

export type Standing = "open" | "waiting" | "unsaved" | "kept";

export interface Shown {
  label: Label | null;
  standing: Standing;
}

/** `value` as a label; null clears. */
export function labelOf(value: LabelValue): Label | null {
  if (value === null) return null;
  if (typeof value === "string") return { kind: "class", classes: [value] };
  return { kind: value.kind, classes: value.classes ?? [], absent: value.absent ?? [] };
}

/** What the card shows: a decision on its way over the label that is kept over what is filled in. */
export function shown(item: ReviewItem, classes: readonly string[], pending?: { value: LabelValue; state: "waiting" | "unsaved" }): Shown {
  const filled: Label | null = item.filled >= 0 && item.filled < classes.length ? { kind: "class", classes: [classes[item.filled]] } : null;
  if (pending) {
    const label = labelOf(pending.value);
    return { label: label ?? filled, standing: pending.state };
  }
  if (item.label && item.reviewed) return { label: item.label, standing: "kept" };
  return { label: item.label ?? filled, standing: "open" };
}

/** A label in words; `none` says that there is none. */
export function words(label: Label | null, none = "no proposal"): string {
  if (!label) return none;
  switch (label.kind) {
    case "class": return label.classes[0];
    case "not": return `not ${label.classes.join(", ")}`;
    case "any": return label.classes.join(" or ");
    case "unsure": return "unsure";
    case "outside": return "not in list";
    case "multi": return [...label.classes, ...(label.absent ?? []).map((name) => `not ${name}`)].join(", ") || "none of them";
  }
}

/** What `accept` decides for an item: the label as it is shown, or undefined where there is nothing to accept. */
export function acceptable(label: Label | null): LabelValue | undefined {
  if (!label) return undefined;
  if (label.kind === "class") return label.classes[0];
  return { kind: label.kind, classes: label.classes, absent: label.absent ?? [] };
}

/** The answer 'not this' for an item: not the class it shows; undefined where it shows none. A second 'not' adds to the first. */
export function notThis(item: ReviewItem, label: Label | null, classes: readonly string[]): LabelValue | undefined {
  if (label?.kind === "class") {
    const before = item.label?.kind === "not" ? item.label.classes : [];
    return { kind: "not", classes: [...new Set([...before, label.classes[0]])] };
  }
  if (!label && item.filled >= 0) return { kind: "not", classes: [classes[item.filled]] };
  return undefined;
}

/** How sure a method is, in whole percent; 100 only where it is certain. */
export function sure(confidence: number): string {
  return `${sureNumber(confidence)}%`;
}

/** "81–94%" */
export function sureRange(low: number, high: number): string {
  const [a, b] = [sureNumber(low), sureNumber(high)];
  return a === b ? `${a}%` : `${a}–${b}%`;
}

function sureNumber(confidence: number): number {
  return confidence >= 1 ? 100 : Math.min(99, Math.round(confidence * 100));
}
