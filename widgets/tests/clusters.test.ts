import { describe, expect, it } from "vitest";
import { aboutCluster, keyOf, nextLevel, nextProposal, sourceWords, stabilityWords, standingOf, type ClusterInfo, type GroupInfo } from "../src/clusters/board_types";
import { inside } from "../src/clusters/small_map";
import { savedWords } from "../src/clusters/words";

const info: ClusterInfo = { cluster: 3, size: 20, name: "", broader: "", kept: null, stability: null, label: "", proposals: [], purity: null, known: 0, labelled: 0, novel: "", section: "", within: null, exemplars: [], borderline: [] };
const said = (more: Partial<ClusterInfo>) => aboutCluster({ ...info, ...more }).map(({ text, label }) => text + (label ?? ""));

describe("what a card says", () => {
  it("says only what is known", () => {
    expect(said({})).toEqual(["nothing labelled yet"]);
    expect(said({ labelled: 20, purity: 0.9, label: "cat", stability: 0.8, kept: 0.875, broader: "pet" })).toEqual([
      "all labelled, 90% cat", "stability 0.80, stable", "name kept from before, overlap 88%", "a kind of pet"]);
    expect(said({ labelled: 5 })[0]).toBe("5 of 20 labelled");
  });

  it("grades stability by Hennig's rule", () => {
    expect([0.75, 0.6, 0.5, 0.49].map(stabilityWords)).toEqual(["stability 0.75, stable", "stability 0.60, doubtful border", "stability 0.50, weak", "stability 0.49, not found again"]);
  });

  it("says where a name comes from", () => {
    expect(sourceWords({ name: "x", source: "kept", score: 0.5 })).toBe("kept, overlap 50%");
    expect(sourceWords({ name: "x", source: "encoder", score: 1.94 })).toBe("encoder, 1.9 sd");
    expect(sourceWords({ name: "x", source: "words", score: 0.1 })).toBe("words");
  });

  it("tells groups and clusters of one number apart", () => {
    const group: GroupInfo = { group: 3, clusters: [3, 4], size: 2, labelled: 2, name: "", names: [], n_named: 0, unfolded: false, exemplars: [] };
    expect([keyOf(info), keyOf(group)]).toEqual(["c3", "g3"]);
    expect(standingOf(group)).toBe("kept");
    expect(standingOf(group, "unsaved")).toBe("unsaved");
  });
});

describe("the next one", () => {
  const proposals = ["cat", "dog"].map((name) => ({ name, source: "encoder" as const, score: 1 }));

  it("goes through proposals in a circle", () => {
    expect([nextProposal(proposals, ""), nextProposal(proposals, "cat"), nextProposal(proposals, "dog"), nextProposal([], "cat")]).toEqual(["cat", "dog", "cat", ""]);
  });

  it("goes up and down the tree, from all clusters to two groups", () => {
    let level = 0;
    const down: number[] = [];
    for (let i = 0; i < 9; i++) down.push((level = nextLevel(level, 10, false)));
    expect(down).toEqual([8, 6, 5, 4, 3, 2, 2, 2, 2]);
    expect([nextLevel(8, 10, true), nextLevel(2, 10, true), nextLevel(0, 10, true)]).toEqual([0, 3, 0]);
    expect(nextLevel(0, 1000, false)).toBe(800);
  });
});

describe("the lasso of a card's map", () => {
  const places = Uint16Array.of(0, 0, 65535, 65535, 32768, 32768);

  it("finds the points inside", () => {
    expect(inside(places, [90, 90, 130, 90, 130, 130, 90, 130], 220, 8)).toEqual([2]);
    expect(inside(places, [0, 0, 20, 0, 20, 20, 0, 20], 220, 8)).toEqual([0]);
    expect(inside(places, [-5, -5, 500, -5, 500, 500, -5, 500], 220, 8)).toEqual([0, 1, 2]);
    expect(inside(places, [5, 5], 220, 8)).toEqual([]);
  });
});

describe("what was done", () => {
  it("is said with its numbers", () => {
    expect(savedWords("accept", { cluster: 2, name: "cat", exceptions: [1], review: false }, { labelled: 17, kept: 2, excepted: 1 })).toBe("Cluster 2: 17 items labelled cat; 2 kept as people labelled them; 1 left out, not cat.");
    expect(savedWords("accept", { clusters: null }, { labelled: 1 })).toBe("1 item labelled as their clusters are named.");
    expect(savedWords("split", { cluster: 2, k: null }, { clusters: [2, 7, 8] })).toBe("Split into clusters 2, 7, 8.");
    expect(savedWords("split", { cluster: 2, out: true }, { cluster: null })).toBe("Taken out of the cluster.");
    expect(savedWords("take_back", { redo: false }, { what: "clusters 1, 2 merged" })).toBe("Taken back: clusters 1, 2 merged.");
    expect(savedWords("take_back", { redo: true }, {})).toBe("Brought back.");
    expect(savedWords("name", {}, {})).toBe("");
  });
});
