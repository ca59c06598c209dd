// Moments: relative, in the viewer's own zone, or in UTC; exact on hover.
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "narrow" });
const exactly = { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const fully = { ...exactly, weekday: "short", second: "2-digit", timeZoneName: "short" };
const onClock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

function formats(zone) {
  return Object.fromEntries(
    Object.entries({ exactly, fully, onClock }).map(([name, options]) =>
      [name, new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone })]));
}

const local = formats(undefined);
const utc = formats("UTC");

function ago(moment) {
  const seconds = (moment - Date.now()) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 0 ? "in under 1 min" : "just now";
}

function show(element, choice) {
  const moment = new Date(element.dateTime);
  const zone = choice === "utc" ? utc : local;
  const form = element.dataset.form;
  const text = form === "clock" ? zone.onClock.format(moment)
    : form === "relative" && choice === "relative" ? ago(moment)
    : zone.exactly.format(moment);
  if (element.textContent !== text) element.textContent = text;
  const full = `${zone.fully.format(moment)} · ${utc.fully.format(moment)}`;
  const title = zone === utc ? utc.fully.format(moment) : full;
  if (element.title !== title) element.title = title;
}

export function watchTimes() {
  const chooser = document.getElementById("times");
  let choice = localStorage.getItem("times") || "relative";
  const showAll = (root = document) => {
    for (const element of root.querySelectorAll("time[datetime]")) show(element, choice);
    for (const option of root.querySelectorAll("option[data-at]")) {
      const zone = choice === "utc" ? utc : local;
      const rest = option.textContent.slice(option.textContent.lastIndexOf(", "));
      option.textContent = zone.exactly.format(new Date(option.dataset.at)) + rest;
    }
  };
  if (chooser) {
    chooser.value = choice;
    chooser.addEventListener("change", () => {
      choice = chooser.value;
      localStorage.setItem("times", choice);
      showAll();
    });
  }
  showAll();
  document.body.addEventListener("htmx:after:swap", () => showAll());
  setInterval(() => document.hidden || showAll(), 20000);
}
