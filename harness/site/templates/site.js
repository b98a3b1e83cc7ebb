// Replaces each still picture by its interactive chart.
(function () {
  "use strict";

  async function show(figure) {
    const chart = figure.querySelector(".chart");
    const picture = chart.querySelector("img");
    const place = document.createElement("div");
    const spec = JSON.parse(figure.querySelector("script.spec").textContent);
    try {
      await charts.draw(place, spec, charts.variable);
      place.setAttribute("role", "img");
      place.setAttribute("aria-label", picture.alt);
      chart.replaceChildren(place);
    } catch (error) {
      console.warn("the still picture stays: " + error.message);
    }
  }

  async function showAll() {
    for (const figure of document.querySelectorAll("figure")) {
      await new Promise((next) => setTimeout(next)); // what is drawn already is painted first
      await show(figure);
    }
    document.documentElement.dataset.charts = "shown";
  }

  showAll();
})();
