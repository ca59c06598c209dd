// What every page does: times, keys, what is said, what is asked before something is lost.
import { watchTimes } from "./times.js";
import { watchKeys } from "./keys.js";

// On small screens the places stand in one line that is longer than the screen.
const places = document.querySelector(".places");
const here = places?.querySelector("[aria-current]");
if (here && places.scrollWidth > places.clientWidth) places.scrollLeft = here.offsetLeft - places.clientWidth / 3;

watchTimes();
watchKeys();

const SAID_MILLISECONDS = 6000;

export function say(message) {
  const line = document.createElement("p");
  line.textContent = message;
  document.getElementById("said").append(line);
  setTimeout(() => line.remove(), SAID_MILLISECONDS);
}

document.body.addEventListener("said", (event) => say(event.detail.message));

// Forms and links with data-confirm ask first; what they say is what would be lost.
const question = document.getElementById("confirm");
let asked = null;

document.addEventListener("submit", (event) => {
  const sender = event.submitter?.dataset.confirm ? event.submitter : event.target;
  if (!sender.dataset.confirm || asked === sender) {
    asked = null;
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  question.querySelector("p").textContent = sender.dataset.confirm;
  question.querySelector("[value=yes]").textContent = sender.dataset.yes || "Yes";
  question.returnValue = "";
  question.showModal();
  question.addEventListener("close", () => {
    if (question.returnValue !== "yes") return;
    asked = sender;
    event.target.requestSubmit(event.submitter);
  }, { once: true });
}, true);

// A form that sends itself when something in it is chosen.
document.addEventListener("change", (event) => {
  if (event.target.closest("[data-sends]")) event.target.form.requestSubmit();
});

// Lists that keep themselves fresh do so while somebody looks.
const FRESH_MILLISECONDS = 15000;
setInterval(() => {
  if (!document.hidden) document.body.dispatchEvent(new Event("fresh"));
}, FRESH_MILLISECONDS);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) document.body.dispatchEvent(new Event("fresh"));
});
