//! `zstd`, for machines that lack it: the options that boot scripts and tar use.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    decompress: bool,
    to_stdout: bool,
    force: bool,
    level: i32,
    output: Option<PathBuf>,
    input: Option<PathBuf>,
}

/// Runs as `zstd` with these arguments, its own name not among them.
pub fn run(arguments: impl Iterator<Item = String>) -> ExitCode {
    match parse(arguments).and_then(|options| work(&options).map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zstd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        level: 3,
        ..Options::default()
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-" => options.input = None,
            "--decompress" | "--uncompress" => options.decompress = true,
            "--stdout" => options.to_stdout = true,
            "--force" => options.force = true,
            "--quiet" | "--keep" => {}
            "-o" => options.output = Some(arguments.next().ok_or("-o needs a file")?.into()),
            long if long.starts_with("--threads") => {}
            short if short.starts_with('-') => parse_short(&mut options, &short[1..])?,
            file if options.input.is_none() => options.input = Some(file.into()),
            file => return Err(format!("one file at a time, please: {file}")),
        }
    }
    Ok(options)
}

fn parse_short(options: &mut Options, letters: &str) -> Result<(), String> {
    if letters.starts_with('T') {
        return Ok(());
    }
    if let Ok(level) = letters.parse::<i32>() {
        options.level = level;
        return Ok(());
    }
    for letter in letters.chars() {
        match letter {
            'd' => options.decompress = true,
            'c' => options.to_stdout = true,
            'f' => options.force = true,
            'q' | 'k' | 'v' => {}
            other => return Err(format!("-{other} is not supported here")),
        }
    }
    Ok(())
}

fn work(options: &Options) -> io::Result<()> {
    let input: Box<dyn Read> = match &options.input {
        Some(path) => Box::new(File::open(path)?),
        None => Box::new(io::stdin().lock()),
    };
    let mut output: Box<dyn Write> = match output_of(options)? {
        Some(path) if path.exists() && !options.force => {
            return Err(io::Error::other(format!(
                "{} already exists; use -f",
                path.display()
            )));
        }
        Some(path) => Box::new(BufWriter::new(File::create(path)?)),
        None => Box::new(io::stdout().lock()),
    };
    if options.decompress {
        zstd::stream::copy_decode(BufReader::new(input), &mut output)?;
    } else {
        zstd::stream::copy_encode(input, &mut output, options.level)?;
    }
    output.flush()
}

fn output_of(options: &Options) -> io::Result<Option<PathBuf>> {
    if options.to_stdout {
        return Ok(None);
    }
    if options.output.is_some() {
        return Ok(options.output.clone());
    }
    let Some(input) = &options.input else {
        return Ok(None);
    };
    let text = input.to_string_lossy();
    if !options.decompress {
        return Ok(Some(format!("{text}.zst").into()));
    }
    let stem = text
        .strip_suffix(".zst")
        .ok_or_else(|| io::Error::other(format!("{text}: unknown suffix")))?;
    Ok(Some(stem.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Options, String> {
        parse(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn what_is_compressed_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.tar");
        std::fs::write(&file, "text".repeat(1000)).unwrap();
        work(&Options {
            level: 3,
            input: Some(file.clone()),
            ..Options::default()
        })
        .unwrap();
        std::fs::remove_file(&file).unwrap();
        let packed = folder.path().join("a.tar.zst");
        assert!(packed.metadata().unwrap().len() < 1000);
        work(&Options {
            decompress: true,
            input: Some(packed),
            ..Options::default()
        })
        .unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "text".repeat(1000));
    }

    #[test]
    fn the_options_of_the_boot_script_and_of_tar_are_understood() {
        let options = parsed(&["-dcq", "a.tar.zst"]).unwrap();
        assert!(options.decompress && options.to_stdout);
        assert_eq!(options.input, Some("a.tar.zst".into()));
        assert_eq!(parsed(&["-T0", "-19", "-"]).unwrap().level, 19);
    }

    #[test]
    fn an_option_that_would_be_ignored_is_refused() {
        assert!(parsed(&["-Z"]).is_err());
    }
}
