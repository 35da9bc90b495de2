// The operators' page. Each part of the system is asked every two seconds for what it knows; one that does not answer leaves its last
// numbers on the page, marked as old, and the rest goes on. Everything goes in as text, never as markup.
"use strict";

const EVERY = 2000;
const PATIENCE = 5000;
// Numbers from before this are marked as old.
const OLD = 7000;
// Rates are over this time.
const WINDOW = 10000;
const STATS = {
  gateway: "/admin/stats",
  user: "/users/admin/stats",
  event: "/events/admin/stats",
  queue: "/queue/admin/lines",
  reservation: "/reservations/admin/stats",
  payment: "/payments/admin/stats",
};
// What the simulators' captcha takes; a real one would have to come from another site.
const LOCAL_SITE_KEY = "local-recaptcha-site-key";

let session = null;
let sources = {};
let samples = new Map();

const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function say(text) {
  byId("message").textContent = text;
}

// ---- Signing in. The tokens live in `session` and nowhere else.

function openBoard(tokens) {
  session = tokens;
  sources = Object.fromEntries(Object.keys(STATS).map((name) => [name, { replies: new Map(), at: 0, error: null, asking: false }]));
  samples = new Map();
  rows.clear();
  document.querySelector("#lines .rows").replaceChildren();
  byId("doors").hidden = true;
  byId("board").hidden = false;
  say("");
  tick();
}

function closeBoard(why) {
  session = null;
  byId("board").hidden = true;
  byId("doors").hidden = false;
  say(why);
}

async function problemOf(reply) {
  const problem = await reply.json().catch(() => ({}));
  return problem.code ? `${reply.status} ${problem.code}` : String(reply.status);
}

function post(path, body, headers = {}) {
  return fetch(path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
}

async function signIn(event) {
  event.preventDefault();
  const form = event.target;
  // Until it is answered, a second click would take a second captcha.
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const captchaToken = `sim-pass-${Date.now()}-${Math.random().toString(36).slice(2)}`;
    const reply = await post("/auth/login", { email: form.email.value, password: form.password.value, captchaToken });
    if (!reply.ok) return say(`You could not be signed in: ${await problemOf(reply)}`);
    const { accessToken, refreshToken } = await reply.json();
    form.reset();
    openBoard({ accessToken, refreshToken });
  } catch (error) {
    say(`You could not be signed in: ${error.message}`);
  } finally {
    button.disabled = false;
  }
}

function useToken(event) {
  event.preventDefault();
  const accessToken = event.target.token.value.trim();
  event.target.reset();
  openBoard({ accessToken });
}

function signOut() {
  const { accessToken, refreshToken } = session;
  closeBoard("Signed out.");
  // A pasted token belongs to a session of its own, which goes on.
  if (refreshToken) post("/auth/logout", { refreshToken }, { authorization: `Bearer ${accessToken}` }).catch(() => {});
}

// One for all who were told that the token has ended.
function renew() {
  const own = session;
  own.renewal ??= (async () => {
    try {
      if (!own.refreshToken) return false;
      const reply = await post("/auth/refresh", { refreshToken: own.refreshToken });
      // Only a refusal ends the session; who does not answer now is asked again.
      if (reply.status >= 500) throw new Error(await problemOf(reply));
      if (reply.ok) Object.assign(own, await reply.json());
      return reply.ok;
    } finally {
      own.renewal = undefined;
    }
  })();
  return own.renewal;
}

async function call(path, options = {}) {
  const send = () => fetch(path, {
    ...options,
    headers: { authorization: `Bearer ${session.accessToken}`, ...options.headers },
    cache: "no-store",
    signal: AbortSignal.timeout(PATIENCE),
  });
  const own = session;
  let reply = await send();
  if (reply.status === 401 && own === session && await renew() && own === session) reply = await send();
  return reply;
}

// ---- Asking.

async function ask(name) {
  const source = sources[name];
  if (source.asking) return;
  const own = session;
  source.asking = true;
  try {
    const reply = await call(STATS[name]);
    if (own !== session) return;
    if (reply.status === 401) return closeBoard("Your session has ended. Please sign in again.");
    if (reply.status === 403) return closeBoard("Forbidden: this page is for administrators.");
    if (!reply.ok) throw new Error(await problemOf(reply));
    const told = await reply.json();
    const now = Date.now();
    // Replicas answer in turn: each tells of itself.
    source.replies.set(told.process.instance, { told, at: now });
    for (const [instance, { at }] of source.replies) if (now - at > WINDOW) source.replies.delete(instance);
    Object.assign(source, { told, at: now, error: null });
    if (told.requests) remember(`requests ${told.process.instance}`, told.requests);
    for (const line of told.lines || []) remember(`line ${line.eventId}`, { admitted: line.admitted });
  } catch (error) {
    if (own === session) source.error = error.name === "TimeoutError" ? "it takes too long" : error.message;
  } finally {
    source.asking = false;
    if (own === session && session) draw();
  }
}

