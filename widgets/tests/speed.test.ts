import { describe, expect, it } from "vitest";
import { Speed } from "../src/shared/speed";

describe("Speed", () => {
  it("says nothing of a few seconds", () => {
    const speed = new Speed();
    speed.add(1, 0);
    speed.add(1, 2_000);
    expect(speed.perMinute()).toBeNull();
  });

  it("is the items over the time worked", () => {
    const speed = new Speed();
    for (let second = 0; second <= 60; second += 2) speed.add(1, second * 1000);
    expect(speed.perMinute()).toBeCloseTo(30);
  });

  it("leaves pauses out", () => {
    const speed = new Speed();
    for (let second = 0; second <= 20; second += 2) speed.add(1, second * 1000);
    for (let second = 600; second <= 620; second += 2) speed.add(1, second * 1000);
    expect(speed.perMinute()).toBeCloseTo(30);
  });

  it("forgets work of long ago", () => {
    const speed = new Speed(20_000);
    for (let second = 0; second < 100; second += 10) speed.add(1, second * 1000);
    for (let second = 100; second <= 130; second += 1) speed.add(1, second * 1000);
    expect(speed.perMinute()).toBeGreaterThan(55);
  });
});
