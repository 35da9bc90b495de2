//! Charts as SVG, which a page can have within itself.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 12.0;
const COLOURS: [&str; 4] = ["#2563eb", "#dc2626", "#059669", "#9333ea"];

/// A line of a chart.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// Lines over one axis, from zero.
pub(super) fn lines(lines: &[Line], x_name: &str) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let most_x = points().map(|point| point.0).fold(1.0, f64::max);
    let most_y = points().map(|point| point.1).fold(1.0, f64::max);
    let x = |value: f64| LEFT + value / most_x * (WIDTH - LEFT - 12.0);
    let y = |value: f64| HEIGHT - BOTTOM - value / most_y * (HEIGHT - BOTTOM - TOP);
    let mut svg = open();
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let at = y(share * most_y);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\" class=\"grid\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0}</text>",
            LEFT - 6.0,
            at + 4.0,
            short(share * most_y),
            x(share * most_x).min(WIDTH - 20.0),
            HEIGHT - 10.0,
            share * most_x,
        );
    }
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let mut path = String::new();
        for (index, point) in line.points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", x(point.0), y(point.1));
        }
        let _ = write!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        );
    }
    svg.push_str("</svg><p class=\"legend\">");
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let _ = write!(svg, "<span style=\"color:{colour}\">■</span> {} &nbsp; ", line.name);
    }
    let _ = write!(svg, "({x_name})</p>");
    svg
}

/// How often a call took how long: intervals that double.
pub(super) fn histogram(buckets: &[(f64, u64)]) -> String {
    let most = buckets.iter().map(|bucket| bucket.1).max().unwrap_or(1).max(1);
    let width = (WIDTH - LEFT) / f64::from(u32::try_from(buckets.len().max(1)).unwrap_or(u32::MAX));
    let room = HEIGHT / 2.0 - BOTTOM - TOP;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\">", HEIGHT / 2.0);
    let mut at = LEFT;
    for (upper, count) in buckets {
        // Logarithmic, or the few slow ones, which matter, would not be seen.
        let height = if *count == 0 {
            0.0
        } else {
            (1.0 + log2(*count)) / (1.0 + log2(most)) * room
        };
        let _ = write!(
            svg,
            "<rect x=\"{at:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"#2563eb\"><title>up to {} ms: {count}</title></rect>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            TOP + room - height,
            (width - 2.0).max(1.0),
            short(*upper),
            at + width / 2.0,
            HEIGHT / 2.0 - 12.0,
            short(*upper),
        );
        at += width;
    }
    svg.push_str("</svg>");
    svg
}

fn open() -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">")
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
fn log2(count: u64) -> f64 {
    (count as f64).log2()
}

/// A figure as short as it can be read.
pub(super) fn short(figure: f64) -> String {
    if figure >= 10_000.0 {
        format!("{:.0}k", figure / 1000.0)
    } else if figure >= 10.0 || figure == 0.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.1}")
    }
}