function tick() {
  if (session && !document.hidden) for (const name of Object.keys(STATS)) ask(name);
}

// ---- Rates, out of what was counted when.

function remember(key, counts) {
  const now = Date.now();
  const known = samples.get(key) || [];
  const before = known[known.length - 1];
  // Who counts less than before has begun anew.
  const anew = before && Object.keys(counts).some((name) => name !== "connections" && counts[name] < before.counts[name]);
  const kept = anew ? [] : known.filter(({ at }) => now - at <= WINDOW);
  samples.set(key, [...kept, { at: now, counts }]);
}

function rate(key, name) {
  const known = samples.get(key) || [];
  const [first, last] = [known[0], known[known.length - 1]];
  if (!first || last.at - first.at < EVERY / 2) return null;
  return (last.counts[name] - first.counts[name]) / ((last.at - first.at) / 1000);
}

// ---- Drawing.

const shown = (value) => (value === null || value === undefined ? "–" : typeof value === "number" ? value.toLocaleString("en") : value);
const decimal = (value) => (value === null ? "–" : value >= 100 ? value.toFixed(0) : value.toFixed(1));
const seconds = (value) => `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} s`;

function card(name, value, isBad = false, note = "") {
  const made = element("div", { class: isBad ? "card bad" : "card" }, name, element("b", {}, shown(value)));
  if (note) made.append(element("span", { class: "note" }, note));
  return made;
}

function cards(section, made) {
  document.querySelector(`#${section} .cards`).replaceChildren(...made);
}

// Says of a section how old its numbers are, if they are, and why.
function age(section, ...names) {
  const now = Date.now();
  const all = names.map((name) => [name, sources[name]]);
  const late = all.filter(([, source]) => now - source.at > OLD);
  const failing = all.filter(([, source]) => source.error);
  const text = failing.map(([name, source]) => {
    const since = source.at ? `its numbers are ${Math.round((now - source.at) / 1000)} s old` : "nothing is known of it";
    return `${name} does not answer (${source.error}); ${since}.`;
  });
  const place = byId(section);
  place.classList.toggle("old", late.length === names.length);
  const asOf = place.querySelector(".as-of");
  asOf.textContent = text.join(" ");
  asOf.hidden = !text.length;
}

// The service answers, but what it would count from does not.
function unreadable(section, numbers, store) {
  if (numbers !== null) return;
  const asOf = byId(section).querySelector(".as-of");
  asOf.textContent += ` The numbers cannot be read now: ${store} does not answer.`;
  asOf.hidden = false;
}

function drawServices() {
  const gateway = sources.gateway;
  const checks = gateway.told ? gateway.told.services.checks : {};
  const up = Date.now() - gateway.at <= OLD;
  const made = [card("gateway", up ? "UP" : "DOWN", !up)];
  for (const [name, state] of Object.entries(checks)) {
    const source = sources[name.replace("-service", "")];
    const trouble = source && source.error ? source.error : "";
    made.push(card(name, state, state !== "UP", trouble));
  }
  cards("services", made);
  age("services", "gateway");
}

function drawBookings() {
  const told = sources.reservation.told;
  const bookings = (told && told.bookings) || {};
  cards("bookings", [
    card("held", bookings.held),
    card("being paid", bookings.paying),
    card("held in the last minute", bookings.latelyHeld),
    card("of these confirmed", bookings.latelyConfirmed),
    card("not ended in time", bookings.overdue, bookings.overdue > 0),
    card("cancelled concerts being closed", bookings.eventsClosing),
  ]);
  age("bookings", "reservation");
  if (told) unreadable("bookings", told.bookings, "PostgreSQL");
}

