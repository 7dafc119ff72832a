//! The live table as lines: a pure function of what is known, the time and the screen.

use super::cells::{Cell, Row};
use super::model::Model;
use super::stages::INTEGRATION_TESTS;
use crate::text::{Colour, Screen, Style, cut, duration};
use pipeline::stages::COLUMNS;

/// A cell's text with its style.
type Shown = (String, Style);

/// How the columns are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Headings on two lines, with the states' own names.
    Full,
    /// Short headings, no counts of suites.
    Short,
    /// One line for a component, with the stage that it is in.
    List,
}

/// Two spaces would not leave room for nine columns in a terminal of 100.
const GAP: usize = 1;
/// `✓ 12.3s`
const CELL: usize = 7;
/// `✓ 3/3 12.3s`
const CELL_OF_TESTS: usize = 11;

/// Before a companion's name, where there is no room for the word.
const COMPANION: &str = "+";

/// What the screen shows.
pub fn frame(model: &Model, execution: &str, now: i64, screen: Screen) -> Vec<String> {
    let colour = screen.colour;
    let width = screen.width.unwrap_or(120);
    let mut lines = vec![title(model, execution, now, width, colour)];
    if let Some(back) = model.plan.brings_back() {
        lines.push(cut(&back, width));
    }
    let (rows, more) = fitting(model, screen.height);
    if !rows.is_empty() {
        lines.extend(table(&rows, width, now, colour));
    }
    if more > 0 {
        lines.push(colour.paint(Style::Quiet, &format!("… and {more} more components")));
    }
    for open in model.doing() {
        let text = format!("{} {}", open.state, duration(now - open.since));
        lines.push(colour.paint(Style::Busy, &cut(&text, width)));
    }
    lines
}

fn table(rows: &[&Row], width: usize, now: i64, colour: Colour) -> Vec<String> {
    let layout = layout(rows, width);
    let name = width_of_names(rows, layout);
    let mut lines: Vec<String> = headings(layout, name)
        .into_iter()
        .map(|line| colour.paint(Style::Quiet, &line))
        .collect();
    lines.extend(rows.iter().map(|row| line(row, layout, name, now, colour)));
    if layout == Layout::Short && rows.iter().any(|row| row.companion) {
        let legend = format!("{COMPANION} companion: live, tested beside this release");
        lines.push(colour.paint(Style::Quiet, &cut(&legend, width)));
    }
    lines
}

fn title(model: &Model, execution: &str, now: i64, width: usize, colour: Colour) -> String {
    let mut label = match &model.label {
        Some(label) => format!("{label}  {execution}"),
        None => execution.to_owned(),
    };
    if model.round > 1 {
        label += &format!("  round {}", model.round);
    }
    let elapsed = duration(model.elapsed(now));
    let label = cut(&label, width.saturating_sub(elapsed.len() + 2));
    format!("{}  {elapsed}", colour.paint(Style::Strong, &label))
}

/// The rows that fit; those that need a look come first where not all do.
fn fitting(model: &Model, height: Option<usize>) -> (Vec<&Row>, usize) {
    // Title, two headings, the line for what is left out, the line below, the prompt.
    let companions = model.rows.iter().any(|row| row.companion);
    let more = usize::from(companions) + usize::from(model.plan.rollback);
    let room = height.unwrap_or(usize::MAX).saturating_sub(6 + more).max(3);
    let mut rows: Vec<&Row> = model.rows.iter().collect();
    if rows.len() > room {
        rows.sort_by_key(|row| urgency(row));
    }
    let more = rows.len().saturating_sub(room);
    rows.truncate(room);
    (rows, more)
}

fn urgency(row: &Row) -> u8 {
    let has = |wanted: fn(&Cell) -> bool| row.cells.iter().any(wanted);
    match () {
        _ if has(|cell| matches!(cell, Cell::Failed { .. })) => 0,
        _ if has(|cell| matches!(cell, Cell::Running { .. })) => 1,
        _ => 2,
    }
}

fn layout(rows: &[&Row], width: usize) -> Layout {
    let needed = |layout| {
        width_of_names(rows, layout)
            + (0..COLUMNS.len())
                .map(|i| GAP + column_width(layout, i))
                .sum::<usize>()
    };
    [Layout::Full, Layout::Short]
        .into_iter()
        .find(|layout| needed(*layout) <= width)
        .unwrap_or(Layout::List)
}

