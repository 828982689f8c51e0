//! What is printed: text for people, JSON for scripts, questions only where somebody answers.

mod progress;

pub(crate) use progress::Progress;

use crate::{
    failure::Cause,
    review::{Danger, DangerCode},
};
use eyre::Result;
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Whether somebody is typing, so that nothing may be written over the line.
static IS_ASKING: AtomicBool = AtomicBool::new(false);

/// Where a command speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
    /// Now, in Unix seconds.
    pub(crate) now: u64,
}

impl Output {
    /// Prints text to people, and nothing to scripts.
    pub(crate) fn say(self, text: &str) {
        if !self.json {
            print(&mut io::stdout().lock(), text);
        }
    }

    /// Prints the result to scripts, and nothing to people.
    pub(crate) fn result(self, value: &Value) {
        if self.json {
            print(&mut io::stdout().lock(), &format!("{value:#}"));
        }
    }

    /// Prints one of several results to scripts, on a line of its own, and nothing to people.
    pub(crate) fn line(self, value: &Value) {
        if self.json {
            print(&mut io::stdout().lock(), &value.to_string());
        }
    }

    /// Prints the same to both: what is passed on as it is.
    pub(crate) fn raw(self, text: &str) {
        print(&mut io::stdout().lock(), text);
    }

    /// Prints a warning on standard error.
    pub(crate) fn warn(self, text: &str) {
        if self.json {
            print(&mut io::stderr().lock(), &serde_json::json!({ "warning": text }).to_string());
        } else {
            print(&mut io::stderr().lock(), &format!("warning: {text}"));
        }
    }

    /// Prints what is waited for, on standard error.
    pub(crate) fn waiting(self, text: &str) {
        if self.json {
            print(&mut io::stderr().lock(), &serde_json::json!({ "waiting": text }).to_string());
        } else {
            print(&mut io::stderr().lock(), &format!("waiting: {text}"));
        }
    }

    /// Whether somebody is there to answer.
    pub(crate) fn is_interactive(self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks a question that is answered with yes or no; anything but yes is no.
    pub(crate) fn confirm(self, question: &str) -> bool {
        let mut to = io::stderr().lock();
        let asked = write!(to, "{question} [y/N] ").and_then(|()| to.flush());
        let mut answer = String::new();
        asked.and_then(|()| io::stdin().lock().read_line(&mut answer)).is_ok()
            && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }

    /// Asks for what must not be seen on the terminal; `None` where nobody is there to answer.
    pub(crate) fn secret(self, question: &str) -> Result<Option<String>> {
        if !self.is_interactive() {
            return Ok(None);
        }
        IS_ASKING.store(true, Ordering::Relaxed);
        let typed = rpassword::prompt_password(format!("\r\u{1b}[K{question}"));
        IS_ASKING.store(false, Ordering::Relaxed);
        typed
            .map(Some)
            .map_err(|error| Cause::BadInput.error(format!("nothing could be typed: {error}")))
    }

    /// Lets dangers pass that are accepted by code, asks about the others, or refuses.
    pub(crate) fn accept(self, dangers: &[Danger], accepted: &[String]) -> Result<()> {
        for word in accepted {
            let (code, subject) = word.split_once(':').unwrap_or((word, ""));
            let found =
                DangerCode::find(code).filter(|code| code.has_subject() != subject.is_empty());
            if found.is_none() {
                let known = DangerCode::ALL.iter().map(|code| match code.has_subject() {
                    true => format!("{code}:0x…"),
                    false => code.to_string(),
                });
                let known: Vec<_> = known.collect();
                let (word, known) = (quorate_core::text::shown(word), known.join(", "));
                return Err(Cause::Usage.error(format!("--accept {word}: the codes are {known}")));
            }
        }
        let mut open: Vec<_> = dangers.iter().map(|danger| (danger.name(), danger.code)).collect();
        open.sort_unstable();
        open.dedup();
        open.retain(|(name, _)| !accepted.contains(name));
        if self.is_interactive() {
            let question = |name: &str, code: DangerCode| {
                format!("Accept the danger {name} ({})?", code.meaning())
            };
            open.retain(|(name, code)| !self.confirm(&question(name, *code)));
        }
        if open.is_empty() {
            return Ok(());
        }
        let flags: Vec<_> = open.iter().map(|(name, _)| format!("--accept {name}")).collect();
        let mut messages = Vec::new();
        for danger in
            dangers.iter().filter(|danger| open.iter().any(|(name, _)| *name == danger.name()))
        {
            // Proposals that are signed together may have the same.
            let line = danger.line();
            if !messages.contains(&line) {
                messages.push(line);
            }
        }
        Err(Cause::DangerNotAccepted.error(format!(
            "danger not accepted: {}; if that is what you want, add {}",
            messages.join("; "),
            flags.join(" ")
        )))
    }

    /// Waits for `work`, and after a second says on standard error what is waited for.
    pub(crate) async fn during<T>(self, what: &str, work: impl Future<Output = T>) -> T {
        self.during_with(what, &Progress::default(), work).await
    }

    /// As [`Self::during`], with a bar of how far it is.
    pub(crate) async fn during_with<T>(
        self,
        what: &str,
        reached: &Progress,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        let on_terminal = !self.json && io::stderr().is_terminal();
        let mut seconds = 0_u64;
        loop {
            tokio::select! {
                done = &mut work => {
                    if seconds > 0 && on_terminal {
                        progress("\r\u{1b}[K");
                    }
                    return done;
                }
                () = tokio::time::sleep(Duration::from_secs(1)) => {
                    seconds += 1;
                    if IS_ASKING.load(Ordering::Relaxed) {
                        continue;
                    }
                    if on_terminal {
                        progress(&format!("\r\u{1b}[K{what} …{} {seconds} s", reached.bar()));
                    } else if seconds == 1 && !self.json {
                        progress(&format!("{what} …\n"));
                    }
                }
            }
        }
    }
}

/// A count with its noun, as "1 batch" or "2 batches".
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Progress is a courtesy: if it cannot be shown, nothing is lost.
fn progress(text: &str) {
    let mut to = io::stderr().lock();
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// Writes a line. A reader that went away (`| head`) is no error.
fn print(to: &mut dyn io::Write, text: &str) {
    let _ = writeln!(to, "{}", text.trim_end_matches('\n')).and_then(|()| to.flush());
}

/// Labelled lines under titles, aligned.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Line {
    Title(String),
    Row { label: String, text: String },
    Paragraph { label: String, text: String },
}

impl Sheet {
    /// Begins a part.
    pub(crate) fn title(&mut self, text: &str) {
        self.lines.push(Line::Title(text.to_owned()));
    }

