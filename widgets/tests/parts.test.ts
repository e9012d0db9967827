import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ItemCard } from "../src/shared/card";
import { ClassPalette } from "../src/shared/classes";
import { h, number, percent } from "../src/shared/dom";
import { Toasts } from "../src/shared/feedback";
import { ItemSource } from "../src/shared/items";
import { classColour, PALETTE } from "../src/shared/palette";
import { Progress } from "../src/shared/progress";
import { SmallItem } from "../src/shared/small_item";
import { Legend } from "../src/explorer/legend";

const HOSTILE = "<img src=x onerror=\"window.hurt = true\">";

afterEach(() => document.body.replaceChildren());

describe("text is never markup", () => {
  it("in elements, class buttons, legend and toasts", () => {
    const palette = new ClassPalette({ onPick: () => {}, onNew: () => {} });
    palette.update([HOSTILE, "b"], [1, 2]);
    const legend = new Legend(() => {});
    legend.update("label", [{ group: 0, name: HOSTILE, count: 1 }]);
    const toasts = new Toasts();
    toasts.error(new Error(HOSTILE));
    document.body.append(h("p", { title: HOSTILE }, HOSTILE), palette.element, legend.element, toasts.element);
    expect(document.querySelector("img")).toBeNull();
    expect(palette.element.textContent).toContain(HOSTILE);
    expect(document.querySelector("p")?.textContent).toBe(HOSTILE);
  });

  it("in an item's card", async () => {
    const channel = { request: async () => ({ content: { items: [{ id: HOSTILE, text: HOSTILE, problem: null, buffer: null, mime: "" }] }, buffers: [] }) };
    const card = new ItemCard(new ItemSource(channel as any));
    await card.show(0);
    card.setLabel(HOSTILE, 0);
    expect(card.element.querySelector("img")).toBeNull();
    expect(card.element.querySelector(".lnb-card-text")?.textContent).toBe(HOSTILE);
  });
});

describe("ItemSource", () => {
  const asked: number[][] = [];
  let broken = false;
  const channel: any = { request: async (_: string, { positions }: { positions: number[] }) => {
    asked.push(positions);
    if (broken) throw new Error("the kernel is gone");
    return { content: { items: positions.map((position) => ({ id: `i${position}`, text: "t", problem: null, buffer: null, mime: "" })) }, buffers: [] };
  } };
  beforeEach(() => { asked.length = 0; broken = false; });

  it("asks once for what is wanted at once, and not again for what it keeps", async () => {
    const source = new ItemSource(channel);
    const got = await Promise.all([source.get(1), source.get(2), source.get(1)]);
    expect(got.map((item) => item.id)).toEqual(["i1", "i2", "i1"]);
    await source.get(2);
    expect(asked).toEqual([[1, 2]]);
    expect(source.peek(2)?.id).toBe("i2");
  });

  it("asks in batches of 48, and drops wishes for what scrolled away", async () => {
    const source = new ItemSource(channel);
    const wishes = Array.from({ length: 100 }, (_, position) => source.get(position).catch(() => null));
    source.forget((position) => position !== 7);
    const got = await Promise.all(wishes);
    expect(asked.map((batch) => batch.length)).toEqual([48, 48, 3]);
    expect(got[7]).toBeNull();
  });

  it("forgets the oldest beyond its room", async () => {
    const source = new ItemSource(channel, 2);
    for (const position of [0, 1, 2]) await source.get(position);
    expect(source.peek(0)).toBeUndefined();
    expect(source.peek(2)).toBeDefined();
  });

  it("asks again after a failure, and the card says what failed", async () => {
    broken = true;
    const source = new ItemSource(channel);
    const card = new ItemCard(source);
    await card.show(3);
    expect(card.element.textContent).toContain("the kernel is gone");
    broken = false;
    await card.show(3);
    expect(card.element.textContent).not.toContain("gone");
  });
});

describe("ClassPalette", () => {
  it("picks by digit, the tenth with 0, and has no key for the eleventh", () => {
    const picked: number[] = [];
    const palette = new ClassPalette({ onPick: (k) => picked.push(k) });
    palette.update(Array.from({ length: 11 }, (_, k) => `c${k}`));
    const keys = palette.keys();
    for (const key of ["1", "9", "0"]) keys[key](new KeyboardEvent("keydown", { key }));
    expect(picked).toEqual([0, 8, 9]);
    expect(Object.keys(keys)).toHaveLength(10);
  });

  it("makes a new class, or picks the one that is there already", () => {
    const picked: number[] = [], made: string[] = [];
    const palette = new ClassPalette({ onPick: (k) => picked.push(k), onNew: (name) => made.push(name) });
    palette.update(["a", "b"]);
    document.body.append(palette.element);
    const entry = palette.element.querySelector("input")!, form = palette.element.querySelector("form")!;
    for (const name of ["  c ", "b", " "]) {
      entry.value = name;
      form.dispatchEvent(new Event("submit", { cancelable: true }));
    }
    expect(made).toEqual(["c"]);
    expect(picked).toEqual([1]);
  });
});

