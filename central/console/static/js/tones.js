// The alarm's sound, made here: P1 two bursts of five rising tones every 8 s, P2 three tones every 20 s, P3 one tone once.

const PATTERNS = {
  P1: { every: 8, notes: [...burst(0), ...burst(1.15)], loud: 0.5 },
  P2: {
    every: 20,
    notes: [
      [0, 659],
      [0.28, 659],
      [0.56, 784],
    ],
    loud: 0.35,
  },
  P3: { every: 0, notes: [[0, 587]], loud: 0.3 },
  TEST: {
    every: 0,
    notes: [
      [0, 440],
      [0.3, 440],
    ],
    loud: 0.12,
  },
};

function burst(start) {
  return [523, 587, 659, 784, 880].map((hertz, index) => [start + index * 0.18, hertz]);
}

/** A tone may begin so much later: the sound device then asks for samples ten times a second, not a hundred, all day. */
const LATENCY_S = 0.1;

export class Tones {
  constructor() {
    this.context = null;
    this.playing = null;
    this.timer = null;
    this.sounding = [];
    this.done = new Set();
  }

  /** Must be called from a click or a key: browsers keep silent before. Plays the pattern once. */
  async test() {
    this.context ??= new AudioContext({ latencyHint: LATENCY_S });
    await this.context.resume();
    this.play("P1");
    return this.context.state === "running";
  }

  get able() {
    return this.context?.state === "running";
  }

  /** What should sound now: the marks of the cases that nobody has taken, with their numbers. */
  follow(cases) {
    const loops = cases.find((entry) => entry.mark === "P1") ?? cases.find((entry) => entry.mark === "P2");
    for (const key of this.done) if (!cases.some((entry) => `${entry.id}:${entry.mark}` === key)) this.done.delete(key);
    for (const entry of cases) {
      const first = !this.done.has(`${entry.id}:${entry.mark}`);
      this.done.add(`${entry.id}:${entry.mark}`);
      if (first && !loops && PATTERNS[entry.mark]) this.play(entry.mark);
    }
    this.repeat(loops?.mark ?? null);
  }

  repeat(mark) {
    if (mark === this.playing) return;
    this.playing = mark;
    clearInterval(this.timer);
    this.hush();
    if (mark === null) return;
    this.play(mark);
    this.timer = setInterval(() => this.play(mark), PATTERNS[mark].every * 1000);
  }

  play(mark) {
    if (!this.able) return;
    const { notes, loud } = PATTERNS[mark];
    for (const [after, hertz] of notes) this.note(this.context.currentTime + after, hertz, loud);
  }

  note(at, hertz, loud) {
    const gain = this.context.createGain();
    gain.gain.setValueAtTime(0.0001, at);
    gain.gain.exponentialRampToValueAtTime(loud, at + 0.015);
    gain.gain.setValueAtTime(loud, at + 0.12);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.17);
    gain.connect(this.context.destination);
    // A fundamental with its octave carries further through poor loudspeakers than a pure tone.
    for (const [times, share] of [
      [1, 0.8],
      [2, 0.2],
    ]) {
      const tone = this.context.createOscillator();
      const level = this.context.createGain();
      tone.frequency.value = hertz * times;
      level.gain.value = share;
      tone.connect(level).connect(gain);
      tone.start(at);
      tone.stop(at + 0.18);
      this.sounding.push(tone);
      tone.onended = () => {
        this.sounding = this.sounding.filter((other) => other !== tone);
      };
    }
  }

  hush() {
    for (const tone of this.sounding.splice(0)) tone.stop();
  }
}
