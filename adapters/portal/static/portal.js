// Counts an audience while it is typed, completes the word at the end of the field, chooses the
// browser's time zone where no other was chosen, and brings what runs up to date until it has ended.
// Pages work without it.
"use strict";

(function () {
  const PAUSE = 150; // milliseconds without a key before the server is asked
  const OFFERED = 12; // most completions at once

  const zone = document.querySelector("select[data-zone]");
  if (zone && zone.selectedIndex === 0) { // nobody was faster than this script
    const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (Array.from(zone.options).some((option) => option.value === mine)) zone.value = mine;
  }

  // What a page marks as fresh is replaced where it has changed; the focus stays where it is.
  function bring(old, fresh) {
    if (!fresh || old.innerHTML === fresh.innerHTML) return;
    const held = old.contains(document.activeElement) ? document.activeElement : null;
    old.replaceChildren(...fresh.childNodes);
    if (!held) return;
    const same = Array.from(old.querySelectorAll("a, button")).find(
      (each) => each.tagName === held.tagName && each.value === held.value && each.href === held.href,
    );
    if (same) same.focus();
    if (document.activeElement !== same) document.getElementById("main").focus();
  }

  async function follow() {
    const link = document.querySelector("a[data-refresh]"); // the page has it while something runs
    if (!link) return;
    await new Promise((done) => setTimeout(done, 1000 * link.dataset.refresh));
    try {
      const answer = document.hidden ? null : await fetch(link.href);
      if (answer?.redirected) return; // the session has ended: the link leads to where one signs in
      if (answer?.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const old of document.querySelectorAll("[data-fresh]")) bring(old, page.getElementById(old.id));
      }
    } catch {} // the server does not answer now
    follow();
  }
  follow();

  const form = document.querySelector("form[data-count]");
  if (!form) return;
  const field = form.elements.namedItem("expression");
  const disabled = form.elements.namedItem("include_disabled");
  const live = document.getElementById("live");
  const list = document.getElementById("words");
  const words = Array.from(list.options, (option) => option.value);
  let timer = 0;
  let asking = null;

  function say(text, bad) {
    live.textContent = text;
    live.classList.toggle("bad", bad);
  }

  async function count() {
    if (asking) asking.abort();
    if (!field.value.trim()) return say("", false);
    const mine = (asking = new AbortController());
    const sent = new URLSearchParams({ csrf: form.elements.namedItem("csrf").value, expression: field.value });
    if (disabled.checked) sent.set("include_disabled", "yes");
    try {
      const answer = await fetch(form.dataset.count, { method: "POST", body: sent, signal: mine.signal });
      const found = await answer.json();
      if (mine !== asking) return;
      if ("count" in found) {
        say(`Reaches ${found.count.toLocaleString("en")} ${found.count === 1 ? "device" : "devices"} now`, false);
        field.removeAttribute("aria-invalid");
      } else {
        say(found.column ? `Column ${found.column}: ${found.problem}` : found.problem, true);
        field.setAttribute("aria-invalid", "true");
      }
    } catch (error) {
      if (error.name !== "AbortError") say("The count is not available; sign in again?", true);
    }
  }

  // A datalist completes whole values, so each option is what stands before the last word, and a word.
  function complete() {
    const [, before, last] = field.value.match(/^(.*?)([^\s()!&|]*)$/s);
    const fitting = words.filter((word) => word.startsWith(last) && word !== last).slice(0, OFFERED);
    list.replaceChildren(
      ...fitting.map((word) => Object.assign(document.createElement("option"), { value: before + word })),
    );
  }

  function later() {
    complete();
    clearTimeout(timer);
    timer = setTimeout(count, PAUSE);
  }

  field.addEventListener("input", later);
  disabled.addEventListener("change", count);
  // What was typed before this script had come is not left out.
  if (field.value === field.defaultValue) complete();
  else later();
})();