function drawMoney() {
  const told = sources.payment.told;
  const { payments = {}, refunds = {}, sagas = {} } = (told && told.money) || {};
  cards("money", [
    card("payments begun", payments.begun),
    card("being charged", payments.confirming),
    card("paid, of the last minute's", payments.latelySucceeded),
    card("failed, of the last minute's", payments.latelyFailed),
    card("refunds under way", refunds.underWay),
    card("refunds failed", refunds.failed, refunds.failed > 0, refunds.failed > 0 ? "ticketctl refund list" : ""),
    card("paid, to be confirmed", sagas.awaited),
    card("stuck", sagas.stuck, sagas.stuck > 0, sagas.stuck > 0 ? "ticketctl saga list --stuck" : ""),
  ]);
  age("money", "payment");
  if (told) unreadable("money", told.money, "PostgreSQL");
}

// What each replica of a part told last.
function replies(name) {
  return [...sources[name].replies.values()].map(({ told }) => told);
}

function drawGateway() {
  const all = replies("gateway");
  const sum = (name) => {
    const rates = all.map((told) => rate(`requests ${told.process.instance}`, name)).filter((value) => value !== null);
    return rates.length ? rates.reduce((one, other) => one + other, 0) : null;
  };
  const [answered, refused, failed] = ["answered", "refused", "failed"].map(sum);
  const share = answered ? (100 * failed) / answered : 0;
  cards("gateway", [
    card("requests a second", decimal(answered)),
    card("refused (4xx) a second", decimal(refused)),
    card("failed (5xx) a second", decimal(failed), share > 5, share > 5 ? `${share.toFixed(0)} %` : ""),
    card("connections", all.length ? all.reduce((count, told) => count + told.requests.connections, 0) : null),
  ]);
  age("gateway", "gateway");
}

function drawMessages() {
  const made = [];
  const letters = new Map();
  for (const name of ["event", "queue", "reservation", "payment"]) {
    const told = sources[name].told;
    if (!told) continue;
    const { outbox, deadLetters } = told.process;
    if (outbox) {
      made.push(card(`${name}: oldest unsent`, seconds(outbox.oldestSeconds), outbox.oldestSeconds > 60, `${outbox.unsent} unsent`));
      if (outbox.parked) made.push(card(`${name}: parked`, outbox.parked, true, "ticketctl outbox list"));
    }
    const groups = new Map();
    for (const { process } of replies(name)) {
      for (const { group, behind } of process.consumers) groups.set(group, (groups.get(group) || 0) + behind);
    }
    for (const [group, behind] of groups) made.push(card(group.replace("-consumer", ""), behind, behind > 1000, "behind"));
    for (const { topic, messages } of deadLetters) letters.set(topic, messages);
  }
  for (const [topic, count] of letters) made.push(card(topic, count, count >= 10, count ? "in 7 days: ticketctl dlq list" : ""));
  cards("messages", made);
  age("messages", "event", "queue", "reservation", "payment");
}

function drawCalls() {
  const made = [];
  for (const name of Object.keys(STATS)) {
    const states = new Map();
    const pools = new Map();
    for (const { process } of replies(name)) {
      for (const breaker of process.breakers) {
        if (!states.has(breaker.name) || breaker.state !== "closed") states.set(breaker.name, breaker.state);
      }
      for (const pool of process.pools) {
        const known = pools.get(pool.name) || { inUse: 0, max: 0 };
        pools.set(pool.name, { inUse: known.inUse + pool.inUse, max: known.max + pool.max });
      }
    }
    for (const [called, state] of states) made.push(card(`${name} → ${called}`, state.replace("_", "-"), state !== "closed"));
    for (const [pool, { inUse, max }] of pools) made.push(card(`${name}: ${pool}`, `${inUse} of ${max}`, inUse >= max, "connections"));
  }
  cards("calls", made);
  age("calls", ...Object.keys(STATS));
}

function draw() {
  drawServices();
  drawLines();
  drawBookings();
  drawMoney();
  drawGateway();
  drawMessages();
  drawCalls();
}

// ---- Beginning.

byId("sign-in").addEventListener("submit", signIn);
byId("with-token").addEventListener("submit", useToken);
byId("sign-out").addEventListener("click", signOut);
byId("yes").addEventListener("click", () => byId("confirm").close("yes"));
byId("no").addEventListener("click", () => byId("confirm").close("no"));
document.addEventListener("visibilitychange", tick);
setInterval(tick, EVERY);
byId("doors").hidden = false;
fetch("/config")
  .then((reply) => reply.json())
  .then((config) => {
    byId("sign-in").hidden = config.recaptchaSiteKey !== LOCAL_SITE_KEY;
  })
  .catch((error) => say(`The gateway does not answer: ${error.message}`));
