// Takes a picture with the camera in a dialog.

import { byId } from "../dom.js";
import { open } from "./microphone.js";

/** A File, or null where the user gave up; throws in words where there is no camera. */
export async function takePicture() {
  const stream = await open({ video: { width: { ideal: 1280 }, facingMode: "environment" } });
  const [dialog, view] = [byId("camera"), byId("camera-view")];
  try {
    view.srcObject = stream;
    await view.play();
    const taken = await new Promise((resolve) => {
      byId("camera-take").onclick = () => resolve(true);
      byId("camera-close").onclick = () => resolve(false);
      dialog.oncancel = () => resolve(false);
      dialog.showModal();
    });
    if (!taken) return null;
    const canvas = new OffscreenCanvas(view.videoWidth, view.videoHeight);
    canvas.getContext("2d").drawImage(view, 0, 0);
    const picture = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
    return new File([picture], "camera.jpg", { type: "image/jpeg" });
  } finally {
    dialog.close();
    view.srcObject = null;
    for (const track of stream.getTracks()) track.stop();
  }
}
