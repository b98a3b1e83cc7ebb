// What every chart of the site shares: the colours of the style sheet, and how a description is drawn.
(function () {
  "use strict";

  const ERRORS_ONLY = 1; // Vega's numbering: none, errors, warnings, information, debugging

  const dark = matchMedia("(prefers-color-scheme: dark)");

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function theme() {
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

  async function draw(place, spec) {
    const options = { actions: false, renderer: "svg", logLevel: ERRORS_ONLY, config: theme() };
    const result = await vegaEmbed(place, spec, options);
    place.querySelector("svg").setAttribute("aria-hidden", "true"); // the place has a text of its own
    return result;
  }

  window.charts = {
    colour: colour,
    draw: draw,
    onThemeChange: (redraw) => dark.addEventListener("change", redraw),
  };
})();
