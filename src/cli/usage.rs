//! A wrong command line in exactly one line: the option, what was given, what it takes.
//!
//! clap's own messages run over several lines (tip, usage, pointer to `--help`); in a script's log one line is worth
//! more. The facts come from clap's error context, the ranges from [`expects`].

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::expects;

/// What is wrong with the command line, without a line break.
pub fn one_line(wrong: &clap::Error) -> String {
    let line = match wrong.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => bad_value(wrong),
        ErrorKind::UnknownArgument => unknown(wrong),
        ErrorKind::InvalidSubcommand => {
            let name = text(wrong, ContextKind::InvalidSubcommand).unwrap_or_default();
            format!("unknown command '{name}': expected bench; see guichet --help")
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "a command is missing: expected bench; see guichet --help".to_owned()
        }
        ErrorKind::ArgumentConflict => match option(wrong) {
            Some(option) => format!("{option} may be given only once"),
            None => first_line(wrong),
        },
        ErrorKind::TooManyValues => match option(wrong) {
            Some(option) => format!("{option} takes no value"),
            None => first_line(wrong),
        },
        _ => first_line(wrong),
    };
    // A value may itself contain line breaks; the promise is one line.
    line.replace(['\n', '\r'], " ")
}

fn bad_value(wrong: &clap::Error) -> String {
    let (Some(option), Some(value)) = (option(wrong), text(wrong, ContextKind::InvalidValue))
    else {
        return first_line(wrong);
    };
    match (value.is_empty(), expects(&option)) {
        (true, Some(range)) => format!("{option} needs a value: {range}"),
        (true, None) => format!("{option} needs a value"),
        (false, Some(range)) => format!("{option} {value}: expected {range}"),
        (false, None) => format!("{option} {value}: not accepted"),
    }
}

fn unknown(wrong: &clap::Error) -> String {
    let given = text(wrong, ContextKind::InvalidArg).unwrap_or_default();
    let hint = text(wrong, ContextKind::SuggestedArg).map(|near| format!(", did you mean {near}?"));
    let what = if given.starts_with('-') {
        "option"
    } else {
        "argument"
    };
    format!(
        "unknown {what} '{given}'{}; see guichet bench --help",
        hint.unwrap_or_default()
    )
}

/// The option alone, without the placeholder that clap appends: `--jobs`, not `--jobs <N>`.
fn option(wrong: &clap::Error) -> Option<String> {
    let shown = text(wrong, ContextKind::InvalidArg)?;
    shown.split_whitespace().next().map(str::to_owned)
}

fn text(wrong: &clap::Error, kind: ContextKind) -> Option<String> {
    match wrong.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        other => Some(other.to_string()),
    }
}

/// For the kinds without a wording of our own: clap's first line.
fn first_line(wrong: &clap::Error) -> String {
    let message = wrong.to_string();
    let line = message.lines().next().unwrap_or("wrong arguments");
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
