// The form of an agent: presets fill the schedule; leaving with changes is asked about.
const form = document.getElementById("draft");
let changed = "unsaved" in form.dataset;

form.addEventListener("input", () => { changed = true; });
form.addEventListener("submit", () => { changed = false; });
window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });

form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-schedule], [data-schedule-more]");
  if (!button) return;
  const all = [...form.querySelectorAll("[name=schedule]")];
  if ("scheduleMore" in button.dataset) {
    const more = all[0].cloneNode();
    more.value = "";
    more.setAttribute("aria-label", `Schedule ${all.length + 1}`);
    all.at(-1).after(more);
    more.focus();
    return;
  }
  const box = all.includes(document.activeElement) ? document.activeElement : all.at(-1);
  box.value = button.dataset.schedule;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.focus();
});

// As a form or as its file, what it means is told anew.
document.body.addEventListener("htmx:after:swap", (event) => {
  if (event.detail?.ctx?.target?.id === "fields") document.body.dispatchEvent(new Event("turned"));
});