/// Where there is room, the column of names has a heading.
fn width_of_names(rows: &[&Row], layout: Layout) -> usize {
    let names = rows.iter().map(|row| name_of(row, layout).chars().count());
    let least = match layout {
        Layout::Full => "component".len(),
        Layout::Short | Layout::List => 0,
    };
    names.max().unwrap_or(0).max(least)
}

/// Nine columns leave no room for more than a mark in a terminal of 80.
fn name_of(row: &Row, layout: Layout) -> String {
    match layout {
        Layout::Short if row.companion => format!("{COMPANION}{}", row.component),
        _ => row.name(),
    }
}

fn column_width(layout: Layout, column: usize) -> usize {
    let above = COLUMNS[column].heading;
    let heading = match layout {
        Layout::Full => above.lines.iter().map(|line| line.len()).max().unwrap_or(0),
        _ => above.short.len(),
    };
    let cell = if layout == Layout::Full && column == INTEGRATION_TESTS {
        CELL_OF_TESTS
    } else {
        CELL
    };
    heading.max(cell)
}

fn headings(layout: Layout, name: usize) -> Vec<String> {
    let line = |first: &str, heading: &dyn Fn(usize) -> &'static str| {
        let cells =
            (0..COLUMNS.len()).map(|i| format!(" {:<1$}", heading(i), column_width(layout, i)));
        format!("{first:<name$}{}", cells.collect::<String>())
            .trim_end()
            .to_owned()
    };
    match layout {
        Layout::Full => vec![
            line("", &|i| COLUMNS[i].heading.lines[0]),
            line("component", &|i| COLUMNS[i].heading.lines[1]),
        ],
        Layout::Short => vec![line("", &|i| COLUMNS[i].heading.short)],
        Layout::List => Vec::new(),
    }
}

fn line(row: &Row, layout: Layout, name: usize, now: i64, colour: Colour) -> String {
    let mut text = format!("{:<name$}", name_of(row, layout));
    if layout == Layout::List {
        let (stage, (shown, style)) = newest(row, now);
        return format!("{text} {stage} {}", colour.paint(style, &shown))
            .trim_end()
            .to_owned();
    }
    for column in 0..COLUMNS.len() {
        let (shown, style) = cell(row, column, layout, now);
        let padding = column_width(layout, column).saturating_sub(shown.chars().count());
        text += &format!(" {}{}", colour.paint(style, &shown), " ".repeat(padding));
    }
    text.trim_end().to_owned()
}

/// The stage that a row is in: what runs or failed, else the last that is done.
fn newest(row: &Row, now: i64) -> (&'static str, Shown) {
    let busy = |cell: &Cell| matches!(cell, Cell::Running { .. } | Cell::Failed { .. });
    let column = row.cells.iter().position(busy);
    match column.or_else(|| row.cells.iter().rposition(|cell| *cell != Cell::Pending)) {
        Some(column) => (COLUMNS[column].state, cell(row, column, Layout::List, now)),
        None => ("", (String::new(), Style::Quiet)),
    }
}

fn cell(row: &Row, column: usize, layout: Layout, now: i64) -> Shown {
    let (mark, time, style) = match row.cells[column] {
        Cell::Pending => ("·", None, Style::Quiet),
        Cell::Running { since } => ("▸", Some(now - since), Style::Busy),
        Cell::Done { took } => ("✓", Some(took), Style::Good),
        Cell::Failed { took } => ("✗", Some(took), Style::Bad),
        Cell::Stopped => ("stopped", None, Style::Quiet),
        Cell::Skipped => ("–", None, Style::Quiet),
    };
    let mut text = mark.to_owned();
    if column == INTEGRATION_TESTS && layout != Layout::Short && time.is_some() {
        text += &format!(" {}", passed(row));
    }
    if let Some(time) = time {
        text += &format!(" {}", duration(time));
    }
    (text, style)
}

/// `2/3`: suites that passed, of all.
fn passed(row: &Row) -> String {
    let passed = row
        .suites
        .values()
        .filter(|cell| matches!(cell, Cell::Done { .. }))
        .count();
    format!("{passed}/{}", row.suites.len())
}
