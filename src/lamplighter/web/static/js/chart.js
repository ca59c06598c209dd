// The last days of an agent: runs and tokens, as bars in the colours of the page.
const place = document.getElementById("days");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = matchMedia("(prefers-color-scheme: dark)");
let plots = [];

function frame(element, series, data, isWhole) {
  const axis = { stroke: css("--quiet"), grid: { stroke: css("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return new uPlot({
    width: element.clientWidth,
    height: element.clientHeight,
    legend: { show: false },
    cursor: { y: false, points: { show: false } },
    scales: { y: { range: (_, low, high) => [0, Math.max(high, 1)] } },
    axes: [
      { ...axis, size: 26, space: 60, values: (_, days) => days.map((day) => new Date(day * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })) },
      { ...axis, size: 40, space: 26, values: (_, values) => values.map((value) => isWhole && !Number.isInteger(value) ? "" : value >= 1000 ? `${value / 1000}k` : `${+value.toFixed(3)}`) },
    ],
    series: [{}, ...series],
  }, data, element);
}

const bars = (fill) => ({ fill, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.72, 14], radius: 0.15 }) });

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const dollars = (days) => days.cost_microusd.map((cost) => cost / 1e6);
const spent = (days) => sum(days.cost_microusd) > 0;

function draw(days) {
  for (const plot of plots) plot.destroy();
  const all = days.completed.map((number, at) => number + days.failed[at]);
  plots = [
    frame(document.getElementById("days-runs"), [bars(css("--bar-bad")), bars(css("--good"))], [days.at, all, days.completed], true),
    frame(document.getElementById("days-use"), [bars(css("--bar-model"))], [days.at, spent(days) ? dollars(days) : days.tokens], !spent(days)),
  ];
}

function tell(days) {
  const [completed, failed] = [sum(days.completed), sum(days.failed)];
  const runs = completed + failed + sum(days.other);
  const share = completed + failed ? `, ${Math.round(100 * completed / (completed + failed))} % completed` : "";
  const cost = spent(days) ? `, $${sum(dollars(days)).toFixed(2)}` : "";
  document.getElementById("days-words").textContent = runs ? `${runs} runs${share}, ${sum(days.tokens).toLocaleString("en")} tokens${cost}` : "No runs";
  if (spent(days)) document.getElementById("days-use-words").textContent = "Cost a day, in dollars";
}

const answer = await fetch(place.dataset.url, { headers: { Accept: "application/json" } });
if (answer.ok) {
  const days = await answer.json();
  tell(days);
  draw(days);
  dark.addEventListener("change", () => draw(days));
  let width = place.clientWidth;
  new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    draw(days);
  }).observe(place);
}
