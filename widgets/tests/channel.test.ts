import { beforeEach, describe, expect, it, vi } from "vitest";
import { array, Channel, ChannelError, type Model } from "../src/shared/channel";

class FakeModel implements Model {
  sent: any[] = [];
  listeners = new Map<string, Set<(...args: any[]) => void>>();
  get() { return undefined; }
  on(event: string, callback: (...args: any[]) => void) { this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(callback)); }
  off(event: string, callback: (...args: any[]) => void) { this.listeners.get(event)?.delete(callback); }
  send(content: any, _: unknown, buffers: any[]) { this.sent.push({ content, buffers }); }
  fire(content: any, buffers: DataView[] = []) { for (const callback of this.listeners.get("msg:custom") ?? []) callback(content, buffers); }
}

let model: FakeModel;
beforeEach(() => { model = new FakeModel(); });

describe("Channel", () => {
  it("matches answers to requests, out of order and beside another view of the same model", async () => {
    const one = new Channel(model), two = new Channel(model);
    const answers = [one.request("a"), one.request("b"), two.request("c")];
    const ids = model.sent.map(({ content }) => content.id);
    expect(new Set(ids).size).toBe(3);
    for (const k of [2, 1, 0]) model.fire({ id: ids[k], ok: true, value: k });
    expect((await Promise.all(answers)).map(({ content }) => content.value)).toEqual([0, 1, 2]);
  });

  it("rejects with Python's words, and when no answer comes", async () => {
    vi.useFakeTimers();
    const channel = new Channel(model, 1_000);
    const refused = channel.request("decide");
    model.fire({ id: model.sent[0].content.id, ok: false, error: "the disk is full" });
    await expect(refused).rejects.toThrow("the disk is full");
    const lost = channel.request("decide");
    const seen = expect(lost).rejects.toThrow(ChannelError);
    vi.advanceTimersByTime(1_001);
    await seen;
    vi.useRealTimers();
  });

  it("waits as long as it takes where it is told to", async () => {
    vi.useFakeTimers();
    const channel = new Channel(model, 1_000);
    const opened = channel.request("open", {}, [], Infinity);
    vi.advanceTimersByTime(3_600_000);
    model.fire({ id: model.sent[0].content.id, ok: true, n_items: 3 });
    expect((await opened).content.n_items).toBe(3);
    vi.useRealTimers();
  });

  it("sends views of memory as their own bytes only", () => {
    const channel = new Channel(model);
    void channel.request("x", {}, [new Uint8Array([1, 2, 3, 4]).subarray(1, 3)]);
    expect([...new Uint8Array(model.sent[0].buffers[0])]).toEqual([2, 3]);
    channel.close();
  });

  it("hears notices until it is closed, and leaves no listener", () => {
    const channel = new Channel(model);
    const heard: number[] = [];
    channel.on("labels", ({ content }) => heard.push(content.revision));
    model.fire({ notice: "labels", revision: 1 });
    channel.close();
    model.fire({ notice: "labels", revision: 2 });
    expect(heard).toEqual([1]);
    expect(model.listeners.get("msg:custom")?.size).toBe(0);
  });
});

it("reads a buffer at an odd offset", () => {
  const bytes = new Uint8Array([9, 1, 0, 2, 0]);
  expect([...array(Uint16Array, new DataView(bytes.buffer, 1, 4))]).toEqual([1, 2]);
  expect([...array(Uint16Array, new DataView(bytes.buffer, 0, 2))]).toEqual([265]);
});
