// Where files come in: dropped, chosen, pasted, from the camera or the microphone; and their way to the server.

import { upload } from "../api.js";
import { button, complain, element, icon, say } from "../dom.js";
import { takePicture } from "./camera.js";
import { record } from "./microphone.js";

let active = null; // the intake of the view that is shown: what is dropped or pasted anywhere is for it

export class Intake {
  /**
   * @param root its data says what is wanted: accept, what, camera, microphone, multiple.
   * @param pending where uploads under way are shown.
   * @param onMedia is given each medium that the server took.
   */
  constructor(root, pending, onMedia) {
    Object.assign(this, { root, pending, onMedia });
    const { accept, what, camera, microphone, multiple } = root.dataset;
    const input = element("input", {
      type: "file", accept, multiple: multiple !== undefined, hidden: true, "aria-label": `Choose ${what}`,
      on: { change: () => (this.take([...input.files]), (input.value = "")) },
    });
    root.append(
      icon("drop"),
      element("p", { class: "intake-title" }, `Drop ${what} here`),
      element("p", { class: "soft" }, "or paste one with Ctrl+V"),
      element("div", { class: "row" },
        button("Choose a file", () => input.click(), { class: "primary" }),
        camera !== undefined && button("Camera", () => this.from(takePicture)),
        microphone !== undefined && button("Microphone", () => this.from(record))),
      input,
    );
  }

  activate() {
    active = this;
  }

  async from(device) {
    complain("");
    try {
      const file = await device();
      if (file) await this.take([file]);
    } catch (error) {
      complain(error.message);
    }
  }

  /** Uploads files one after the other, for `onMedia`. */
  async take(files, onMedia = this.onMedia) {
    complain("");
    const chosen = this.root.dataset.multiple === undefined && files.length > 2 ? files.slice(0, 2) : files;
    for (const file of chosen) await this.send(file, onMedia);
  }

  async send(file, onMedia) {
    const stop = new AbortController();
    const name = file.name || "pasted";
    const bar = element("progress", { max: 1, value: 0, "aria-label": `Sending ${name}` });
    const row = element("div", { class: "sending card" }, element("p", {}, `Sending ${name}`), bar,
      button("Cancel", () => stop.abort(), { "aria-label": `Cancel sending ${name}` }));
    this.pending.append(row);
    say(`Sending ${name}.`);
    try {
      const media = await upload(file, { onShare: (share) => (bar.value = share), signal: stop.signal });
      row.remove();
      await onMedia(media);
    } catch (error) {
      if (error.name === "AbortError") say("Cancelled.");
      else complain(error.message);
    } finally {
      row.remove();
    }
  }
}

/** Takes what is dropped on the page or pasted, for the view that is shown. */
export function listen() {
  let depth = 0;
  const over = (inside) => document.body.classList.toggle("dropping", inside && Boolean(active));
  const leave = () => over((depth = 0));
  document.addEventListener("dragenter", () => over(++depth));
  document.addEventListener("dragleave", () => over((depth = Math.max(0, depth - 1))));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    leave();
    take([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) {
      event.preventDefault();
      take(files);
    }
  });
}

function take(files) {
  if (!active) return;
  if (files.length) active.take(files);
  else complain("What was dropped is no file. Save it first, then drop the file.");
}

/** The view that is shown takes nothing in. */
export function deactivate() {
  active = null;
}
