//! `quorate man` and `completions`: what is said of the commands outside of the program, made from what it takes.

use crate::{
    arguments::{Arguments, Completions, Man, Shell},
    failure::Cause,
    files,
    output::{Output, counted},
};
use clap::{Command, CommandFactory as _};
use clap_mangen::roff::{Roff, bold, roman};
use eyre::Result;
use serde_json::json;
use std::fs;

/// What each exit code means.
const EXIT_CODES: [(&str, &str); 8] = [
    ("0", "Done."),
    ("1", "It failed on chain, or would."),
    ("2", "Wrong usage."),
    ("3", "Bad input."),
    ("4", "A danger was not accepted."),
    ("5", "A chain, a relayer or a store cannot be reached."),
    ("6", "Not yet: the same may succeed later."),
    ("7", "Two sources contradict each other."),
];

/// Prints the completions of a shell.
pub(super) fn completions(completions: &Completions, output: Output) {
    let shell = match completions.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Elvish => clap_complete::Shell::Elvish,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::Pwsh => clap_complete::Shell::PowerShell,
        Shell::Zsh => clap_complete::Shell::Zsh,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "quorate", &mut text);
    output.raw(&String::from_utf8_lossy(&text));
}

/// Writes the manual pages.
pub(super) fn write(man: &Man, output: Output) -> Result<()> {
    let folder = man.folder.display();
    fs::create_dir_all(&man.folder)
        .map_err(|error| Cause::BadInput.error(format!("cannot make {folder}: {error}")))?;
    let pages = pages();
    for (name, text) in &pages {
        files::replace(&man.folder.join(name), text)?;
    }
    let names: Vec<_> = pages.iter().map(|(name, _)| name).collect();
    output.result(&json!({ "folder": man.folder, "pages": names }));
    let count = counted(pages.len() as u64, "manual page", "manual pages");
    output.say(&format!("wrote {count} into {folder}"));
    Ok(())
}

/// The pages by file name, that of the program first.
fn pages() -> Vec<(String, String)> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add_pages(&command, None, &mut pages);
    pages
}

fn add_pages(command: &Command, parent: Option<&str>, pages: &mut Vec<(String, String)>) {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    pages.push((format!("{name}.1"), page(command, name, parent)));
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        add_pages(child, Some(name), pages);
    }
}

fn page(command: &Command, name: &str, parent: Option<&str>) -> String {
    let mut command = command.clone();
    let usage = command.render_usage().to_string();
    // The synopsis that would be made of the options names each of them, and the values of none.
    let command = command.override_usage(usage.trim_start_matches("Usage: ").to_owned());
    let man = clap_mangen::Man::new(command)
        .title(name.to_uppercase())
        // An empty one would be left out, and what follows be taken for it.
        .date(" ")
        .source(concat!("quorate ", env!("CARGO_PKG_VERSION")))
        .manual("Quorate");
    let mut bytes = Vec::new();
    let mut more = Roff::new();
    more.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        more.control("TP", []).text([bold(code)]).text([roman(meaning)]);
    }
    if let Some(parent) = parent {
        more.control("SH", ["SEE ALSO"]).text([bold(parent), roman("(1)")]);
    }
    man.render(&mut bytes).and_then(|()| more.to_writer(&mut bytes)).expect("a vector takes all");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        collections::BTreeSet,
        process::{Command as Process, Stdio},
    };

    #[test]
    fn every_command_has_a_page_that_says_what_it_takes() {
        let pages = pages();
        let names: BTreeSet<_> = pages.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), pages.len(), "{names:?}");
        for name in ["quorate.1", "quorate-wallet-create.1", "quorate-relayer-token-create.1"] {
            assert!(names.contains(name), "{name} is not among {names:?}");
        }
        for (name, text) in &pages {
            for part in [".TH QUORATE", ".SH NAME\n", ".SH SYNOPSIS\n", ".SH \"EXIT STATUS\"\n"] {
                assert!(text.contains(part), "{part} is not in {name}: {text}");
            }
            let is_child = name != "quorate.1";
            assert_eq!(text.contains(".SH \"SEE ALSO\"\n"), is_child, "{name}");
        }
        let (_, propose) =
            pages.iter().find(|(name, _)| name == "quorate-propose-transfer.1").unwrap();
        assert!(
            propose.contains("\\-\\-amount") && propose.contains("QUORATE_WALLET"),
            "{propose}"
        );
    }

    /// groff, which `man` runs, has nothing to warn of; where it is not installed nothing is asked.
    #[test]
    fn no_page_has_anything_that_man_warns_of() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for (name, text) in pages() {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            files.push(file);
        }
        for (program, arguments) in
            [("groff", &["-man", "-Tutf8", "-ww", "-z"][..]), ("mandoc", &["-Tlint", "-Werror"])]
        {
            let mut process = Process::new(program);
            process.args(arguments).args(&files).stdin(Stdio::null());
            let Ok(output) = process.output() else { continue };
            let said = [output.stdout, output.stderr].concat();
            assert!(said.is_empty(), "{program}: {}", String::from_utf8_lossy(&said));
        }
    }
}
