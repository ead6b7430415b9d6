import Foundation

/// One page that needs nothing else: no scripts, no fonts or pictures from elsewhere.
package enum ReportPage {
  /// A page of parts, of which empty ones are left out.
  package static func html(title: String, _ parts: [String]) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta http-equiv="Content-Security-Policy" \
    content="default-src 'none'; style-src 'unsafe-inline'">
    <title>\(title.asMarkup)</title>
    <style>
    \(ReportStyle.css)
    </style>
    </head>
    <body>
    <main>
    \(parts.filter { !$0.isEmpty }.joined(separator: "\n"))
    </main>
    </body>
    </html>

    """
  }

  /// A bar that is filled from the left.
  ///
  /// - Parameters:
  ///   - share: how much of it, from 0 to 1.
  ///   - kind: its colour: `before` or `after`.
  package static func bar(_ share: Double, _ kind: String) -> String {
    let width = String(format: "%.1f", 100 * min(max(share, 0), 1))
    return "<span class=\"bar \(kind)\"><i style=\"width:\(width)%\"></i></span>"
  }

  /// Names with a value each.
  package static func list(_ entries: [(name: String, value: String)]) -> String {
    let rows = entries.map {
      "<div><dt>\($0.name.asMarkup)</dt><dd>\($0.value.asMarkup)</dd></div>"
    }
    return "<dl class=\"list\">\n\(rows.joined(separator: "\n"))\n</dl>"
  }
}
