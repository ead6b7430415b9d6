/// How a report looks: on paper, on a light and on a dark screen.
enum ReportStyle {
  static let css = """
    :root {
      --paper: #fdfcfa; --ink: #1d2125; --soft: #5f666d; --hair: #e3e0da; --wash: #f4f2ed;
      --accent: #0b6b74; --second: #b4531f; --faint: #9fc3c4; --mark: #fbeeb4; --bad: #a1342c;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #15181b; --ink: #e6e4df; --soft: #9aa1a7; --hair: #2c3136; --wash: #1c2024;
        --accent: #5fc1c6; --second: #eb9b62; --faint: #2f5659; --mark: #4d4318; --bad: #ef8a80;
      }
    }
    @media print {
      :root {
        --paper: #fff; --ink: #111; --soft: #555; --hair: #ddd; --wash: #f6f6f6;
        --accent: #0b6b74; --second: #b4531f; --faint: #9fc3c4; --mark: #fbeeb4; --bad: #a1342c;
      }
      body { font-size: 10pt; }
      main { padding: 0; max-width: none; }
      section, article, figure, tr { break-inside: avoid; }
      section:has(pre), section:has(article), section.provenance { break-inside: auto; }
      h2, h3 { break-after: avoid; }
      pre { white-space: pre-wrap; }
      * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
    }
    @page { margin: 18mm; }
    * { box-sizing: border-box; }
    html { background: var(--paper); color: var(--ink); -webkit-text-size-adjust: 100%; }
    body {
      margin: 0; line-height: 1.5; font-size: 16px;
      font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
      font-variant-numeric: tabular-nums;
    }
    main { max-width: 940px; margin: 0 auto; padding: 64px 40px 96px; }
    header { margin-bottom: 36px; }
    h1, .highlights dd {
      font-family: "Iowan Old Style", "Palatino Linotype", Palatino, "Source Serif 4",
        "Noto Serif", Georgia, serif;
      font-weight: 500; letter-spacing: -0.01em;
    }
    h1 { font-size: 44px; line-height: 1.12; margin: 6px 0 10px; overflow-wrap: anywhere; }
    h2 { font-size: 15px; font-weight: 650; margin: 0 0 14px; }
    h3 { font-size: 13px; font-weight: 550; margin: 0 0 4px; color: var(--soft); }
    .outcome { margin: 0; color: var(--soft); font-size: 14px; }
    .summary { margin: 0; color: var(--soft); font-size: 18px; max-width: 44em; }
    section { margin-top: 52px; }
    .warnings {
      margin: 0 0 32px; padding: 12px 16px 12px 34px; background: var(--wash);
      border-left: 3px solid var(--second); font-size: 15px;
    }
    .highlights {
      display: grid; grid-template-columns: repeat(auto-fit, minmax(122px, 1fr)); gap: 24px 20px;
      margin: 0; padding: 22px 0 20px; border-top: 1px solid var(--ink);
      border-bottom: 1px solid var(--hair);
    }
    .highlights dt { font-size: 13px; color: var(--soft); }
    .highlights dd { margin: 2px 0 0; font-size: 26px; line-height: 1.2; white-space: nowrap; }
    .highlights small {
      display: block; font: 13px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
        sans-serif;
      letter-spacing: 0; color: var(--soft); white-space: normal;
    }
    figure { margin: 0; }
    figcaption { font-size: 13px; color: var(--soft); margin-top: 6px; }
    svg { display: block; width: 100%; height: auto; overflow: visible; }
    svg .grid { stroke: var(--hair); stroke-width: 1; }
    svg polyline { fill: none; stroke-linejoin: round; stroke-linecap: round; }
    svg polyline.faint { stroke: var(--faint); stroke-width: 1; }
    svg polyline.line { stroke: var(--accent); stroke-width: 2; }
    svg polyline.opposed { stroke: var(--second); stroke-width: 2; }
    svg .mark { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 2 3; }
    svg polyline.marked { stroke: var(--second); stroke-width: 1.5; stroke-dasharray: 3 4; }
    svg circle.marked { fill: var(--paper); stroke: var(--second); stroke-width: 2; }
    svg circle.line { fill: var(--accent); }
    svg circle.opposed { fill: var(--second); }
    svg circle.faint { display: none; }
    svg text { font-size: 12px; fill: var(--soft); text-anchor: middle; }
    svg text.up { text-anchor: end; dominant-baseline: middle; }
    svg text.name { text-anchor: start; dominant-baseline: middle; font-size: 13px; }
    svg text.line { fill: var(--accent); }
    svg text.opposed, svg text.marked { fill: var(--second); }
    .small { display: grid; grid-template-columns: 1fr 1fr; gap: 28px 32px; margin-top: 36px; }
    table { border-collapse: collapse; width: 100%; font-size: 15px; }
    th { text-align: left; font-weight: 450; }
    thead th { font-size: 13px; color: var(--soft); }
    td, th { padding: 8px 0; border-bottom: 1px solid var(--hair); vertical-align: middle; }
    td + td, th + td, td + th, th + th { padding-left: 28px; }
    .number { text-align: right; white-space: nowrap; }
    .exam { table-layout: fixed; }
    .exam thead td { width: 28%; }
    .bar {
      display: inline-block; width: calc(100% - 92px); height: 8px; background: var(--wash);
      vertical-align: middle;
    }
    .memory .bar { width: 100%; }
    .memory td:nth-child(2) { width: 55%; }
    .memory tfoot th, .memory tfoot td { border-bottom: 0; color: var(--soft); }
    .bar i { display: block; height: 100%; background: var(--accent); }
    .bar.before i { background: var(--soft); }
    .score { display: inline-block; width: 92px; text-align: right; white-space: nowrap; }
    article { border-top: 1px solid var(--hair); padding: 16px 0 18px; }
    article p { margin: 0; overflow-wrap: anywhere; white-space: pre-line; }
    .question { font-weight: 550; }
    .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 32px; margin-top: 8px; }
    .pair h3 { font-weight: 400; }
    .pair .before p { color: var(--soft); }
    mark { background: var(--mark); color: inherit; padding: 0 2px; }
    .right { color: var(--accent); }
    .wrong { color: var(--bad); }
    .right::before, .wrong::before { content: "· "; color: var(--soft); }
    .columns { display: grid; grid-template-columns: 1fr 1fr; gap: 0 48px; }
    .list { margin: 0; font-size: 15px; }
    .list div {
      display: flex; justify-content: space-between; gap: 20px; padding: 7px 0;
      border-bottom: 1px solid var(--hair);
    }
    .list dt { color: var(--soft); }
    .list dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
    pre, code { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; }
    pre {
      margin: 0; padding: 18px 20px; background: var(--wash); font-size: 13px; line-height: 1.55;
      overflow-x: auto; tab-size: 2;
    }
    pre i { color: var(--soft); }
    code { font-size: 12px; overflow-wrap: anywhere; }
    .files { margin-top: 20px; font-size: 14px; }
    .files th:first-child { overflow-wrap: anywhere; }
    .cells { display: flex; flex-wrap: wrap; gap: 3px; margin: 4px 0 14px; }
    .cells i {
      width: 14px; height: 14px;
      background: color-mix(in srgb, var(--accent) calc(100% * var(--share)), var(--wash));
    }
    .cells i.held { background: none; border: 1px dashed var(--soft); }
    .key .line { color: var(--accent); }
    .key .opposed { color: var(--second); }
    .stage { margin-top: 72px; }
    .stage h1 { font-size: 32px; }
    .stage header { margin-bottom: 20px; }
    @media (max-width: 700px) {
      main { padding: 32px 20px 64px; }
      h1 { font-size: 34px; }
      .small, .columns, .pair { grid-template-columns: 1fr !important; }
      .files, .exam { font-size: 13px; }
      .bar { width: 100%; }
      .score { width: auto; }
      .loss svg text { font-size: 22px; }
    }
    """
}
