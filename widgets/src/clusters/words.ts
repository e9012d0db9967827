/** What a board says: its keys, and what was done. */
import { count, number } from "../shared/dom";
import { changeWords, type ClassChange } from "./class_panel";
import type { Content } from "../shared/outbox";

export const LEGEND: readonly (readonly [string, string])[] = [
  ["← → ↑ ↓", "move"], ["enter", "accept"], ["n", "name"], ["p", "next proposed name"], ["1–9", "name as a class"], ["space", "choose"], ["m", "merge chosen"], ["k", "split up"], ["e", "all items, unfold"], ["u", "undo"], ["h", "all keys"],
];
export const MORE: readonly (readonly [string, string])[] = [
  ["s", "split marked items off"], ["x", "take marked items out"], ["enter", "with marked items: accept the rest, the marked are not it"], ["shift enter", "accept the rest, review the marked"], ["shift ← → ↑ ↓", "mark several (all items)"],
  ["g", "new cluster of all that is marked"], ["l", "follow the map"], ["o", "show on the map"], ["c", "change classes"], ["b", "look for more names"], ["[ ]", "fewer, more groups"], ["t", "measure stability"], ["a", "ask the annotator"], ["v", "send to review"], ["r", "redo"], ["page down, page up", "next page, page before"], ["esc", "close, let go"],
];

/** What is said once Python has kept a step. */
export function savedWords(kind: string, payload: Content, answer: Content): string {
  if (kind === "accept") {
    if ("clusters" in payload) return `${count(answer.labelled, "item")} labelled as their clusters are named.`;
    const kept = answer.kept ? `; ${number(answer.kept)} kept as people labelled them` : "";
    const out = answer.excepted ? `; ${number(answer.excepted)} left out, ${payload.review ? "sent to review" : `not ${payload.name}`}` : "";
    return `Cluster ${payload.cluster}: ${count(answer.labelled, "item")} labelled ${payload.name}${kept}${out}.`;
  }
  if (kind === "merge") return `Merged into cluster ${answer.cluster}.`;
  if (kind === "split") {
    if (answer.clusters) return `Split into clusters ${answer.clusters.join(", ")}.`;
    return answer.cluster === null ? "Taken out of the cluster." : `Split off as cluster ${answer.cluster}.`;
  }
  if (kind === "gather") return `Gathered in cluster ${answer.cluster}: name it with n.`;
  if (kind === "change_classes") return `Done: ${changeWords(payload as unknown as ClassChange)}; ${count(answer.n_items, "label")} went along. u takes it back.`;
  if (kind === "send") return `${count(answer.n, "item")} sent to review. Open them in a cell with board.review() on this widget.`;
  if (kind === "take_back") return `${payload.redo ? "Brought back" : "Taken back"}${answer.what ? `: ${answer.what}` : ""}.`;
  return "";
}
