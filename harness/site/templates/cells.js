// Opens the cell that the address names, keeps the address of the cell that is open, and copies its program.
(function () {
  "use strict";

  function reveal() {
    const cell = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!cell || !cell.matches("details.cell")) {
      return;
    }
    for (let part = cell; part; part = part.parentElement.closest("details")) {
      part.open = true;
    }
    document.getElementById("vg-tooltip-element")?.classList.remove("visible");
    cell.scrollIntoView();
    cell.querySelector("summary").focus({ preventScroll: true });
  }

  function address(hash) {
    history.replaceState(null, "", location.pathname + location.search + hash);
  }

  function offerCopy(cell) {
    const program = cell.querySelector("pre");
    if (!program || !navigator.clipboard || cell.querySelector(".copy")) {
      return;
    }
    const button = document.createElement("button");
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async function () {
      await navigator.clipboard.writeText(program.textContent);
      button.textContent = "Copied";
    });
    cell.querySelector("dd:last-of-type").append(" ", button);
  }

  // toggle does not bubble
  document.addEventListener("toggle", function (event) {
    const cell = event.target;
    if (!cell.matches("details.cell")) {
      return;
    }
    if (cell.open) {
      offerCopy(cell);
      address("#" + cell.id);
    } else if (location.hash === "#" + cell.id) {
      address("");
    }
  }, true);

  window.addEventListener("hashchange", reveal);
  reveal();
})();
