/** The bar of answers above the items: the classes, the other answers, and the page as a whole. */
import { h } from "../shared/dom";
import type { Wanted } from "./decisions";

export interface BarActions {
  press(wanted: Wanted): void;
  either(): void;
  acceptAll(): void;
  focus(): void;
}

export interface Bar {
  element: HTMLElement;
  /** Pressed while 'A or B' waits for its second class. */
  either: HTMLButtonElement;
}

export function answerBar(palette: HTMLElement, finder: HTMLElement, actions: BarActions, multi: boolean, pages: boolean): Bar {
  const button = (what: string, key: string, act: () => void, main = false) =>
    h("button", { class: main ? "lnb-button lnb-button-main" : "lnb-button", type: "button", "aria-keyshortcuts": key === "space" ? "Space" : key === "enter" ? "Enter" : key, onclick: () => { act(); actions.focus(); } }, what, h("span", { class: "lnb-key", "aria-hidden": "true" }, key));
  const other = (what: string, key: string, wanted: Wanted) => button(what, key, () => actions.press(wanted));
  const either = button("A or B", ",", actions.either);
  either.setAttribute("aria-pressed", "false");
  const element = h("div", { class: "lnb-review-answers" }, palette,
    h("div", { class: "lnb-review-other", role: "group", "aria-label": "Other answers" },
      other("Accept", "space", { kind: "accept" }), other("Not this", "x", { kind: "not" }), !multi && either, other("Unsure", "?", { kind: "unsure" }), other("Not in list", "0", { kind: "outside" }), finder,
      h("span", { class: "lnb-grow" }), pages && button("Accept page", "enter", actions.acceptAll, true)));
  return { element, either };
}
