// Archive: a folder of the machine that runs avnet is made searchable.

import { get, post } from "../api.js";
import { byId, complain, element, say } from "../dom.js";
import { track } from "../progress.js";
import { note } from "../route.js";

let job = null;

export function start() {
  byId("archive-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    complain("");
    try {
      begin((await post("/api/indexings", { path: byId("archive-path").value.trim() })).id);
    } catch (error) {
      complain(error.message);
    }
  });
}

export async function show(params, status) {
  const can = status.can.index_folders;
  byId("archive-off").hidden = Boolean(can);
  byId("archive-off").textContent = "This server was not told to index folders: start it with --allow-indexing.";
  byId("archive-form").hidden = !can;
  const wanted = params.get("job");
  if (!wanted || wanted === job) return job && note("archive", { job });
  try {
    await get(`/api/jobs/${wanted}`);
    begin(wanted);
  } catch {
    note("archive", {});
  }
}

function begin(id) {
  job = id;
  note("archive", { job });
  byId("archive-errors").hidden = true;
  byId("archive-left-out").replaceChildren();
  track(byId("archive-progress"), job, {
    left_out: ({ reason, subject }) => {
      byId("archive-errors").hidden = false;
      byId("archive-left-out").append(element("li", {}, element("strong", {}, subject ?? ""), ` ${reason}`));
    },
    done: ({ result }) => {
      const { images, sounds, files_added: files } = result ?? {};
      const sentence = `Indexed ${files} files: ${images} images and ${sounds} sounds can be searched now.`;
      byId("archive-progress").hidden = false;
      byId("archive-progress").replaceChildren(element("p", {}, sentence));
      say(sentence);
      document.dispatchEvent(new Event("avnet-index"));
    },
    ended: () => {
      job = null;
      note("archive", {});
    },
  });
}
