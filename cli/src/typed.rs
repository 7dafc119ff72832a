//! What was typed: a command, a question that clap answers itself, or a mistake.

use crate::args::Arguments;
use crate::error::Failure;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::io::Write;

/// A command line, read.
#[derive(Debug)]
pub enum Typed {
    /// To be carried out.
    Command(Box<Arguments>),
    /// Help, the version, or what is wrong, has been printed: the exit code.
    Answered(u8),
}

/// Reads it, and prints what needs no command.
pub fn parse(typed: &[OsString]) -> Typed {
    let error = match Arguments::try_parse_from(typed) {
        Ok(arguments) => return Typed::Command(Box::new(arguments)),
        Err(error) => error,
    };
    // Who types a command without its subcommand wants to know which there are, also where
    // variables of the environment count as arguments.
    if error.kind() == ErrorKind::MissingSubcommand {
        eprint!("{}", help_of(&named(&error)));
        return Typed::Answered(2);
    }
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    if code != 0 && wants_json(typed) {
        let failure = Failure::Usage(sentence(&error));
        print_json(&failure.as_json());
        return Typed::Answered(failure.code());
    }
    // Nobody is left to be told where this cannot be printed.
    let _ = error.print();
    Typed::Answered(code)
}

/// On standard output; who closed it is not told.
pub fn print_json(value: &serde_json::Value) {
    let _ = writeln!(std::io::stdout(), "{value:#}");
}

fn wants_json(typed: &[OsString]) -> bool {
    let options = typed.iter().take_while(|text| *text != "--");
    options.into_iter().any(|text| text == "--json")
}

/// Without the usage and the tips, which are for a person.
fn sentence(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.split("\n\nUsage:").next().unwrap_or_default();
    let first = first.split("\n\n  tip:").next().unwrap_or_default();
    let first = first.split("\n\nFor more information").next();
    first
        .unwrap_or_default()
        .trim_start_matches("error: ")
        .trim()
        .to_owned()
}

/// `component` of "cutover component requires a subcommand".
fn named(error: &clap::Error) -> Vec<String> {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(path)) => {
            path.split_whitespace().skip(1).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

fn help_of(names: &[String]) -> clap::builder::StyledStr {
    let mut command = Arguments::command();
    command.build();
    let mut at = &mut command;
    for name in names {
        match at.find_subcommand(name).is_some() {
            true => {
                at = at
                    .find_subcommand_mut(name)
                    .unwrap_or_else(|| unreachable!("just found"))
            }
            false => break,
        }
    }
    at.render_help()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn refused(line: &str) -> clap::Error {
        Arguments::try_parse_from(words(line)).unwrap_err()
    }

    #[test]
    fn a_script_gets_what_is_wrong_in_one_sentence() {
        expect![[r#"
            unexpected argument '--taget' found"#]]
        .assert_eq(&sentence(&refused("cutover status --taget stage")));
        expect!["invalid value 'Stage' for '--target <TARGET>': `Stage` is not a target name: 1 to 16 lower-case letters, digits and single hyphens, beginning with a letter"]
            .assert_eq(&sentence(&refused("cutover status --target Stage")));
    }

    #[test]
    fn json_is_asked_for_anywhere_before_the_end_of_options() {
        assert!(wants_json(&words("cutover status --taget --json")));
        assert!(!wants_json(&words("cutover release -- --json")));
    }

    #[test]
    fn a_command_without_its_subcommand_is_help_and_wrong_input() {
        for (line, usage) in [
            ("cutover --json", "Usage: cutover [OPTIONS] <COMMAND>"),
            (
                "cutover component --json",
                "Usage: cutover component [OPTIONS] <COMMAND>",
            ),
        ] {
            let error = refused(line);
            assert_eq!(error.kind(), ErrorKind::MissingSubcommand);
            let help = help_of(&named(&error)).to_string();
            assert!(help.contains(usage), "{help}");
            assert!(matches!(parse(&words(line)), Typed::Answered(2)));
        }
    }
}
