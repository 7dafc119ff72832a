//! Text for a terminal or a log: durations, colours, wrapping, tables.

use std::fmt::Write as _;

/// Where text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns; `None` where nothing limits a line.
    pub width: Option<usize>,
    /// Lines; `None` where nothing limits them.
    pub height: Option<usize>,
    /// Whether it shows colours.
    pub colour: Colour,
}

/// Whether a terminal shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// With ANSI sequences.
    Ansi,
    /// Without.
    Plain,
}

/// What a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Good,
    Bad,
    Busy,
    Quiet,
    Strong,
}

impl Colour {
    /// The text in its style.
    pub fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Good => "32",
            Style::Bad => "31",
            Style::Busy => "36",
            Style::Quiet => "2",
            Style::Strong => "1",
        };
        match self {
            Self::Ansi if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

/// At most 6 characters for what a release takes: `0.4s`, `12.3s`, `2m05s`, `1h02m`, `3d04h`.
pub fn duration(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{}.{}s", seconds, milliseconds % 1000 / 100),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Bytes as a person reads them.
pub fn size(bytes: i64) -> String {
    match bytes {
        ..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MB", bytes as f64 / 1_048_576.0),
    }
}

/// What comes from elsewhere, without characters that move a terminal's cursor or ring its bell.
pub fn safe(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' && c != '\t' {
                '?'
            } else {
                c
            }
        })
        .collect()
}

/// Cut to a number of characters.
pub fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some(_) if width == 0 => String::new(),
        Some(_) => text.chars().take(width - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// Wrapped at spaces, every line indented; a word longer than a line has a line for itself.
pub fn wrap(text: &str, indent: &str, width: Option<usize>) -> String {
    // Prose beyond 100 columns is hard to read, whatever the terminal has.
    let room = width.unwrap_or(100).clamp(40, 100) - indent.len();
    let mut lines = Vec::new();
    for paragraph in safe(text).lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                lines.push(std::mem::take(&mut line));
            }
            let _ = write!(line, "{}{word}", if line.is_empty() { "" } else { " " });
        }
        lines.push(line);
    }
    lines
        .iter()
        .map(|line| format!("{indent}{line}").trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Aligned columns; where they do not fit, a block of `heading value` lines for every row.
pub fn table(headings: &[&str], rows: &[Vec<String>], screen: Screen) -> String {
    let count = |text: &str| text.chars().count();
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(i, heading)| {
            rows.iter()
                .map(|row| count(&row[i]))
                .max()
                .unwrap_or(0)
                .max(count(heading))
        })
        .collect();
    let needed = widths.iter().sum::<usize>() + 2 * (widths.len().max(1) - 1);
    if screen.width.is_some_and(|width| needed > width) {
        return blocks(headings, rows, screen.colour);
    }
    let line = |cells: Vec<&str>| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = screen.colour.paint(Style::Quiet, &line(headings.to_vec()));
    for row in rows {
        let _ = write!(text, "\n{}", line(row.iter().map(String::as_str).collect()));
    }
    text
}

fn blocks(headings: &[&str], rows: &[Vec<String>], colour: Colour) -> String {
    let widest = headings
        .iter()
        .map(|heading| heading.len())
        .max()
        .unwrap_or(0);
    let block = |row: &Vec<String>| {
        let lines = headings
            .iter()
            .zip(row)
            .enumerate()
            .map(|(i, (heading, cell))| match i {
                0 => colour.paint(Style::Strong, cell),
                _ => format!("  {heading:<widest$}  {cell}")
                    .trim_end()
                    .to_owned(),
            });
        lines.collect::<Vec<_>>().join("\n")
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn plain(width: usize) -> Screen {
        Screen {
            width: Some(width),
            height: None,
            colour: Colour::Plain,
        }
    }

    #[test]
    fn a_duration_is_as_exact_as_a_person_needs() {
        let shown: Vec<String> = [
            -5,
            0,
            450,
            12_345,
            59_999,
            60_000,
            125_000,
            3_720_000,
            273_600_000,
        ]
        .map(duration)
        .into();
        expect!["0.0s 0.0s 0.4s 12.3s 59.9s 1m00s 2m05s 1h02m 3d04h"].assert_eq(&shown.join(" "));
    }

    #[test]
    fn a_sentence_is_wrapped_at_spaces_and_cannot_steer_the_terminal() {
        expect![[r#"
            | api, Unit tests: the command `make
            | test` ended with 2
            | a-word-that-is-longer-than-a-line-of-forty-columns
            | ?[2Jx"#]]
        .assert_eq(&wrap(
            "api, Unit tests: the command `make test` ended with 2 a-word-that-is-longer-than-a-line-of-forty-columns \x1b[2Jx",
            "| ",
            Some(40),
        ));
    }

    #[test]
    fn a_table_that_does_not_fit_becomes_blocks() {
        let rows = vec![
            vec!["api".into(), "3f2a9c1b04de".into()],
            vec!["msa".into(), "1".into()],
        ];
        expect![[r#"
            alias  commit
            api    3f2a9c1b04de
            msa    1"#]]
        .assert_eq(&table(&["alias", "commit"], &rows, plain(19)));
        expect![[r#"
            api
              commit  3f2a9c1b04de
            msa
              commit  1"#]]
        .assert_eq(&table(&["alias", "commit"], &rows, plain(18)));
    }

    #[test]
    fn a_text_is_cut_by_characters_and_not_by_bytes() {
        assert_eq!(cut("größer", 6), "größer");
        assert_eq!(cut("größer", 4), "grö…");
        assert_eq!(cut("x", 0), "");
    }
}
