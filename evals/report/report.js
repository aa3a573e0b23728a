"use strict";
// Unpacks what the page holds, draws rows as they are needed, searches, and moves about. It draws nothing of its own.
(() => {
  const $ = (s) => document.querySelector(s);
  const list = $("#list"), q = $("#q"), tag = $("#tag"), scorer = $("#scorer"), fold = $("#fold");
  const count = $("#count"), none = $("#none"), rest = $("#rest");
  const STEP = 50, FEW = 50;
  const plain = (s) => s.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

  document.documentElement.classList.add("js");
  if (matchMedia("(max-width: 640px)").matches) {
    document.querySelectorAll("details.panel").forEach((d) => d.removeAttribute("open"));
  }
  if (!q) return;
  if (!("DecompressionStream" in window)) { $("#old").hidden = false; return; }

  const once = (make) => { let made; return () => (made ??= make()); };
  const unpack = async (packed) => {
    const raw = atob(packed.textContent), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  };
  const index = once(() => unpack($("#index")));
  const words = once(async () => (await unpack($("#words"))).map(plain));
  const packed = [...document.querySelectorAll("script.block")], size = Number($("#index").dataset.block);
  const blocks = packed.map((each) => once(() => unpack(each)));

  // The policy of this page forbids style attributes; what a drawing needs is set here.
  const dress = (root) => root.querySelectorAll("[data-css]").forEach((e) => { e.style.cssText = e.dataset.css; });
  const parse = (html) => {
    const t = document.createElement("template");
    t.innerHTML = html;
    return t.content;
  };
  const filled = new Map();
  const fill = (d) => {
    const n = Number(d.dataset.n);
    if (!filled.has(n)) {
      filled.set(n, blocks[Math.floor(n / size)]().then((details) => {
        const content = parse(details[n % size]);
        dress(content);
        d.querySelector(".in").replaceChildren(content);
      }));
    }
    return filled.get(n);
  };

  // Rows: those in the page at first, the others when they come into sight.
  const made = [...list.children];
  let shown = made.map((_, n) => n), drawn = made.length, filter = "", turn = 0, timer = 0;
  const row = (data, n) => (made[n] ??= parse(data.rows[n]).querySelector(".cv"));
  const draw = (data, upTo) => {
    const end = Math.min(shown.length, Math.max(drawn, upTo));
    list.append(...shown.slice(drawn, end).map((n) => row(data, n)));
    drawn = end;
    rest.hidden = drawn >= shown.length;
  };
  const drawMore = async () => draw(await index(), drawn + STEP);
  new IntersectionObserver((seen) => { if (seen.some((e) => e.isIntersecting)) drawMore(); }, { rootMargin: "600px" }).observe(rest);
  rest.firstElementChild.addEventListener("click", drawMore);

  const apply = async () => {
    const mine = ++turn;
    const wanted = plain(q.value).split(/\s+/).filter(Boolean);
    const [data, texts] = [await index(), wanted.length ? await words() : []];
    if (mine !== turn) return;
    const chosen = (select) => (select && select.value ? Number(select.value) : -1);
    const [byTag, byScorer] = [chosen(tag), chosen(scorer)];
    const fits = (n) =>
      (!filter || data.flags[n].includes(filter)) &&
      (byTag < 0 || data.tags[n].includes(byTag)) &&
      (byScorer < 0 || data.scorers[n].includes(byScorer)) &&
      wanted.every((w) => texts[n].includes(w));
    shown = data.ids.map((_, n) => n).filter(fits);
    drawn = 0;
    list.replaceChildren();
    draw(data, STEP);
    count.textContent = shown.length === data.ids.length ? shown.length + " conversations" : shown.length + " of " + data.ids.length;
    none.hidden = shown.length > 0;
    refold();
  };
  const refold = () => {
    const rows = [...list.children];
    fold.textContent = rows.length && rows.slice(0, FEW).every((d) => d.open) ? "Fold all" : rows.length > FEW ? "Unfold " + FEW : "Unfold all";
  };

  q.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 120); });
  for (const select of [tag, scorer]) if (select) select.addEventListener("change", apply);
  const buttons = [...document.querySelectorAll(".seg button")];
  const press = (f) => {
    filter = f;
    buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.f === f)));
    return apply();
  };
  const clear = () => {
    q.value = "";
    for (const select of [tag, scorer]) if (select) select.value = "";
    return press("");
  };
  buttons.forEach((b) => b.addEventListener("click", () => press(b.dataset.f)));
  none.firstElementChild.addEventListener("click", () => { clear(); q.focus(); });
  fold.addEventListener("click", () => {
    const open = fold.textContent !== "Fold all", rows = [...list.children];
    (open ? rows.slice(0, FEW) : rows).forEach((d) => { d.open = open; });
    refold();
  });
  list.addEventListener("toggle", (e) => {
    if (e.target.matches(".cv") && e.target.open) fill(e.target);
    refold();
  }, true);

  // A link names a place in a conversation, or a conversation by its id.
  const reveal = async () => {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { /* a lone percent sign */ }
    if (!name || name === "conversations") return;
    const data = await index(), place = /^c(\d+)(e\d+)?$/.exec(name);
    const n = data.ids.includes(name) ? data.ids.indexOf(name) : place ? Number(place[1]) : -1;
    if (n < 0 || n >= data.ids.length) return;
    if (!shown.includes(n)) await clear();
    draw(data, shown.indexOf(n) + 1);
    await fill(made[n]);
    made[n].open = true;
    const at = document.getElementById(name) || made[n];
    at.scrollIntoView({ block: at === made[n] ? "start" : "center" });
    const line = at.closest(".r");
    if (line) { line.classList.remove("flash"); void line.offsetWidth; line.classList.add("flash"); }
  };
  addEventListener("hashchange", reveal);
  document.addEventListener("click", (e) => {
    const a = e.target.closest && e.target.closest("a[href^='#c']");
    if (a && a.getAttribute("href") === location.hash) reveal();
  });

  const go = async (step) => {
    const here = document.activeElement.closest(".cv");
    const to = (here ? shown.indexOf(Number(here.dataset.n)) : step > 0 ? -1 : 0) + step;
    if (to < 0 || to >= shown.length) return;
    if (to >= drawn) draw(await index(), to + 1);
    const d = made[shown[to]];
    d.firstElementChild.focus({ preventScroll: true });
    d.scrollIntoView({ block: "nearest" });
  };
  const STEPS = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 };
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const at = document.activeElement, typing = /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName);
    if (e.key === "Escape") {
      const open = at.closest(".cv[open]");
      if (typing) at.blur();
      else if (open) { open.open = false; open.firstElementChild.focus(); }
      return;
    }
    if (typing) return;
    if (e.key === "/") { e.preventDefault(); q.focus(); q.select(); return; }
    // arrows scroll, except from one conversation's line to the next
    if (!(e.key in STEPS) || (e.key.startsWith("Arrow") && !at.matches(".cv > summary"))) return;
    e.preventDefault();
    go(STEPS[e.key]);
  });
  addEventListener("beforeprint", () => { if (ready) draw(ready, shown.length); });

  let ready = null;
  index().then((data) => {
    ready = data;
    shown = data.ids.map((_, n) => n);
    rest.hidden = drawn >= shown.length;
    refold();
    return reveal();
  });
})();
