// Counts and samples an audience while it is typed, completes the word at the end of the field, chooses the
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
  const mark = document.getElementById("mark");
  const first = document.getElementById("first");
  const list = document.getElementById("words");
  const words = Array.from(list.options, (option) => option.value);
  let timer = 0;
  let asking = null;

  function say(text, bad) {
    live.textContent = text;
    live.classList.toggle("bad", bad);
  }

  // Texts of the store are added as text: none of it is read as HTML.
  function bdi(text) {
    return Object.assign(document.createElement("bdi"), { textContent: text });
  }

  function point(column) {
    document.getElementById("expression-problem")?.remove(); // it is about what was typed earlier
    mark.hidden = !column;
    if (!column) return;
    const typed = Array.from(field.value.trim()); // columns count characters, and spaces before do not
    const wrong = document.createElement("mark");
    wrong.textContent = typed[column - 1] ?? " ";
    mark.replaceChildren(typed.slice(0, column - 1).join(""), wrong, typed.slice(column).join(""));
  }

  function listed(sample) {
    first.hidden = !sample.length;
    const each = ({ device, person }) => [", ", bdi(device), " (", bdi(person ?? "nobody"), ")"];
    first.replaceChildren("First: ", ...sample.flatMap(each).slice(1));
  }

  async function ask(url, signal) {
    const sent = new URLSearchParams({ csrf: form.elements.namedItem("csrf").value, expression: field.value });
    if (disabled.checked) sent.set("include_disabled", "yes");
    return (await fetch(url, { method: "POST", body: sent, signal })).json();
  }

  async function count() {
    if (asking) asking.abort();
    const mine = (asking = new AbortController());
    listed([]);
    point(0);
    if (!field.value.trim()) return say("", false);
    try {
      const found = await ask(form.dataset.count, mine.signal);
      if (mine !== asking) return;
      if (!("count" in found)) {
        say(found.column ? `Column ${found.column}: ${found.problem}` : found.problem, true);
        point(found.column);
        field.setAttribute("aria-invalid", "true");
        return;
      }
      say(`Reaches ${found.count.toLocaleString("en")} ${found.count === 1 ? "device" : "devices"} now`, false);
      field.removeAttribute("aria-invalid");
      const { sample } = await ask(form.dataset.sample, mine.signal);
      if (mine === asking && sample) listed(sample);
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
