// The strip in the bar: how old the figures are, the palette, the keys. Everything that came with the traffic is
// written with textContent. The listeners belong to the page and are taken away when the strip goes.
const SEQUENCE_MS = 1200;
const NARROW_PX = 900;
const MAC = /Mac|iPhone|iPad/.test(navigator.platform);
let collapsed = false;

const typing = (event) => {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  const field = target.closest("input, textarea, select, [contenteditable='true'], [role='combobox']");
  const pressed = ["checkbox", "radio", "button", "range"].includes(field?.type);
  return Boolean(field) && !pressed;
};

const busy = () => {
  const active = document.activeElement;
  const within = active?.shadowRoot?.activeElement ?? active;
  return (
    document.hidden ||
    Boolean(within?.closest?.("input, textarea, select, [contenteditable='true']")) ||
    Boolean(document.querySelector("[role='dialog'], [data-testid='stPopoverBody'], [data-baseweb='popover'], [role='listbox']")) ||
    String(window.getSelection() ?? "").length > 0
  );
};

const collapse_sidebar_once = () => {
  if (collapsed) return;
  collapsed = true;
  if (window.innerWidth <= NARROW_PX) {
    document.querySelector("[data-testid='stSidebarCollapseButton'] button")?.click();
  }
};

// a link that led to the login leads on from there; only a path of this site was remembered
const go_on = () => {
  const wanted = sessionStorage.getItem("outerloop_wanted");
  sessionStorage.removeItem("outerloop_wanted");
  const here = window.location.pathname + window.location.search;
  if (wanted?.startsWith("/") && !wanted.startsWith("//") && wanted !== "/" && wanted !== here) window.location.replace(wanted);
};

const age_in_words = (seconds) => {
  if (seconds < 5) return "just read";
  if (seconds < 90) return `read ${seconds} s ago`;
  return seconds < 5400 ? `read ${Math.round(seconds / 60)} min ago` : `read ${Math.round(seconds / 3600)} h ago`;
};

const matches = (data, text) => {
  const wanted = text.trim().toLowerCase();
  const pages = data.pages.map((one) => ({ page: one.page, query: {}, label: one.label, kind: `page · g ${one.letter}`, id: one.page }));
  const all = [...pages, ...data.places.map((one) => ({ ...one, id: Object.values(one.query).join(" ") }))];
  const found = all.filter((one) => `${one.label} ${one.kind} ${one.id}`.toLowerCase().includes(wanted)).slice(0, 30);
  return wanted ? [...found, { typed: text.trim(), label: `Open the id ${text.trim()}`, kind: "trace, session, incident, retrain" }] : found;
};

const build_palette = (root, current) => {
  const dialog = root.querySelector(".palette");
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  let shown = [];
  let at = 0;
  const leave = (place) => {
    dialog.close();
    current().setTriggerValue("go", place.typed ? { typed: place.typed } : { page: place.page, query: place.query });
  };
  const mark = () => {
    [...list.children].forEach((row, number) => row.setAttribute("aria-selected", String(number === at)));
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const draw = () => {
    shown = matches(current().data, input.value);
    at = 0;
    list.replaceChildren(
      ...shown.map((place) => {
        const row = document.createElement("li");
        row.setAttribute("role", "option");
        for (const words of [place.label, place.kind]) {
          const part = document.createElement("span");
          part.textContent = words;
          row.append(part);
        }
        row.onclick = () => leave(place);
        return row;
      }),
    );
    mark();
  };
  input.oninput = draw;
  input.onkeydown = (event) => {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length) {
      event.preventDefault();
      at = (at + step + shown.length) % shown.length;
      mark();
    } else if (event.key === "Enter" && shown[at]) {
      event.preventDefault();
      leave(shown[at]);
    }
  };
  return () => {
    input.value = "";
    draw();
    dialog.showModal();
    input.focus();
  };
};

