//! Text that others wrote: notes, token symbols, revert reasons. It is shown, never believed.

use std::fmt::Write as _;

/// `text` on one line with nothing in it that moves the cursor, turns the reading direction round, or
/// cannot be seen: such characters appear as `\u{…}`, a backslash as `\\`.
///
/// Letters of all scripts stay. Does not detect look-alikes (а for a).
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            '\\' => safe.push_str("\\\\"),
            c if is_hidden(c) => {
                write!(safe, "\\u{{{:x}}}", u32::from(c)).expect("a string takes all")
            }
            c => safe.push(c),
        }
    }
    safe
}

/// What was typed, quoted, escaped, and cut after 80 characters, for an error message.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut start: String = text.chars().take(LONGEST).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("\"{}\"", escaped(&start))
}

/// Controls, format characters (bidirectional marks and overrides, zero-width joiners, tags), line
/// and paragraph separators, odd spaces, variation selectors, fillers and private use.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{a0}' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}'
            | '\u{8e2}' | '\u{1680}' | '\u{110bd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_cannot_be_seen_is_spelled_out() {
        let hostile = "pay\u{202e}eca\u{2066}\u{1b}[2J\r\n\u{200b}\u{7}";
        let expected = r"pay\u{202e}eca\u{2066}\u{1b}[2J\r\n\u{200b}\u{7}";
        assert_eq!(escaped(hostile), expected);
    }

    #[test]
    fn letters_stay() {
        assert_eq!(escaped("Löhne für 東京 🦀 العربية"), "Löhne für 東京 🦀 العربية");
    }

    #[test]
    fn what_is_shown_in_an_error_is_short() {
        assert_eq!(shown(&"x".repeat(100)), format!("\"{}…\"", "x".repeat(80)));
    }
}
