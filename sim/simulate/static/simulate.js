// What HTML and htmx cannot do alone: scroll, count what is unread, tick the clock, guard against large files.
"use strict";
(function () {
  const $ = (selector, root) => (root || document).querySelector(selector);
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const limit = Number(document.body.dataset.mediaLimit);

  // -- remembered choices: details on or off, and each phone's open chat
  const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { /* private window */ } };
  const recall = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const details = $("#detalles");
  details.checked = recall("detalles") !== "no";
  details.addEventListener("change", () => remember("detalles", details.checked ? "sí" : "no"));
  all(".pick").forEach((pick) => {
    if (recall(pick.name) === pick.id) pick.checked = true;
    pick.addEventListener("change", () => { remember(pick.name, pick.id); look(); });
  });

  // -- threads: keep the end in sight, unless somebody reads further up
  const atEnd = new WeakMap();
  const toEnd = (thread) => { thread.scrollTop = thread.scrollHeight; };
  all(".thread").forEach((thread) => {
    atEnd.set(thread, true);
    thread.addEventListener("scroll", () => {
      atEnd.set(thread, thread.scrollHeight - thread.scrollTop - thread.clientHeight < 60);
    });
    thread.addEventListener("load", () => { if (atEnd.get(thread)) toEnd(thread); }, true);
    new MutationObserver((changes) => {
      const added = changes.flatMap((change) => Array.from(change.addedNodes)).filter((node) => node.matches && node.matches(".bubble"));
      if (added.some((node) => node.matches(".mine")) || atEnd.get(thread)) toEnd(thread);
      if (added.length) count(thread);
    }).observe(thread, { childList: true, subtree: true });
    new ResizeObserver(() => { if (atEnd.get(thread)) toEnd(thread); }).observe(thread);
  });

  // -- unread: what came while its chat was out of sight
  const seen = new Map(all(".thread").map((thread) => [thread.id, all(".bubble.theirs", thread).length]));
  const inSight = (thread) => {
    if (document.hidden || !thread.offsetParent) return false;
    return isShown(thread);
  };
  // half of it or more stands within the strip, which the side panel ends
  function isShown(part) {
    const strip = $(".strip");
    const frame = (getComputedStyle(strip).display === "contents" ? $("main") : strip).getBoundingClientRect();
    const box = part.getBoundingClientRect();
    const middle = box.left + box.width / 2;
    return middle > frame.left && middle < frame.right;
  }
  function count(thread) {
    const number = all(".bubble.theirs", thread).length;
    if (inSight(thread) || number < (seen.get(thread.id) || 0)) seen.set(thread.id, number);
    badges();
  }
  function badges() {
    all(".phone").forEach((phone) => {
      let sum = 0;
      all(".chat", phone).forEach((chat) => {
        const thread = $(".thread", chat);
        const unread = all(".bubble.theirs", thread).length - (seen.get(thread.id) || 0);
        sum += unread;
        show(chat.previousElementSibling.querySelector(".badge"), unread);
      });
      show($(`.tabs a[data-phone="${phone.dataset.phone}"] .badge`), sum);
    });
  }
  function show(badge, number) {
    badge.hidden = number <= 0;
    badge.textContent = number > 0 ? String(number) : "";
    if (number > 0) badge.title = number + " sin leer";
  }
  function look() {
    all(".thread").forEach((thread) => { if (inSight(thread)) { seen.set(thread.id, all(".bubble.theirs", thread).length); if (atEnd.get(thread)) toEnd(thread); } });
    all(".tabs a[data-phone]").forEach((tab) => {
      tab.classList.toggle("here", isShown($("#tel-" + tab.dataset.phone)));
    });
    const here = $(".tabs a.here");
    const tabs = $(".tabs");
    if (here && tabs.scrollWidth > tabs.clientWidth) tabs.scrollLeft = here.offsetLeft - 60;
    badges();
  }
  let looking = 0;
  const lookSoon = () => { clearTimeout(looking); looking = setTimeout(look, 120); };
  all("main, .strip").forEach((strip) => strip.addEventListener("scroll", lookSoon, { passive: true }));
  ["resize", "hashchange", "focus"].forEach((name) => window.addEventListener(name, lookSoon));
  document.addEventListener("visibilitychange", lookSoon);

  // -- writing
  document.addEventListener("keydown", (event) => {
    const box = event.target;
    if (box.matches(".write textarea") && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      box.form.requestSubmit();
    }
    if (event.key === "Escape") all(".pop[open]").forEach((pop) => { pop.open = false; });
  });
  document.addEventListener("click", (event) => {
    all(".pop[open]").forEach((pop) => { if (!pop.contains(event.target)) pop.open = false; });
    if (event.target.matches("[data-close]")) {
      const empty = document.createElement("p");
      empty.className = "empty";
      empty.textContent = "Toca las etiquetas bajo un mensaje para ver por dónde pasó.";
      $("#detalle").replaceChildren(empty);
    }
    if (event.target.matches(".unchoose")) unchoose(event.target.closest("form"));
  });
  const filesOf = (form) => Array.from(form.elements).filter((input) => input.type === "file");
  function unchoose(form) {
    filesOf(form).forEach((input) => { input.value = ""; });
    const chosen = $(".chosen", form);
    chosen.hidden = true;
    chosen.replaceChildren();
  }
  function tell(words) {
    const line = document.createElement("p");
    line.textContent = words;
    $("#aviso").replaceChildren(line);
  }
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (input.type !== "file" || !input.files.length) return;
    const file = input.files[0];
    filesOf(input.form).forEach((other) => { if (other !== input) other.value = ""; });
    if (file.size > limit) {
      tell("Ese archivo pesa más de 16 MB, y WhatsApp no lo manda. Elige uno más chico.");
      unchoose(input.form);
      return;
    }
    const size = file.size < 1e6 ? Math.ceil(file.size / 1e3) + " KB" : (file.size / 1e6).toFixed(1) + " MB";
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "close unchoose";
    remove.textContent = "✕";
    remove.setAttribute("aria-label", "Quitar el archivo");
    const chosen = $(".chosen", input.form);
    chosen.replaceChildren("📎 " + file.name + " (" + size + ")", remove);
    chosen.hidden = false;
    input.closest(".pop").open = false;
    $("textarea", input.form).focus();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target;
    if (!event.detail.successful || !form.matches || !form.matches("form")) return;
    const pop = form.closest(".pop");
    if (pop) pop.open = false;
    const write = form.matches(".write") ? form : form.closest(".compose") && $(".write", form.closest(".compose"));
    if (form.matches(".pair, .write")) form.reset();
    // a ready file takes what is written with it
    if (write && form !== write && !form.matches(".pair")) $("textarea", write).value = "";
    if (form.matches(".write")) unchoose(form);
    if (write && event.detail.requestConfig.verb === "post") $("textarea", write).focus({ preventScroll: true });
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const quoting = event.target;
    if (quoting.matches && quoting.matches(".quoting") && quoting.children.length) $("textarea", quoting.closest("form")).focus({ preventScroll: true });
  });
  document.addEventListener("htmx:oobErrorNoTarget", () => tell("En otra pestaña se agregó un teléfono: recarga la página para verlo."));
  document.addEventListener("htmx:sendError", () => tell("No se pudo enviar: ¿sigue corriendo ./just up?"));

  // -- the stream, and the clock between two events
  const live = $("#vivo");
  const state = (name, words) => { live.className = "live " + name; live.textContent = words; };
  document.body.addEventListener("htmx:sseOpen", () => state("on", "en vivo"));
  document.body.addEventListener("htmx:sseError", () => state("off", "sin conexión"));
  const days = ["dom", "lun", "mar", "mié", "jue", "vie", "sáb"];
  const months = ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"];
  const zone = document.body.dataset.zone;
  const parts = new Intl.DateTimeFormat("en-US", { timeZone: zone, year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit", hour12: true });
  setInterval(() => {
    const clock = $("#reloj");
    const got = Object.fromEntries(parts.formatToParts(new Date(Date.now() + 1000 * Number(clock.dataset.offset))).map((part) => [part.type, part.value]));
    const day = new Date(Date.UTC(Number(got.year), got.month - 1, Number(got.day))).getUTCDay();
    $("time", clock).textContent = `${days[day]} ${got.day} ${months[got.month - 1]}, ${got.hour}:${got.minute}:${got.second} ${got.dayPeriod}`;
  }, 500);
  all(".thread").forEach(toEnd);
  look();
})();
