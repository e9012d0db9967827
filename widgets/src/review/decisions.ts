/** What a key or a button does to some items of a page: the answers to send, item by item. Pure, so that it can be tested without a page. */
import type { LabelValue } from "../shared/panel";
import { acceptable, labelOf, notThis, type ReviewItem, type Shown } from "./answers";

export type Wanted =
  | { kind: "class"; position: number }
  /** One of several: the class pressed, beside `first` or what the item shows. */
  | { kind: "or"; position: number; first: string | null }
  | { kind: "accept" }
  | { kind: "not" }
  | { kind: "unsure" }
  | { kind: "outside" }
  | { kind: "clear" }
  | { kind: "suggested" };

export interface Decision {
  positions: number[];
  values: LabelValue[];
}

/** The answers that `wanted` means for the items; items for which it means nothing (no class to deny, nothing to accept) are left out. */
export function answers(wanted: Wanted, items: readonly { item: ReviewItem; now: Shown }[], classes: readonly string[], multi: boolean): Decision {
  const decision: Decision = { positions: [], values: [] };
  for (const { item, now } of items) {
    const value = answer(wanted, item, now, classes, multi);
    if (value === undefined) continue;
    decision.positions.push(item.position);
    decision.values.push(value);
  }
  return decision;
}

function answer(wanted: Wanted, item: ReviewItem, now: Shown, classes: readonly string[], multi: boolean): LabelValue | undefined {
  switch (wanted.kind) {
    case "class": return multi ? toggled(now, classes[wanted.position]) : classes[wanted.position];
    case "or": return either(now, wanted.first, classes[wanted.position]);
    case "accept": return acceptable(now.label);
    case "not": return notThis(item, now.label, classes);
    case "unsure": return { kind: "unsure" };
    case "outside": return { kind: "outside" };
    case "clear": return item.label !== null || now.standing !== "open" ? null : undefined;
    case "suggested": return item.suggested >= 0 && item.suggested < classes.length ? classes[item.suggested] : undefined;
  }
}

/** The classes of which one is right, with `name` among them; a class alone where it is the only one. */
function either(now: Shown, first: string | null, name: string): LabelValue {
  const shown = now.label?.kind === "any" || now.label?.kind === "class" ? now.label.classes : [];
  const names = [...new Set([...(first === null ? shown : [first]), name])];
  return names.length > 1 ? { kind: "any", classes: names } : name;
}

/** Where several classes can hold: unknown becomes yes, yes becomes no, no becomes unknown. */
function toggled(now: Shown, name: string): LabelValue {
  const start = now.label?.kind === "multi" ? now.label : { classes: now.label?.kind === "class" ? now.label.classes : [], absent: [] };
  const yes = new Set(start.classes);
  const no = new Set(start.absent ?? []);
  if (yes.delete(name)) no.add(name);
  else if (!no.delete(name)) yes.add(name);
  return yes.size || no.size ? { kind: "multi", classes: [...yes], absent: [...no] } : null;
}

/** The answers of the whole page: what is filled in, for every item that no one has decided. `left` counts those with nothing to accept. */
export function acceptPage(items: readonly { item: ReviewItem; now: Shown }[]): Decision & { left: number } {
  const open = items.filter(({ now }) => now.standing === "open");
  const decision = answers({ kind: "accept" }, open, [], false);
  return { ...decision, left: open.length - decision.positions.length };
}

/** The message for Python: one value where all are the same. */
export function message(decision: Decision): Record<string, unknown> {
  const first = JSON.stringify(decision.values[0]);
  const same = decision.values.every((value) => JSON.stringify(value) === first);
  return { positions: decision.positions, ...(same ? { value: decision.values[0] } : { values: decision.values }) };
}

/** The value that a message holds for an item. */
export function valueIn(payload: Record<string, any>, position: number): LabelValue {
  return "values" in payload ? payload.values[payload.positions.indexOf(position)] : payload.value;
}

/** What a decision makes of an item, before it is kept. */
export function overlay(payload: Record<string, any>, position: number): ReturnType<typeof labelOf> {
  return labelOf(valueIn(payload, position));
}

/** What is said where an answer does not apply. */
export const NOTHING: Partial<Record<Wanted["kind"], string>> = {
  accept: "Nothing is proposed for this item: press a class's key.",
  not: "This item shows no class that could be denied.",
  clear: "There is no label to clear.",
  suggested: "There is no suggestion for this item.",
};
