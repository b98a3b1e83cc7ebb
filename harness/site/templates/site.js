// Replaces each still picture by its interactive chart.
(function () {
  "use strict";

  async function show(figure) {
    const chart = figure.querySelector(".chart");
    const picture = chart.querySelector("img") || figure.still;
    const place = document.createElement("div");
    const spec = JSON.parse(figure.querySelector("script.spec").textContent);
    try {
      const result = await charts.draw(place, spec);
      if (figure.view) {
        figure.view.finalize();
      }
      figure.view = result.view;
      figure.still = picture;
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

  charts.onThemeChange(showAll);
  showAll();
})();
