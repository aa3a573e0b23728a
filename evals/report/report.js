"use strict";
(() => {
  const $ = (s) => document.querySelector(s);
  const all = [...document.querySelectorAll("details.cv")];
  const q = $("#q"), tag = $("#tag"), count = $("#count"), none = $(".none"), fold = $("#fold");
  const plain = (s) => s.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const texts = new Map();
  let filter = "", timer = 0;

  document.documentElement.classList.add("js");
  if (matchMedia("(max-width: 640px)").matches) {
    document.querySelectorAll("details.panel").forEach((d) => d.removeAttribute("open"));
  }

  const textOf = (d) => {
    if (!texts.has(d)) texts.set(d, plain(d.textContent + " " + d.dataset.id));
    return texts.get(d);
  };
  const fits = (d, words) => {
    const o = d.dataset.o;
    if (filter === "failed" && o === "passed") return false;
    if (filter === "violation" && d.dataset.v === "0") return false;
    if (filter === "not_run" && o !== "not_run") return false;
    if (tag && tag.value && !d.dataset.tags.includes("|" + tag.value + "|")) return false;
    return words.every((w) => textOf(d).includes(w));
  };
  const visible = () => all.filter((d) => !d.hidden);
  const apply = () => {
    const words = plain(q.value).split(/\s+/).filter(Boolean);
    let n = 0;
    for (const d of all) { const f = fits(d, words); d.hidden = !f; n += f; }
    count.textContent = n === all.length ? n + " conversations" : n + " of " + all.length;
    none.hidden = n > 0 || all.length === 0;
    refold();
  };
  const refold = () => {
    const shown = visible();
    fold.textContent = shown.length && shown.every((d) => d.open) ? "Fold all" : "Unfold all";
  };

  q.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 120); });
  if (tag) tag.addEventListener("change", apply);
  const press = (f) => {
    filter = f;
    document.querySelectorAll(".seg button").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.f === f)));
    apply();
  };
  document.querySelectorAll(".seg button").forEach((b) => b.addEventListener("click", () => press(b.dataset.f)));
  $("#clear").addEventListener("click", () => { q.value = ""; if (tag) tag.value = ""; press(""); q.focus(); });
  fold.addEventListener("click", () => {
    const shown = visible(), open = fold.textContent === "Unfold all";
    shown.forEach((d) => { d.open = open; });
    refold();
  });
  $("#list").addEventListener("toggle", refold, true);

  const reveal = () => {
    const name = decodeURIComponent(location.hash.slice(1));
    // a link may name a place in the page, or a conversation by its id
    const at = name && (document.getElementById(name) || document.querySelector(`[data-id="${CSS.escape(name)}"]`));
    const d = at && at.closest("details.cv");
    if (!d) return;
    d.hidden = false;
    d.open = true;
    at.scrollIntoView({ block: at === d ? "start" : "center" });
    const row = at.closest(".r");
    if (row) { row.classList.remove("flash"); void row.offsetWidth; row.classList.add("flash"); }
  };
  addEventListener("hashchange", reveal);
  document.addEventListener("click", (e) => {
    const a = e.target.closest && e.target.closest("a[href^='#c']");
    if (a && a.getAttribute("href") === location.hash) reveal();
  });

  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (e.key === "Escape" && typing) { document.activeElement.blur(); return; }
    if (typing) return;
    if (e.key === "/") { e.preventDefault(); q.focus(); q.select(); return; }
    if (e.key !== "j" && e.key !== "k") return;
    const shown = visible();
    const at = shown.indexOf(document.activeElement.closest("details.cv"));
    const next = shown[e.key === "j" ? at + 1 : at - 1];
    if (next) { const s = next.querySelector("summary"); s.focus({ preventScroll: true }); next.scrollIntoView({ block: "nearest" }); }
  });
  apply();
  reveal();
})();
