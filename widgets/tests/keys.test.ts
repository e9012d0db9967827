import { beforeEach, describe, expect, it } from "vitest";
import { captureKeys } from "../src/shared/keys";
import { h } from "../src/shared/dom";

let root: HTMLElement, field: HTMLInputElement, button: HTMLButtonElement, leaked: string[], done: string[], stop: () => void;

beforeEach(() => {
  document.body.replaceChildren();
  leaked = [];
  done = [];
  field = h("input", { type: "text" });
  button = h("button", {}, "press");
  root = h("div", { tabindex: 0 }, field, button);
  document.body.append(h("div", { onkeydown: (event: Event) => leaked.push((event as KeyboardEvent).key) }, root));
  stop = captureKeys(root, { a: () => { done.push("a"); }, "Shift+u": () => { done.push("U"); }, u: () => { done.push("u"); }, " ": () => { done.push("space"); }, "/": () => false });
});

function press(key: string, target: HTMLElement = root, more: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  target.dispatchEvent(event);
  return event;
}

describe("captureKeys", () => {
  it("runs our keys, and lets no plain key reach the notebook, ours or not", () => {
    for (const key of ["a", "b", "d", "x", "z", "0", "Enter", "ArrowDown", "Escape"]) press(key);
    expect(done).toEqual(["a"]);
    expect(leaked).toEqual([]);
  });

  it("lets ctrl, meta and alt, tab and function keys pass", () => {
    press("s", root, { ctrlKey: true });
    press("a", root, { metaKey: true });
    press("a", root, { altKey: true });
    press("Tab");
    press("F5");
    expect(leaked).toEqual(["s", "a", "a", "Tab", "F5"]);
    expect(done).toEqual([]);
  });

  it("tells shift apart where it matters", () => {
    press("U", root, { shiftKey: true });
    press("u");
    press("A", root, { shiftKey: true });
    expect(done).toEqual(["U", "u", "a"]);
  });

  it("prevents the default of our keys only, and not where an action declines", () => {
    expect(press("a").defaultPrevented).toBe(true);
    expect(press("b").defaultPrevented).toBe(false);
    expect(press("/").defaultPrevented).toBe(false);
  });

  it("leaves typing in a field alone, and a pressed button to itself", () => {
    expect(press("a", field).defaultPrevented).toBe(false);
    expect(press(" ", button).defaultPrevented).toBe(false);
    expect(done).toEqual([]);
    expect(leaked).toEqual([]);
  });

  it("leaves the arrows to a slider that has the focus", () => {
    const slider = h("input", { type: "range" });
    root.append(slider);
    expect(press("ArrowLeft", slider).defaultPrevented).toBe(false);
    expect(press("End", slider).defaultPrevented).toBe(false);
    press("a", slider);
    expect(done).toEqual(["a"]);
    expect(leaked).toEqual([]);
  });

  it("stops when told", () => {
    stop();
    press("a");
    expect(done).toEqual([]);
    expect(leaked).toEqual(["a"]);
  });
});
