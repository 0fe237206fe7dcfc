// Hands the samples of the first channel to the page, block by block.

class Recorder extends AudioWorkletProcessor {
  process([channels]) {
    if (channels.length) this.port.postMessage(channels[0].slice());
    return true;
  }
}

registerProcessor("recorder", Recorder);
