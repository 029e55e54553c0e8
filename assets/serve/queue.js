// Photographs that wait for their turn: one at a time, so that other people's are worked on in between.

export const SKIPPED = /(^|\/)\.|\.(txt|md|csv|json|xml|html?|ini|db|zip|toml|py)$/i; // of a folder: no pictures by their names

export class Queue {
  // unmask(entry, signal) works on one; opened(entry) and told() hear of it.
  constructor({ unmask, opened, told }) {
    Object.assign(this, { unmask, opened, told });
    this.entries = [];
    this.running = false;
    this.abort = null;
    this.spent = [];
  }

  add(files) {
    const fresh = files.map(([name, file]) => ({ name, file, state: "waiting", words: "waiting", map: null, result: null }));
    this.entries.push(...fresh);
    this.told();
    return fresh;
  }

  // Seconds, "" where there is nothing to go by.
  get eta() {
    const left = this.entries.filter((entry) => entry.state === "waiting").length;
    if (!left || !this.spent.length) return "";
    const mean = this.spent.reduce((sum, value) => sum + value, 0) / this.spent.length;
    return Math.ceil(left * mean);
  }

  async run() {
    if (this.running) return;
    this.running = true;
    for (let entry; (entry = this.entries.find(({ state }) => state === "waiting")); ) {
      this.#set(entry, "working", "working …");
      this.abort = new AbortController();
      const start = performance.now();
      try {
        await this.unmask(entry, this.abort.signal);
        this.#set(entry, "done", words(entry.result));
        this.spent = [...this.spent, (performance.now() - start) / 1000].slice(-20);
      } catch (error) {
        this.#set(entry, "failed", error.name === "AbortError" ? "stopped" : error.message);
      }
      await this.opened(entry);
    }
    this.running = false;
    this.told();
  }

  // Leaves what is not begun, and what is being worked on.
  stop() {
    for (const entry of this.entries) if (entry.state === "waiting") this.#set(entry, "failed", "stopped");
    this.abort?.abort();
  }

  #set(entry, state, words) {
    Object.assign(entry, { state, words });
    this.told();
  }
}

function words(result) {
  const masks = result.faces.filter((face) => face.status === "ok").length;
  return masks ? `${masks} mask${masks === 1 ? "" : "s"} off` : result.faces.length ? "no mask" : "nobody found";
}
