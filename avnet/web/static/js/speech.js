// Speech that is heard while it is being made; an audio element would wait for a second of it and more.

const HEADER = 44;
// Before a piece that came too late for those before it, seconds.
const AHEAD_S = 0.05;

export class SpeechStream {
  /** Seconds that were heard so far. */
  get time() {
    return this.context && this.from !== null ? Math.max(0, this.context.currentTime - this.from) : 0;
  }

  /**
   * Plays a WAV file of 16 bits, mono, whose length may be unknown, as it comes.
   *
   * @returns false where the browser does not let the page be heard yet.
   */
  async play(address) {
    this.stop();
    this.from = null;
    const context = (this.context = new AudioContext());
    const stopped = (this.stopped = new AbortController());
    if (context.state === "suspended") {
      await Promise.race([context.resume(), new Promise((resolve) => setTimeout(resolve, 300))]);
      if (context.state === "suspended") return false;
    }
    try {
      const answer = await fetch(address, { signal: stopped.signal });
      // Of an image that nothing is said of there is no speech.
      if (answer.ok) await this.follow(answer.body.getReader(), context);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
    return true;
  }

  async follow(reader, context) {
    let [waiting, rate, at] = [new Uint8Array(0), 0, 0];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const bytes = new Uint8Array(waiting.length + value.length);
      bytes.set(waiting);
      bytes.set(value, waiting.length);
      if (!rate && bytes.length < HEADER) {
        waiting = bytes;
        continue;
      }
      const skip = rate ? 0 : HEADER;
      rate ||= new DataView(bytes.buffer).getUint32(24, true);
      const count = (bytes.length - skip) >> 1;
      waiting = bytes.slice(skip + 2 * count);
      if (!count) continue;
      const view = new DataView(bytes.buffer, skip);
      const buffer = context.createBuffer(1, count, rate);
      buffer.copyToChannel(Float32Array.from({ length: count }, (_, i) => view.getInt16(2 * i, true) / 32768), 0);
      const source = new AudioBufferSourceNode(context, { buffer });
      source.connect(context.destination);
      at = Math.max(at, context.currentTime + AHEAD_S);
      this.from ??= at;
      source.start(at);
      at += buffer.duration;
    }
  }

  stop() {
    this.stopped?.abort();
    this.context?.close();
    this.context = null;
  }
}
