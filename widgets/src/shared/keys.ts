/**
 * Keys for a widget that sits in a notebook: what is typed here never reaches the notebook's command mode, and what is the
 * browser's or the notebook's with ctrl, meta or alt (save, copy, ...) passes untouched.
 */
import { focusedIn } from "./dom";

/** By `event.key` ("a", "1", " ", "Enter", "ArrowLeft", "?"); prefix "Shift+" where shift matters. Return false to let the key be. */
export type KeyTable = Record<string, (event: KeyboardEvent) => boolean | void>;

/** Tab moves on, and function keys belong to the browser. Everything else typed inside stays inside. */
const PASSES = /^(Tab|F\d+|Shift|Control|Meta|Alt|CapsLock|Dead|Process|Unidentified|Audio.*|Media.*|Brightness.*)$/;

/** Listens on `root` until the returned function is called. In a text field the table is not used, but for Escape, which leaves the field. */
export function captureKeys(root: HTMLElement, table: KeyTable | (() => KeyTable)): () => void {
  const listener = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || PASSES.test(event.key)) return;
    event.stopPropagation();
    if (isField(event.target)) {
      if (event.key === "Escape") root.focus();
      return;
    }
    const keys = typeof table === "function" ? table() : table;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = (event.shiftKey && keys[`Shift+${name}`]) || keys[event.key] || keys[name];
    if (isPressed(event.target, event.key) || isSlid(event.target, event.key)) return;
    if (action && action(event) !== false) event.preventDefault();
  };
  const swallow = (event: KeyboardEvent) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && !PASSES.test(event.key)) event.stopPropagation();
  };
  // Notebook 7 looks at keys on their way down, before they come here: a mark on what has the focus tells it to leave ours alone.
  const shield = (event: KeyboardEvent) => {
    const target = event.composedPath()[0] as Element;
    if (root.contains(target)) target.toggleAttribute("data-lm-suppress-shortcuts", !event.ctrlKey && !event.metaKey && !event.altKey && !PASSES.test(event.key));
  };
  window.addEventListener("keydown", shield, true);
  root.addEventListener("keydown", listener);
  root.addEventListener("keypress", swallow);
  root.addEventListener("keyup", swallow);
  return () => {
    window.removeEventListener("keydown", shield, true);
    root.removeEventListener("keydown", listener);
    root.removeEventListener("keypress", swallow);
    root.removeEventListener("keyup", swallow);
  };
}

/**
 * Hands the focus to `root` where the element that had it is removed, hidden or disabled: else the next key would go to the notebook.
 * Returns how to stop.
 */
export function keepFocus(root: HTMLElement): () => void {
  let last: HTMLElement | null = null;
  const gone = (element: HTMLElement) => !element.isConnected || element.matches(":disabled") || element.getClientRects().length === 0;
  const entered = (event: FocusEvent) => { last = event.target as HTMLElement; };
  const left = (event: FocusEvent) => {
    if (event.relatedTarget && !root.contains(event.relatedTarget as Node)) last = null;
    else queueMicrotask(() => { if (last === event.target && !gone(last as HTMLElement)) last = null; });
  };
  const observer = new MutationObserver(() => {
    if (!last || last === root || !gone(last)) return;
    const now = focusedIn(root);
    if (!now || now === document.body || now === last) root.focus({ preventScroll: true });
    else last = null;
  });
  root.addEventListener("focusin", entered);
  root.addEventListener("focusout", left);
  observer.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled", "hidden"] });
  return () => {
    observer.disconnect();
    root.removeEventListener("focusin", entered);
    root.removeEventListener("focusout", left);
  };
}

/** Whether typing here writes text. */
export function isField(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  if (!element?.tagName) return false;
  if (element.tagName === "INPUT") return !/^(checkbox|radio|button|range|submit)$/.test((element as HTMLInputElement).type);
  return element.tagName === "TEXTAREA" || element.tagName === "SELECT" || element.isContentEditable === true;
}

/** Arrows and the like on a focused slider move it, whatever the table says. */
function isSlid(target: EventTarget | null, key: string): boolean {
  const element = target as HTMLInputElement | null;
  return element?.tagName === "INPUT" && element.type === "range" && /^(Arrow|Home|End|Page)/.test(key);
}

/** Enter and space on a focused button press it, whatever the table says. */
function isPressed(target: EventTarget | null, key: string): boolean {
  const tag = (target as HTMLElement | null)?.tagName;
  return (key === "Enter" || key === " ") && (tag === "BUTTON" || tag === "SUMMARY" || tag === "A");
}
