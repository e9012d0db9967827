/** What the widget says back: the status line, toasts, the undo bar, the drawn states, the legend of keys. */
import { fill, h, setText } from "./dom";

/** One line that screen readers announce. `set` is cheap to repeat. */
export class StatusLine {
  readonly element = h("div", { class: "lnb-status", role: "status", "aria-live": "polite", "aria-atomic": "true" });

  set(text: string): void {
    setText(this.element, text);
  }
}

/** Short messages above the foot. Errors stay until they are closed; others go after six seconds. */
export class Toasts {
  readonly element = h("div", { class: "lnb-toasts" });
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();

  say(text: string): void {
    this.add(text, "note", 6_000);
  }

  /** Shows any caught value. The same message is not stacked. */
  error(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    for (const shown of this.element.children) if (shown.firstElementChild?.textContent === text) return;
    this.add(text, "error", 0);
  }

  clear(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.element.replaceChildren();
  }

  private add(text: string, kind: "note" | "error", milliseconds: number): void {
    const close = h("button", { class: "lnb-button lnb-button-plain", type: "button", "aria-label": "Close message", onclick: () => toast.remove() }, "×");
    const toast = h("div", { class: "lnb-toast", "data-kind": kind, role: kind === "error" ? "alert" : null }, h("span", { dir: "auto" }, text), close);
    this.element.append(toast);
    while (this.element.children.length > 3) this.element.firstElementChild?.remove();
    if (milliseconds) {
      const timer = setTimeout(() => { toast.remove(); this.timers.delete(timer); }, milliseconds);
      this.timers.add(timer);
    }
  }
}

/** Undo and redo buttons. */
export class UndoBar {
  private readonly undo: HTMLButtonElement;
  private readonly redo: HTMLButtonElement;
  readonly element: HTMLElement;

  constructor(onUndo: () => void, onRedo: () => void) {
    this.undo = h("button", { class: "lnb-button", type: "button", onclick: onUndo, "aria-keyshortcuts": "u" }, "Undo", h("span", { class: "lnb-key", "aria-hidden": "true" }, "u"));
    this.redo = h("button", { class: "lnb-button", type: "button", onclick: onRedo, "aria-keyshortcuts": "Shift+u" }, "Redo");
    this.element = h("div", { class: "lnb-group", role: "group", "aria-label": "History" }, this.undo, this.redo);
  }

  set(canUndo: boolean, canRedo: boolean): void {
    this.undo.disabled = !canUndo;
    this.redo.disabled = !canRedo;
  }
}

/** An empty, loading or failed state: a heading and what to do. */
export function state(heading: string, advice = "", ...actions: HTMLElement[]): HTMLElement {
  return h("div", { class: "lnb-state" }, h("strong", {}, heading), advice && h("span", { dir: "auto" }, advice), ...actions);
}

/** The legend of keys: [["1-9", "label"], ["u", "undo"]]. */
export function keyLegend(keys: [string, string][]): HTMLElement {
  const legend = h("div", { class: "lnb-keys", role: "note", "aria-label": "Keys" });
  fill(legend, ...keys.map(([key, what]) => h("span", {}, h("span", { class: "lnb-key" }, key), what)));
  return legend;
}
