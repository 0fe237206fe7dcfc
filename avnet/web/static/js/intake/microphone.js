// Records the microphone in a dialog, as a WAV file made in the page.

import { byId, say } from "../dom.js";
import { clock } from "../words.js";
import { wav } from "./wav.js";

const LONGEST_S = 60;

/** A File, or null where the user gave up; throws in words where there is no microphone. */
export async function record() {
  const stream = await open({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  const context = new AudioContext();
  const dialog = byId("microphone");
  const parts = [];
  try {
    await context.audioWorklet.addModule(new URL("recorder-worklet.js", import.meta.url));
    const recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
    context.createMediaStreamSource(stream).connect(recorder);
    const keep = await new Promise((resolve) => {
      let count = 0;
      recorder.port.onmessage = ({ data }) => {
        parts.push(data);
        count += data.length;
        const loudest = data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
        byId("microphone-level").style.width = `${Math.round(100 * Math.sqrt(loudest))}%`;
        byId("microphone-clock").textContent = clock(count / context.sampleRate, true);
        if (count > LONGEST_S * context.sampleRate) resolve(true);
      };
      byId("microphone-stop").onclick = () => resolve(true);
      byId("microphone-close").onclick = () => resolve(false);
      dialog.oncancel = () => resolve(false);
      dialog.showModal();
      say("Recording.");
    });
    if (!keep || !parts.length) return null;
    return new File([wav(parts, context.sampleRate)], "recording.wav", { type: "audio/wav" });
  } finally {
    dialog.close();
    for (const track of stream.getTracks()) track.stop();
    await context.close();
  }
}

/** A stream of the camera or the microphone; throws in words. */
export async function open(wanted) {
  const device = wanted.video ? "camera" : "microphone";
  if (!navigator.mediaDevices)
    throw new Error(`Browsers give the ${device} to a page only on this machine itself or over https.`);
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {
    const refused = error.name === "NotAllowedError";
    throw new Error(refused ? `The browser was told not to give the ${device}.` : `No ${device} can be opened.`);
  }
}