const build_help = (root, current) => {
  const dialog = root.querySelector(".help");
  return () => {
    const rows = [
      [MAC ? "⌘ K" : "Ctrl K", "go to a page, or to a trace, call, incident or retrain by its id"],
      ["/", "type in the filter line"],
      [".", "pause or resume the reading of new figures"],
      ["?", "this list"],
      ...current().data.pages.map((one) => [`g ${one.letter}`, one.here ? `${one.label} (this page)` : one.label]),
    ];
    dialog.querySelector("dl").replaceChildren(
      ...rows.flatMap(([keys, words]) => {
        const name = document.createElement("dt");
        const meaning = document.createElement("dd");
        for (const key of keys.split(" ")) {
          const cap = document.createElement("kbd");
          cap.textContent = key;
          name.append(cap);
        }
        meaning.textContent = words;
        return [name, meaning];
      }),
    );
    dialog.showModal();
  };
};

const live_strip = (root, current) => {
  const button = root.querySelector(".age");
  let asked_at = 0;
  const toggle = () => {
    const { data, setTriggerValue } = current();
    if (data.live) setTriggerValue(data.paused ? "resume" : "pause", Date.now());
  };
  const tick = () => {
    const { data, setTriggerValue, since } = current();
    const age = Math.max(0, Math.round((performance.now() - since) / 1000));
    const how = !data.live ? "" : data.paused ? "Paused, " : "Live, ";
    button.querySelector(".words").textContent = how + age_in_words(age);
    button.classList.toggle("paused", data.paused || !data.live);
    button.disabled = !data.live;
    button.title = !data.live
      ? "This page does not renew itself."
      : data.paused ? "Renew the figures by themselves again ( . )" : `Renewed every ${data.every_s} s while you look and do not type. Pause ( . )`;
    const due = age >= data.every_s && performance.now() - asked_at > data.every_s * 1000;
    if (data.live && !data.paused && due && !busy()) {
      asked_at = performance.now();
      setTriggerValue("renew", Date.now());
    }
  };
  button.onclick = toggle;
  return { tick, toggle };
};

const listen = (current, open, help, toggle) => {
  let g_at = -Infinity;
  return (event) => {
    if (event.defaultPrevented || event.isComposing || typing(event)) return;
    if (document.querySelector("[role='dialog']")) return;
    const take = () => { event.preventDefault(); event.stopImmediatePropagation(); };
    const command = (MAC ? event.metaKey : event.ctrlKey) && !event.altKey && !event.shiftKey;
    if (command && event.key.toLowerCase() === "k") { take(); open(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const after_g = performance.now() - g_at < SEQUENCE_MS;
    g_at = -Infinity;
    const page = current().data.pages.find((one) => one.letter === event.key);
    if (after_g && page) { take(); current().setTriggerValue("go", { page: page.page, query: {} }); }
    else if (event.key === "g") { take(); g_at = performance.now(); }
    else if (event.key === "?") { take(); help(); }
    else if (event.key === "/") { take(); document.querySelector(".st-key-filter_line input")?.focus(); }
    else if (event.key === ".") { take(); toggle(); }
  };
};

const strips = new WeakMap();

export default function (component) {
  const { parentElement } = component;
  const known = strips.get(parentElement);
  if (known) {
    const renewed = known.now.data.read !== component.data.read;
    known.now = { ...component, since: renewed ? performance.now() : known.now.since };
    known.tick();
  }
  const strip = known ?? { now: { ...component, since: performance.now() } };
  const current = () => strip.now;
  if (!known) {
    strips.set(parentElement, strip);
    strip.open = build_palette(parentElement, current);
    strip.help = build_help(parentElement, current);
    Object.assign(strip, live_strip(parentElement, current));
    parentElement.querySelector(".open").onclick = strip.open;
    parentElement.querySelector(".ask").onclick = strip.help;
    if (MAC) parentElement.querySelector(".open kbd").textContent = "⌘ K";
    for (const dialog of parentElement.querySelectorAll("dialog")) {
      dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
      dialog.onkeydown = (event) => event.stopPropagation();
    }
    collapse_sidebar_once();
    go_on();
  }
  const heard = listen(current, strip.open, strip.help, strip.toggle);
  window.addEventListener("keydown", heard, true);
  const clock = setInterval(strip.tick, 1000);
  strip.tick();
  return () => {
    window.removeEventListener("keydown", heard, true);
    clearInterval(clock);
  };
}
