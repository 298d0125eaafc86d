package report

import (
	_ "embed" // the page's parts are in files of their own kind
	"fmt"
	"strings"
)

//go:embed page.css
var pageCSS string

//go:embed svg.css
var svgCSS string

//go:embed page.js
var pageJS string

//go:embed page.html.tmpl
var pageTemplate string

//go:embed rl.html.tmpl
var rlTemplate string

//go:embed after.html.tmpl
var afterTemplate string

const (
	lightScheme = "--bg:#fff;--card:#fff;--fg:#1c2128;--mute:#5b6470;--grid:#e3e6ea;--rule:#d5d9de;--soft:#f4f6f8;--good:#00704f;--bad:#b3400a;"
	darkScheme  = "--bg:#14181d;--card:#1b2027;--fg:#e8ebef;--mute:#a3acb8;--grid:#2e353e;--rule:#38414c;--soft:#20262e;--good:#3fd0a2;--bad:#ff9a5c;"
)

// schemeCSS declares the colours for light and dark screens; paper is always light.
func schemeCSS() string {
	return ":root{" + lightScheme + paletteCSS(false) + "}@media screen and (prefers-color-scheme:dark){:root{" + darkScheme + paletteCSS(true) + "}}"
}

// drawingCSS styles drawings wherever they stand.
func drawingCSS() string { return svgCSS + seriesCSS() + viridis.css() + diverging.css() }

// standaloneCSS is the style inside a drawing that is a file of its own.
func standaloneCSS() string { return schemeCSS() + drawingCSS() + "svg{background:var(--bg)}" }

// fullCSS is the style of the page.
func fullCSS() string { return schemeCSS() + drawingCSS() + pageCSS + tintCSS() }

// tintCSS gives the classes q0.. of table cells, from no tint to one that still leaves text readable.
func tintCSS() string {
	var b strings.Builder
	for i := range tints {
		fmt.Fprintf(&b, ".q%d{background:color-mix(in srgb,var(--c2) %d%%,transparent)}", i, 45*i/(tints-1))
	}
	return b.String()
}
