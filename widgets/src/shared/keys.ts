/**
 * Keys for a widget that sits in a notebook: what is typed here never reaches the notebook's command mode, and what is the
 * browser's or the notebook's with ctrl, meta or alt (save, copy, ...) passes untouched.
 */

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
    if (isPressed(event.target, event.key)) return;
    if (action && action(event) !== false) event.preventDefault();
  };
  const swallow = (event: KeyboardEvent) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && !PASSES.test(event.key)) event.stopPropagation();
  };
  root.addEventListener("keydown", listener);
  root.addEventListener("keypress", swallow);
  root.addEventListener("keyup", swallow);
  return () => {
    root.removeEventListener("keydown", listener);
    root.removeEventListener("keypress", swallow);
    root.removeEventListener("keyup", swallow);
  };
}

/** Whether typing here writes text. */
export function isField(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  if (!element?.tagName) return false;
  if (element.tagName === "INPUT") return !/^(checkbox|radio|button|range|submit)$/.test((element as HTMLInputElement).type);
  return element.tagName === "TEXTAREA" || element.tagName === "SELECT" || element.isContentEditable === true;
}

/** Enter and space on a focused button press it, whatever the table says. */
function isPressed(target: EventTarget | null, key: string): boolean {
  const tag = (target as HTMLElement | null)?.tagName;
  return (key === "Enter" || key === " ") && (tag === "BUTTON" || tag === "SUMMARY" || tag === "A");
}
