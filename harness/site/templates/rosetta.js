// Opens the entry that the address names, and hides the entries that do not hold the words of the filter.
(function () {
  "use strict";

  const finder = document.querySelector(".finder");
  const box = finder.querySelector("input");
  const count = finder.querySelector("output");
  const groups = [...document.querySelectorAll(".group")];
  const entries = [...document.querySelectorAll(".entry")];

  function filter() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const entry of entries) {
      const text = entry.querySelector("summary").textContent.toLowerCase();
      entry.hidden = !words.every((word) => text.includes(word));
    }
    for (const group of groups) {
      group.hidden = !group.querySelector(".entry:not([hidden])");
    }
    const left = entries.filter((entry) => !entry.hidden).length;
    count.textContent = words.length ? left + " of " + entries.length + " shown" : "";
  }

  function open() {
    const target = document.getElementById(location.hash.slice(1));
    if (!target || !target.closest(".group")) {
      return;
    }
    if (target.closest("[hidden]")) {
      box.value = "";
      filter();
    }
    if (entries.includes(target)) {
      target.open = true;
      target.querySelector("summary").focus({ preventScroll: true });
    }
    target.scrollIntoView();
  }

  box.addEventListener("input", filter);
  addEventListener("hashchange", open);
  finder.hidden = false;
  filter();
  open();
})();
