//! Every `cutover ...` that the documents show is a command line that this program takes.

use crate::args::Arguments;
use clap::{CommandFactory, Parser};
use std::path::{Path, PathBuf};

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["", "docs", "examples"].map(|folder| root.join(folder));
    let files = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    files
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .filter(|path| !path.ends_with("CHANGELOG.md")) // says what was
        .collect()
}

/// The text's blocks of code (odd) and what is between them (even).
fn parts(text: &str) -> Vec<&str> {
    text.split("```").collect()
}

/// The command lines in a block of code: continued lines are one, and a comment is left out.
fn lines(block: &str) -> Vec<String> {
    let whole = block.replace("\\\n", " ");
    let typed = whole.lines().map(|line| line.split(" #").next().unwrap());
    typed
        .map(str::trim)
        .filter(|line| line.starts_with("cutover "))
        .map(|line| {
            line.replace(
                "\"$CUTOVER_GIT/shop.git\"",
                "http://127.0.0.1:8801/shop.git",
            )
        })
        .collect()
}

/// What stands between backquotes and begins with the program's name.
fn mentions(text: &str) -> impl Iterator<Item = &str> {
    let spans = text.split('`').skip(1).step_by(2);
    spans.filter(|span| span.starts_with("cutover "))
}

/// Why the program would not take a line; a mention in a sentence may leave arguments out.
fn refused(line: &str, whole: bool) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let error = Arguments::try_parse_from(&words).err()?;
    use clap::error::ErrorKind::{
        DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion,
        MissingRequiredArgument, MissingSubcommand,
    };
    match error.kind() {
        DisplayHelp | DisplayVersion => None,
        MissingRequiredArgument | MissingSubcommand | DisplayHelpOnMissingArgumentOrSubcommand
            if !whole =>
        {
            None
        }
        _ => Some(error.to_string()),
    }
}

#[test]
fn every_command_line_in_the_documents_is_taken() {
    let (mut typed, mut said) = (0, 0);
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        for (place, part) in parts(&text).into_iter().enumerate() {
            for line in lines(part)
                .iter()
                .filter(|_| place % 2 == 1 && !part.starts_with("mermaid"))
            {
                typed += 1;
                assert_eq!(refused(line, true), None, "{}: {line}", path.display());
            }
            for mention in mentions(part).filter(|_| place % 2 == 0) {
                said += 1;
                let filled = mention.replace("[FOLDER]", ".").replace(['<', '>'], "");
                assert_eq!(
                    refused(&filled, false),
                    None,
                    "{}: {mention}",
                    path.display()
                );
            }
        }
    }
    assert!(typed >= 20 && said >= 20, "{typed} lines, {said} mentions");
}

#[test]
fn a_command_line_that_is_not_there_is_found() {
    assert!(refused("cutover releas api", false).is_some());
    assert!(refused("cutover release api --tags", false).is_some());
    assert!(refused("cutover component add", true).is_some());
    assert_eq!(refused("cutover component add", false), None);
    Arguments::command().debug_assert();
}
