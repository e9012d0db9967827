/** The head of a group of cards that show one class, and the cards beneath it. */
import { swatch } from "../shared/classes";
import { count, h } from "../shared/dom";
import { sureRange, type Group } from "./answers";

export function drawGroup(group: Group, classes: readonly string[], elements: readonly HTMLElement[], none: string): HTMLElement {
  const cards = h("div", { class: "lnb-review-cards", role: "presentation" }, ...elements.slice(group.start, group.start + group.count));
  if (group.class === null) return cards;
  const name = group.class >= 0 ? classes[group.class] ?? "" : none;
  const sure = group.low === null || group.high === null || group.class < 0 ? "" : sureRange(group.low, group.high);
  const head = h("div", { class: "lnb-review-group-head", role: "presentation" }, swatch(group.class), h("strong", { dir: "auto", title: name }, name), group.count > 1 && h("span", { class: "lnb-quiet" }, `${group.count}${sure && ` · ${sure}`}`));
  return h("div", { role: "group", "aria-label": `${name}, ${count(group.count, "item")}` }, head, cards);
}