    /// A line with its label.
    pub(crate) fn row(&mut self, label: &str, text: &str) {
        self.lines.push(Line::Row { label: label.to_owned(), text: text.to_owned() });
    }

    /// A line that belongs to the row above.
    pub(crate) fn more(&mut self, text: &str) {
        self.row("", text);
    }

    /// A text of several lines with its label, broken between words so that a terminal of 80 columns shows it whole.
    pub(crate) fn paragraph(&mut self, label: &str, text: &str) {
        self.lines.push(Line::Paragraph { label: label.to_owned(), text: text.to_owned() });
    }

    /// The part with dangers, if there are any.
    pub(crate) fn dangers(&mut self, dangers: &[Danger]) {
        if !dangers.is_empty() {
            self.title("Dangers");
        }
        for danger in dangers {
            self.paragraph(danger.code.word(), &danger.message);
            if let Some(command) = &danger.command {
                self.more("to stop that one:");
                self.more(command);
            }
        }
    }

    /// The text. Labels of one part have the same width.
    pub(crate) fn finish(self) -> String {
        let mut text = String::new();
        for part in self.lines.chunk_by(|_, next| !matches!(next, Line::Title(_))) {
            let label = |line: &Line| match line {
                Line::Title(_) => 0,
                Line::Row { label, .. } | Line::Paragraph { label, .. } => label.len(),
            };
            let width = part.iter().map(label).max().unwrap_or_default();
            for line in part {
                match line {
                    Line::Paragraph { label, text: value } => {
                        let lines = broken(value, COLUMNS.saturating_sub(width + 4));
                        lines.iter().enumerate().try_for_each(|(place, line)| {
                            let label = if place == 0 { label } else { "" };
                            writeln!(text, "  {label:width$}  {line}")
                        })
                    }
                    Line::Title(title) if text.is_empty() => writeln!(text, "{title}"),
                    Line::Title(title) => writeln!(text, "\n{title}"),
                    Line::Row { label, text: value } => {
                        writeln!(text, "{}", format!("  {label:width$}  {value}").trim_end())
                    }
                }
                .expect("a string takes all");
            }
        }
        text
    }
}

/// How many columns a terminal has at the least.
const COLUMNS: usize = 80;

/// `text` in lines of at most `width` characters, but for words that are longer.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let last = lines.last_mut();
        match last {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_fits_a_terminal() {
        let mut sheet = Sheet::default();
        sheet.title("One");
        sheet.row("a", "1");
        sheet.paragraph(
            "paidAgain",
            &format!("{} {} end", "word ".repeat(20).trim(), "x".repeat(90)),
        );
        let text = sheet.finish();
        let long = text.lines().filter(|line| line.chars().count() > COLUMNS).count();
        assert_eq!((long, text.lines().count()), (1, 6), "{text}");
        assert!(text.lines().skip(3).all(|line| line.starts_with("             ")), "{text}");
    }

    #[test]
    fn labels_of_a_part_are_aligned() {
        let mut sheet = Sheet::default();
        sheet.title("One");
        sheet.row("a", "1");
        sheet.row("long", "2");
        sheet.more("3");
        sheet.title("Two");
        sheet.row("b", "4");
        assert_eq!(sheet.finish(), "One\n  a     1\n  long  2\n        3\n\nTwo\n  b  4\n");
    }
}
