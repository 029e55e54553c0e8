// How photographs come onto the page: chosen, dropped with their folders, or pasted.

const $ = (id) => document.getElementById(id);

// take(files) gets [name, File] each.
export function listen(take) {
  $("choose").onclick = () => $("files").click();
  $("choose-folder").onclick = () => $("folder").click();
  for (const id of ["files", "folder"]) {
    $(id).onchange = () => {
      take([...$(id).files].map((file) => [file.webkitRelativePath || file.name, file]));
      $(id).value = "";
    };
  }
  document.addEventListener("paste", (event) => {
    take([...(event.clipboardData?.files || [])].map((file) => [file.name || "pasted.png", file]));
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    take(await dropped([...event.dataTransfer.items].filter((item) => item.kind === "file")));
  });
}

async function dropped(items) {
  const found = [];
  async function walk(entry, path) {
    if (entry.isFile) {
      found.push([path + entry.name, await new Promise((resolve, reject) => entry.file(resolve, reject))]);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      for (const one of some) await walk(one, `${path}${entry.name}/`);
    }
  }
  for (const entry of items.map((item) => item.webkitGetAsEntry()).filter(Boolean)) await walk(entry, "");
  return found.sort(([one], [other]) => (one < other ? -1 : 1));
}
