// The waiting lines on the operators' page, and what can be done to them. Belongs to operator.js.
"use strict";

const titles = new Map();
// Their elements stay, so that a button is not exchanged under a finger.
const rows = new Map();

async function title(event) {
  if (titles.has(event)) return;
  titles.set(event, event);
  try {
    const reply = await fetch(`/events/${encodeURIComponent(event)}`);
    if (reply.ok) titles.set(event, (await reply.json()).title);
    if (session) draw();
  } catch {
    titles.delete(event);
  }
}

function confirmed(question) {
  const dialog = byId("confirm");
  byId("question").textContent = question;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function change(event, settings, question) {
  if (!await confirmed(question)) return;
  try {
    const reply = await call(`/queue/admin/events/${event}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(settings),
    });
    if (!reply.ok) throw new Error(await problemOf(reply));
    const now = await reply.json();
    const pace = now.paused ? "is paused" : `admits ${now.admissionPerSecond} a second`;
    say(`The line of ${titles.get(event)} ${pace}.`);
    ask("queue");
  } catch (error) {
    say(`The line was not changed: ${error.message}`);
  }
}

function newRow(event) {
  const row = {
    heading: element("h3"),
    numbers: element("div", { class: "cards" }),
    pause: element("button", { type: "button", class: "pause" }),
    rate: element("input", { type: "number", min: "1", max: "10000", required: "", "aria-label": "Admissions a second" }),
    line: null,
  };
  const form = element("form", {}, row.pause, row.rate, element("button", {}, "Set rate"));
  row.element = element("div", { class: "line" }, row.heading, row.numbers, form);
  row.element.dataset.event = event;
  row.pause.addEventListener("click", () => {
    const paused = !row.line.paused;
    const what = paused ? "Pause the line of %? Nobody is admitted until it is resumed." : "Resume the line of %?";
    change(event, { paused }, what.replace("%", titles.get(event)));
  });
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    const wanted = row.rate.valueAsNumber;
    const question = `Admit ${wanted} a second to ${titles.get(event)}, instead of ${row.line.admissionPerSecond}?`;
    change(event, { admissionPerSecond: wanted }, question);
  });
  return row;
}

function drawLines() {
  const told = sources.queue.told;
  const lines = (told && told.lines) || [];
  const place = document.querySelector("#lines .rows");
  const there = new Set(lines.map((line) => line.eventId));
  for (const [event, row] of rows) {
    if (!there.has(event)) {
      row.element.remove();
      rows.delete(event);
    }
  }
  for (const line of lines) {
    const event = line.eventId;
    title(event);
    let row = rows.get(event);
    if (!row) {
      row = newRow(event);
      row.rate.value = line.admissionPerSecond;
      rows.set(event, row);
      place.append(row.element);
    }
    row.line = line;
    row.heading.textContent = line.paused ? `${titles.get(event)} (paused)` : titles.get(event);
    row.pause.textContent = line.paused ? "Resume" : "Pause";
    const pace = rate(`line ${event}`, "admitted");
    const eta = line.lastPlaceEtaSeconds;
    row.numbers.replaceChildren(
      card("waiting", line.waiting, false, eta === null ? "" : `the last one: ${shown(eta)} s to go`),
      card("admitted now", line.active, false, `of ${line.maxActive}`),
      card("admitted a second", decimal(pace), false, `set to ${line.admissionPerSecond}`),
      card("admitted so far", line.admitted),
      card("silent, given up", line.evicted),
      card("ended by time", line.expired),
      card("left", line.left),
    );
  }
  document.querySelector("#lines .nothing").hidden = lines.length > 0 || !(told && told.lines);
  age("lines", "queue");
  if (told) unreadable("lines", told.lines, "Redis");
}
