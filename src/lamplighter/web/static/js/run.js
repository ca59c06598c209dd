// A run that is watched: bars grow, the newest step stays in sight unless the reader scrolls up.
const TICK_MILLISECONDS = 500;
const CLOSE_PIXELS = 120;
const head = () => document.getElementById("run");
const isActive = () => ["pending", "running"].includes(head().dataset.status);

// The server's clock, as far as this page knows it.
const lead = Number(head().dataset.now) * 1000 - Date.now();
const now = () => Date.now() + lead;
const began = () => Number(head().dataset.began) * 1000;

function say(milliseconds) {
  const seconds = Math.max(Math.floor(milliseconds / 1000), 0);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

function grow() {
  const running = head().dataset.status === "running";
  const span = Math.max(running ? now() - began() : Number(head().dataset.span), 1);
  for (const bar of document.querySelectorAll("#steps .bar")) bar.setAttribute("viewBox", `0 0 ${Math.round(span)} 1`);
  for (const open of document.querySelectorAll("#steps rect[data-open]")) {
    open.setAttribute("width", Math.max(span - Number(open.getAttribute("x")), 0));
  }
  if (running) head().querySelector("[data-duration]").textContent = say(span);
}

// Following: the page keeps to its end until somebody scrolls up, and from when they are back.
const button = document.getElementById("follow");
let following = true;
let height = 0;

const distance = () => document.documentElement.scrollHeight - window.innerHeight - window.scrollY;

function keepUp() {
  if (following && document.documentElement.scrollHeight > height) {
    window.scrollTo({ top: document.documentElement.scrollHeight });
  }
  height = document.documentElement.scrollHeight;
}

function look() {
  if (distance() < CLOSE_PIXELS) following = true;
  button.hidden = following || !isActive();
}

let lastY = window.scrollY;
window.addEventListener("scroll", () => {
  if (window.scrollY < lastY - 2) following = false;
  lastY = window.scrollY;
  look();
}, { passive: true });
button.addEventListener("click", () => {
  following = true;
  window.scrollTo({ top: document.documentElement.scrollHeight });
  look();
});

// Which step is open is told by the address.
function mark() {
  const number = location.pathname.split("/steps/")[1] ?? document.querySelector("#detail [data-step]")?.dataset.step;
  for (const link of document.querySelectorAll("#steps a[aria-current]")) link.removeAttribute("aria-current");
  document.querySelector(`#step-${number} a`)?.setAttribute("aria-current", "step");
}

// What waits for somebody is asked for by each viewer, who may decide or not.
let held = head().dataset.held;

document.body.addEventListener("htmx:after:swap", (event) => {
  const wasDecided = event.detail?.ctx?.target?.id?.startsWith("effect-");
  if (wasDecided || head().dataset.held !== held) {
    held = head().dataset.held;
    document.body.dispatchEvent(new Event("held"));
  }
  const target = event.detail?.ctx?.target;
  if (target?.id === "detail" && matchMedia("(max-width: 64rem)").matches) target.scrollIntoView();
  mark();
  if (isActive()) keepUp();
  grow();
  look();
});

grow();
if (isActive()) {
  height = document.documentElement.scrollHeight;
  const clock = setInterval(() => {
    grow();
    if (!isActive()) clearInterval(clock);
  }, TICK_MILLISECONDS);
}
