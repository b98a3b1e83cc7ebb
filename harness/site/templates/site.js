// Replaces each still picture by its interactive chart, in the colours of the style sheet.
(function () {
  "use strict";

  const ERRORS_ONLY = 1; // Vega's numbering: none, errors, warnings, information, debugging

  function theme() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const ink = colour("--ink");
    const soft = colour("--soft");
    const line = colour("--line");
    const font = getComputedStyle(document.body).fontFamily;
    const label = { labelColor: soft, titleColor: ink, labelFont: font, titleFont: font, titleFontWeight: 500 };
    return {
      background: null,
      font: font,
      view: { stroke: line },
      axis: { ...label, gridColor: line, domainColor: line, tickColor: line, labelLimit: 320 },
      legend: label,
      title: { color: ink, font: font, fontSize: 12, anchor: "start" },
      header: { ...label, labelColor: ink, labelFontWeight: 600 },
      style: {
        exact: { color: ink },
        absent: { color: colour("--absent") },
        failed: { color: "#111111" },
      },
    };
  }

  async function show(figure) {
    const chart = figure.querySelector(".chart");
    const picture = chart.querySelector("img") || figure.still;
    const place = document.createElement("div");
    const spec = JSON.parse(figure.querySelector("script.spec").textContent);
    try {
      const result = await vegaEmbed(place, spec, { actions: false, renderer: "svg", logLevel: ERRORS_ONLY, config: theme() });
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
      await show(figure);
    }
    document.documentElement.dataset.charts = "shown";
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showAll);
  showAll();
})();
