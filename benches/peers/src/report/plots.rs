//! The pictures, as SVG.

use crate::contestants::Contestant;
use crate::figures::{Contested, QUANTILES, Run};
use crate::rows::{Figure, Load, ROWS, Row, SATURATED, Work};
use crate::statistics::median;
use plotters::prelude::{
    ChartBuilder, IntoDrawingArea, IntoLogRange, LineSeries, PathElement, Rectangle, SVGBackend,
    Text, WHITE,
};
use plotters::style::{Color, Palette, Palette99, RGBColor};
use std::error::Error;
use std::ops::Range;
use std::path::Path;

type Drawn = Result<(), Box<dyn Error>>;

/// What belongs to one contestant: its name and points.
type Line = (String, Vec<(f64, f64)>);

const SIZE: (u32, u32) = (900, 480);

/// All that there can be.
pub(super) const FILES: [&str; 5] =
    ["throughput.svg", "latency-distribution.svg", "latency-by-rate.svg", "cpu.svg", "memory.svg"];

/// Draws all that the run has figures for. Gives file names and titles.
pub(super) fn draw(
    run: &Run,
    folder: &Path,
) -> Result<Vec<(&'static str, &'static str)>, Box<dyn Error>> {
    let mut drawn = Vec::new();
    let mut lines = |file, title, axes: [&str; 2], lines: Vec<Line>| -> Drawn {
        let lines: Vec<_> = lines.into_iter().filter(|(_, points)| points.len() > 1).collect();
        if !lines.is_empty() {
            curves(&folder.join(file), title, axes, &lines)?;
            drawn.push((file, title));
        }
        Ok(())
    };
    let by_connections = lines_of(run, |row| match (row.work, row.load) {
        (Work::Echo, Load::Closed { connections }) => Some(connections as f64),
        _ => None,
    });
    let axes = ["connections", "messages a second"];
    lines("throughput.svg", "Echo: throughput by connections", axes, by_connections)?;
    let axes = ["one message in so many is slower", "latency, us"];
    let title = "Echo at 50 % of what saturates Tokio: latency";
    lines("latency-distribution.svg", title, axes, distribution(run, "open-50"))?;
    let by_rate = lines_of(run, |row| match row.load {
        Load::Open { share, .. } => Some(share * 100.0),
        _ => None,
    });
    let axes = ["offered, % of what saturates Tokio", "p99 of latency, us"];
    lines("latency-by-rate.svg", "Echo: latency by offered rate", axes, by_rate)?;
    for (file, title, unit, row, figure) in [
        ("cpu.svg", "Echo at 512 connections: CPU time a message", "ns", SATURATED, Figure::Cpu),
        ("memory.svg", "User memory of an idle connection", "bytes", "idle", Figure::Memory),
    ] {
        let bars = bars_of(run, row, figure);
        if !bars.is_empty() {
            bars_at(&folder.join(file), title, unit, &bars)?;
            drawn.push((file, title));
        }
    }
    Ok(drawn)
}

/// A line for each contestant, by what `place` says of rows.
fn lines_of(run: &Run, place: impl Fn(&Row) -> Option<f64>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for row in &ROWS {
        let (Some(place), Some(figures)) = (place(row), run.row(row.name)) else { continue };
        for contestant in &figures.contestants {
            let Some(figure) = middle(contestant, row.figure) else { continue };
            if row.figure == Figure::P99 && row.figure.moot(contestant).is_some() {
                continue;
            }
            let scale = if row.figure == Figure::P99 { 1e-3 } else { 1.0 };
            let point = (place, figure * scale);
            match lines.iter_mut().find(|(name, _)| *name == contestant.name) {
                Some((_, points)) => points.push(point),
                None => lines.push((contestant.name.clone(), vec![point])),
            }
        }
    }
    lines
}