describe("Legend", () => {
  it("shows one alone, then more, then all again", () => {
    const seen: (number[] | null)[] = [];
    const legend = new Legend((shown) => seen.push(shown && [...shown].sort((a, b) => a - b)));
    legend.update("label", [0, 1, 2].map((group) => ({ group, name: `c${group}`, count: 1 })));
    const click = (group: number) => legend.element.querySelector<HTMLElement>(`[data-group="${group}"]`)!.click();
    click(1);
    click(2);
    click(0);
    click(2);
    click(2);
    expect(seen).toEqual([[1], [1, 2], null, [2], null]);
  });

  it("names the largest of very many groups, says how many it leaves out, and never takes them for chosen", () => {
    const seen: (number[] | null)[] = [];
    const legend = new Legend((shown) => seen.push(shown && [...shown]));
    legend.update("cluster", [...Array(5).keys()].map((group) => ({ group, name: `c${group}`, count: group, hue: 7 })).concat({ group: -1, name: "no value", count: 9, hue: 0 }), false, 2);
    const shown = () => [...legend.element.querySelectorAll<HTMLElement>("[data-group]")].map((chip) => chip.dataset.group);
    expect(shown()).toEqual(["3", "4", "-1"]);
    expect(legend.element.textContent).toContain("and 3 smaller ones");
    for (const group of shown()) legend.element.querySelector<HTMLElement>(`[data-group="${group}"]`)!.click();
    expect(seen).toEqual([[3], [3, 4], [3, 4, -1]]);
  });
});

it("repeats the colours from the thirteenth class on", () => {
  expect(new Set(PALETTE).size).toBe(12);
  expect(classColour(13)).toBe(PALETTE[1]);
});

it("writes numbers the same everywhere", () => {
  expect(number(1234567)).toBe("1\u2009234\u2009567");
  expect([percent(0.934), percent(0.0042), percent(0.996), percent(1), percent(0)]).toEqual(["93%", "0.4%", "99.6%", "100%", "0%"]);
});

it("takes notes away after a while and keeps errors, each once", () => {
  vi.useFakeTimers();
  const toasts = new Toasts();
  toasts.say("saved");
  toasts.error("broken");
  toasts.error("broken");
  expect(toasts.element.children).toHaveLength(2);
  vi.advanceTimersByTime(7_000);
  expect(toasts.element.textContent).toContain("broken");
  expect(toasts.element.children).toHaveLength(1);
  vi.useRealTimers();
});

describe("Progress", () => {
  it("says how far it is to eyes and ears, and how fast once there is something to say", () => {
    const clock = vi.spyOn(performance, "now").mockReturnValue(0);
    const progress = new Progress("labelled");
    progress.set(3, 12);
    const meter = progress.element.querySelector("[role=progressbar]")!;
    expect([meter.getAttribute("aria-label"), meter.getAttribute("aria-valuetext")]).toEqual(["Labelled", "3 of 12 labelled"]);
    expect(progress.element.textContent).toBe("3 / 12 labelled");
    for (const second of [0, 10, 20, 30]) {
      clock.mockReturnValue(1_000 * second);
      progress.worked(5);
    }
    expect(progress.element.textContent).toBe("3 / 12 labelled30 a minute");
    progress.set(0, 0);
    expect((meter.firstElementChild as HTMLElement).style.width).toBe("0%");
    clock.mockRestore();
  });
});

describe("SmallItem", () => {
  const source = (item: Record<string, unknown>) => ({ get: async () => ({ position: 4, id: "a.jpg", text: "", url: null, problem: null, ...item }), marks: undefined }) as unknown as ItemSource;
  const drawn = async (item: Record<string, unknown>) => {
    const small = new SmallItem(source(item), 4, 16);
    await Promise.resolve();
    await Promise.resolve();
    return small;
  };

  it("shows a text as text, a picture, an id where there is nothing else, and a problem as one", async () => {
    expect((await drawn({ text: HOSTILE })).element.textContent).toBe(HOSTILE);
    expect((await drawn({ url: "blob:x", text: "a boat" })).element.querySelector("img")?.getAttribute("src")).toBe("blob:x");
    expect((await drawn({})).text).toBe("a.jpg");
    const broken = await drawn({ problem: "a.jpg: not an image" });
    expect([broken.element.textContent, broken.element.classList.contains("lnb-card-problem")]).toEqual(["a.jpg: not an image", true]);
  });
});
