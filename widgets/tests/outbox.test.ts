import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Outbox, type Content, type Entry } from "../src/shared/outbox";

function setup(answers: ((payload: Content) => Promise<Content>)[]) {
  const sent: Content[] = [];
  const saved: Entry[] = [];
  const refused: string[] = [];
  const outbox = new Outbox(
    {
      request: (kind, payload) => {
        sent.push({ kind, ...payload });
        return (answers.shift() ?? (() => Promise.resolve({})))(payload);
      },
      changed: () => undefined,
      saved: (entry) => saved.push(entry),
      refused: (_, reason) => refused.push(reason),
    },
    [100, 1000],
  );
  return { outbox, sent, saved, refused };
}

const fail = (message: string) => () => Promise.reject(new Error(message));

describe("Outbox", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("sends one decision at a time, in order, and holds it as waiting until it is kept", async () => {
    let answer: (content: Content) => void = () => undefined;
    const { outbox, sent, saved } = setup([() => new Promise((resolve) => (answer = resolve))]);
    outbox.push("decide", { value: "a" }, [1]);
    outbox.push("decide", { value: "b" }, [2]);
    expect(sent.map((message) => message.value)).toEqual(["a"]);
    expect(outbox.stateOf(1)).toBe("waiting");
    expect(outbox.stateOf(2)).toBe("waiting");
    answer({});
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.map((message) => message.value)).toEqual(["a", "b"]);
    expect(saved.length).toBe(2);
    expect(outbox.size).toBe(0);
    expect(outbox.stateOf(1)).toBeUndefined();
  });

  it("marks a failure and all that follows unsaved, sends again with the same uid, and loses nothing", async () => {
    const { outbox, sent, saved } = setup([fail("disk full"), fail("disk full")]);
    outbox.push("decide", { value: "a" }, [1]);
    await vi.advanceTimersByTimeAsync(0);
    outbox.push("decide", { value: "b" }, [2]);
    expect(outbox.problem).toBe("disk full");
    expect(outbox.unsaved).toBe(2);
    expect(sent.length).toBe(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(sent.length).toBe(2);
    expect(outbox.unsaved).toBe(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(sent.map((message) => message.value)).toEqual(["a", "a", "a", "b"]);
    expect(new Set(sent.slice(0, 3).map((message) => message.uid)).size).toBe(1);
    expect(saved.length).toBe(2);
    expect(outbox.problem).toBe("");
  });

  it("sends at once when told to", async () => {
    const { outbox, sent } = setup([fail("offline")]);
    outbox.push("decide", {}, [1]);
    await vi.advanceTimersByTimeAsync(0);
    outbox.retry();
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.length).toBe(2);
    expect(outbox.size).toBe(0);
  });

  it("drops what Python refuses, says why, and goes on", async () => {
    const { outbox, saved, refused } = setup([() => Promise.resolve({ refused: "no such class" })]);
    outbox.push("decide", { value: "a" }, [1]);
    outbox.push("decide", { value: "b" }, [1]);
    await vi.advanceTimersByTimeAsync(0);
    expect(refused).toEqual(["no such class"]);
    expect(saved.map((entry) => entry.payload.value)).toEqual(["b"]);
  });

  it("knows the latest decision on an item, and stops when closed", async () => {
    const { outbox, sent } = setup([fail("offline")]);
    outbox.push("decide", { value: "a" }, [1, 2]);
    outbox.push("decide", { value: "b" }, [2]);
    expect(outbox.latest(2)?.payload.value).toBe("b");
    expect(outbox.latest(1)?.payload.value).toBe("a");
    expect(outbox.items).toBe(2);
    await vi.advanceTimersByTimeAsync(0);
    outbox.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent.length).toBe(1);
  });
});