/// By how many messages were slower.
fn distribution(run: &Run, row: &str) -> Vec<Line> {
    let contestants = run.row(row).map_or(&[][..], |row| &row.contestants);
    let line = |contestant: &Contested| {
        let point = |(at, quantile): (usize, &f64)| {
            let times = contestant.all(|measured| Some(measured.latency?.times[at]));
            (!times.is_empty()).then(|| (1.0 / (1.0 - quantile), median(&times) / 1e3))
        };
        let points = QUANTILES.iter().enumerate().filter_map(point).collect();
        (contestant.name.clone(), points)
    };
    let told = contestants.iter().filter(|one| Figure::P99.moot(one).is_none());
    told.map(line).collect()
}

fn bars_of(run: &Run, row: &str, figure: Figure) -> Vec<(String, f64)> {
    let contestants = run.row(row).map_or(&[][..], |row| &row.contestants);
    let bar = |one: &Contested| Some((one.name.clone(), middle(one, figure)?));
    contestants.iter().filter_map(bar).collect()
}

fn middle(contestant: &Contested, figure: Figure) -> Option<f64> {
    let figures = contestant.all(|measured| figure.of(measured));
    (!figures.is_empty()).then(|| median(&figures))
}

/// From somewhat below the least to somewhat above the most.
fn around(figures: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) = figures
        .fold((f64::INFINITY, 0.0_f64), |(least, most), next| (least.min(next), most.max(next)));
    (least / 1.3).max(1e-3)..most * 1.3
}

/// The same colour for a contestant in all pictures.
fn colour(name: &str) -> impl Color {
    let all = || Contestant::USUAL.iter().chain(&Contestant::OTHERS);
    let place = all().position(|contestant| contestant.name() == name);
    let (red, green, blue) = Palette99::COLORS[place.unwrap_or(0) % Palette99::COLORS.len()];
    RGBColor(red, green, blue)
}

/// Lines over two logarithmic axes.
fn curves(file: &Path, title: &str, [across, up]: [&str; 2], lines: &[Line]) -> Drawn {
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let points = || lines.iter().flat_map(|(_, points)| points);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(10)
        .margin_right(140)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d(
            around(points().map(|point| point.0)).log_scale(),
            around(points().map(|point| point.1)).log_scale(),
        )?;
    chart.configure_mesh().x_desc(across).y_desc(up).draw()?;
    for (name, points) in lines {
        let style = colour(name).stroke_width(2);
        chart.draw_series(LineSeries::new(points.iter().copied(), style))?;
    }
    // A legend beside the plot, where it hides no line.
    for (place, (name, _)) in lines.iter().enumerate() {
        let (left, top) = (SIZE.0 as i32 - 135, 50 + 20 * place as i32);
        let sign = vec![(left, top), (left + 20, top)];
        area.draw(&PathElement::new(sign, colour(name).stroke_width(3)))?;
        area.draw(&Text::new(name.clone(), (left + 25, top - 7), ("sans-serif", 13)))?;
    }
    area.present()?;
    Ok(())
}

/// A bar for each contestant, with its figure beside it.
fn bars_at(file: &Path, title: &str, unit: &str, bars: &[(String, f64)]) -> Drawn {
    let area = SVGBackend::new(file, (SIZE.0, 70 + 30 * bars.len() as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    area.draw(&Text::new(title.to_owned(), (10, 10), ("sans-serif", 20)))?;
    let most = bars.iter().map(|bar| bar.1).fold(1e-9, f64::max);
    let (left, width) = (160, SIZE.0 as f64 - 260.0);
    for (place, (name, figure)) in bars.iter().enumerate() {
        let top = 50 + 30 * place as i32;
        let right = left + (figure.max(0.0) / most * width) as i32;
        area.draw(&Text::new(name.clone(), (10, top + 3), ("sans-serif", 14)))?;
        area.draw(&Rectangle::new([(left, top), (right, top + 20)], colour(name).filled()))?;
        let label = format!("{figure:.0} {unit}");
        area.draw(&Text::new(label, (right + 8, top + 3), ("sans-serif", 14)))?;
    }
    area.present()?;
    Ok(())
}
