// The keyboard: / search, j k Enter along the rows, g and a letter to a place, ? help.
let waiting = false; // for the letter after g; any other key ends that
let current = null; // the row that was moved to; what is kept fresh may come back as another element

function here() {
  if (current && !current.isConnected) current = current.id ? document.getElementById(current.id) : null;
  return current;
}

function rows() {
  return [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
}

function move(step) {
  const all = rows();
  if (!all.length) return;
  const now = all.indexOf(here());
  here()?.classList.remove("at");
  const next = all[Math.min(Math.max(now + step, 0), all.length - 1)];
  next.classList.add("at");
  current = next;
  next.scrollIntoView({ block: "nearest" });
  (next.matches("a,button") ? next : next.querySelector("a,button"))?.focus({ preventScroll: true });
}

function open() {
  const row = here();
  const link = row?.matches("a,button") ? row : row?.querySelector("a");
  link?.click();
}

function find(event) {
  const box = document.querySelector("[data-finds]");
  if (!box) return;
  event.preventDefault();
  box.focus();
  box.select();
}

function isTyping(target) {
  return target.closest?.("input:not([type=checkbox],[type=radio]), textarea, select, [contenteditable], dialog[open]");
}

export function watchKeys() {
  const help = document.getElementById("help");
  document.querySelector("[data-help]")?.addEventListener("click", () => help.showModal());
  document.body.addEventListener("htmx:after:swap", () => here()?.classList.add("at"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target.matches?.("[data-finds]")) event.target.blur();
    if (isTyping(event.target)) return;
    if (waiting) {
      waiting = false;
      document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
      return;
    }
    switch (event.key) {
      case "/": return find(event);
      case "j": return move(1);
      case "k": return move(-1);
      case "Enter": return event.target === document.body ? open() : undefined;
      case "g": waiting = true; return;
      case "?": return help?.showModal();
    }
  });
}
