// Replaces each still picture by its interactive chart, in the colours of the style sheet.
(function () {
  "use strict";

  const ERRORS_ONLY = 1; // Vega's numbering: none, errors, warnings, information, debugging

  // variables rather than their values: a chart follows the scheme, and is printed dark on light
  function theme() {
    const ink = "var(--ink)";
    const soft = "var(--soft)";
    const line = "var(--line)";
    const font = getComputedStyle(document.body).fontFamily;
    const label = { labelColor: soft, titleColor: ink, labelFont: font, titleFont: font, titleFontWeight: 500, labelFontSize: 11, titleFontSize: 11.5 };
    return {
      background: null,
      font: font,
      view: { stroke: line },
      axis: { ...label, gridColor: line, domainColor: line, tickColor: line, labelLimit: 320, labelSeparation: 6 },
      legend: label,
      title: { color: ink, font: font, fontSize: 12, anchor: "start" },
      header: { ...label, labelColor: ink, labelFontWeight: 600 },
      style: {
        exact: { color: ink },
        absent: { color: "var(--absent)" },
        failed: { color: "#111111" },
      },
    };
  }

  async function show(figure) {
    const chart = figure.querySelector(".chart");
    const picture = chart.querySelector("img");
    const place = document.createElement("div");
    const spec = JSON.parse(figure.querySelector("script.spec").textContent);
    try {
      await vegaEmbed(place, spec, { actions: false, renderer: "svg", logLevel: ERRORS_ONLY, config: theme() });
      place.querySelector("svg").setAttribute("aria-hidden", "true"); // one image with one description
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

  showAll();
})();
