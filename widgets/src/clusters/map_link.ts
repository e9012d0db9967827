/** The board and the map of the same items: what is drawn around there is marked here, and a cluster is selected there. */
import type { Panel } from "../shared/panel";
import type { BoardBar } from "./bar";

export class MapLink {
  constructor(private readonly panel: Panel, bar: BoardBar) {
    const linked = () => bar.following(this.count);
    panel.model.on("change:linked", linked);
    panel.onCleanup(() => panel.model.off("change:linked", linked));
    linked();
  }

  /** Follows the newest map that is open, or none. */
  async follow(): Promise<void> {
    const on = !this.count;
    const done = await this.panel.attempt(() => this.panel.channel.request("follow", { on }));
    if (done) this.panel.status.set(on ? "What is drawn around on the map is marked here." : "The map is followed no longer.");
  }

  async show(cluster: number | undefined): Promise<void> {
    if (cluster === undefined) return;
    const done = await this.panel.attempt(() => this.panel.channel.request("show", { cluster }));
    if (done) this.panel.status.set(`Cluster ${cluster} is selected on the map.`);
  }

  private get count(): number {
    return this.panel.model.get("linked") ?? 0;
  }
}
