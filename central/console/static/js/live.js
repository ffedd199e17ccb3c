// The line to the desk. Anything heard is a sign of life; five seconds of nothing is a lost line.

const LOST_MS = 5000;
const PATIENCE_MOST_MS = 20000;

/** Listens to /live. `on` has: connected(), also after a break too short to be called lost, lost(), beat(data),
 * case(card), reload(), and, where it is wanted, call(data). */
export class Line {
  constructor(on) {
    this.on = on;
    this.up = null;
    this.broken = false;
    this.heardAt = performance.now();
    this.patience = LOST_MS;
    this.open();
    const pulse = new Worker("/static/js/pulse.js");
    pulse.onmessage = () => this.watch();
  }

  open() {
    this.source?.close();
    this.source = new EventSource("/live");
    this.source.addEventListener("beat", (event) => this.heard("beat", event));
    this.source.addEventListener("case", (event) => this.heard("case", event));
    this.source.addEventListener("call", (event) => this.heard("call", event));
    this.source.addEventListener("reload", (event) => this.heard("reload", event));
    this.source.addEventListener("error", () => {
      this.broken = true;
      if (this.source.readyState === EventSource.CLOSED) this.on.refused();
    });
  }

  heard(name, event) {
    this.heardAt = performance.now();
    this.patience = LOST_MS;
    const data = JSON.parse(event.data);
    const isNew = !this.up || this.broken;
    this.up = true;
    this.broken = false;
    this.on[name]?.(data);
    if (isNew) this.on.connected();
  }

  watch() {
    const silent = performance.now() - this.heardAt;
    if (silent < LOST_MS) return;
    if (this.up !== false) {
      this.up = false;
      this.on.lost();
    }
    if (silent > LOST_MS + this.patience) {
      // The browser may hold a dead connection open for minutes: begin anew. A desk that is slow is given longer each
      // time, or it would be asked again and again just before it answers.
      this.patience = Math.min(this.patience * 2, PATIENCE_MOST_MS);
      this.heardAt = performance.now() - LOST_MS;
      this.open();
    }
  }
}
