// What every chart of the site shares: the colours of the style sheet, and how a description is drawn.
(function () {
  "use strict";

  const ERRORS_ONLY = 1; // Vega's numbering: none, errors, warnings, information, debugging

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // a variable rather than its value: such a chart follows the scheme, and is printed dark on light
  function variable(name) {
    return `var(${name})`;
  }

  function theme(paint) {
    const ink = paint("--ink");
    const soft = paint("--soft");
    const line = paint("--line");
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
        absent: { color: paint("--absent") },
        failed: { color: "#111111" },
      },
    };
  }

  // Vega comes with the last script of a page
  const ready = document.readyState === "loading" ? new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve)) : null;

  // `paint` says a colour of the style sheet: by value, for pictures that are saved, or as a variable
  async function draw(place, spec, paint = colour) {
    await ready;
    const options = { actions: false, renderer: "svg", logLevel: ERRORS_ONLY, config: theme(paint) };
    const result = await vegaEmbed(place, spec, options);
    place.querySelector("svg").setAttribute("aria-hidden", "true"); // the place has a text of its own
    return result;
  }

  window.charts = {
    colour: colour,
    draw: draw,
    variable: variable,
  };
})();
