// A chat that is under way: what the model is just saying, and news of what it has done.
const chat = () => document.getElementById("chat");
let source = null;

function follow() {
  if (source || !chat().hasAttribute("data-running")) return;
  const after = Math.max(Number(chat().dataset.turns) - 1, 0);
  source = new EventSource(`/api/v1/chats/${chat().dataset.chat}/stream?after=${after}`);
  source.addEventListener("delta", (event) => draft(JSON.parse(event.data)));
  for (const kind of ["message", "tool_call", "tool_result", "effect"]) source.addEventListener(kind, renew);
  source.addEventListener("end", () => {
    source.close();
    source = null;
    renew();
  });
}

function draft({ offset, text }) {
  const box = document.getElementById("draft");
  const words = box.querySelector("p");
  words.textContent = words.textContent.slice(0, offset) + text;
  box.hidden = false;
  keepUp();
}

// The server shows what is on record; a draft that has become a message goes with it.
function renew() {
  chat().dispatchEvent(new Event("changed"));
}

function keepUp() {
  const distance = document.documentElement.scrollHeight - window.innerHeight - window.scrollY;
  if (distance < 240) window.scrollTo({ top: document.documentElement.scrollHeight });
}

document.body.addEventListener("htmx:after:swap", () => {
  follow();
  keepUp();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "message") {
    event.target.form.requestSubmit();
  }
});

follow();
window.scrollTo({ top: document.documentElement.scrollHeight });
