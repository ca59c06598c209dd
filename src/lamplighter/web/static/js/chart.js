// The last days of an agent: runs and tokens, as bars in the colours of the page.
const place = document.getElementById("days");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = matchMedia("(prefers-color-scheme: dark)");
let plots = [];

function frame(element, series, data) {
  const axis = { stroke: css("--quiet"), grid: { stroke: css("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return new uPlot({
    width: element.clientWidth,
    height: element.clientHeight,
    legend: { show: false },
    cursor: { y: false, points: { show: false } },
    scales: { y: { range: (_, low, high) => [0, Math.max(high, 1)] } },
    axes: [
      { ...axis, size: 26, space: 60, values: (_, days) => days.map((day) => new Date(day * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })) },
      { ...axis, size: 40, space: 26, values: (_, values) => values.map((value) => value >= 1000 ? `${value / 1000}k` : Number.isInteger(value) ? `${value}` : "") },
    ],
    series: [{}, ...series],
  }, data, element);
}

const bars = (fill) => ({ fill, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.72, 14], radius: 0.15 }) });

function draw(days) {
  for (const plot of plots) plot.destroy();
  const all = days.completed.map((number, at) => number + days.failed[at]);
  plots = [
    frame(document.getElementById("days-runs"), [bars(css("--bar-bad")), bars(css("--good"))], [days.at, all, days.completed]),
    frame(document.getElementById("days-tokens"), [bars(css("--bar-model"))], [days.at, days.tokens]),
  ];
}

function tell(days) {
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  const [completed, failed] = [sum(days.completed), sum(days.failed)];
  const runs = completed + failed + sum(days.other);
  const share = completed + failed ? `, ${Math.round(100 * completed / (completed + failed))} % completed` : "";
  document.getElementById("days-words").textContent = runs ? `${runs} runs${share}, ${sum(days.tokens).toLocaleString("en")} tokens` : "No runs";
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
