//! From bytes to lines of fields: encoding, separators, quotes (RFC 4180).

use super::LARGEST_FILE;
use crate::problem::{Fault, Problem};

/// One line that is not empty; more than one in the file if a field in quotes spans them.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it begins, from 1.
    pub(super) number: usize,
    /// Its fields, without quotes and without spaces around them.
    pub(super) fields: Vec<String>,
}

/// Splits a file into lines and fields.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Line>, Problem> {
    let text = decode(bytes)?;
    check_separator(text)?;
    if let Some(offset) = misplaced_quote(text) {
        return Err(Problem::of_line(line_at(text.as_bytes(), offset), Fault::Quote));
    }
    let mut lines = Vec::new();
    let (mut counted, mut number) = (0, 1);
    let reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    for record in reader.into_records() {
        let record = record.expect("memory can be read, and fields of UTF-8 are UTF-8");
        let fields: Vec<_> = record.iter().map(|field| trimmed(field).to_owned()).collect();
        if fields.iter().all(String::is_empty) {
            continue;
        }
        // The reader counts empty lines before a record as the record's own.
        let start = record.position().map_or(counted, |position| position.byte() as usize);
        let empty = text[start..].bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        number += line_ends(&text.as_bytes()[counted..start + empty]);
        counted = start + empty;
        lines.push(Line { number, fields });
    }
    Ok(lines)
}

/// The text without a byte-order mark.
fn decode(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.len() > LARGEST_FILE {
        return Err(Problem::of_file(Fault::FileTooLarge { length: bytes.len() }));
    }
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if is_utf16 || bytes.contains(&0) {
        return Err(Problem::of_file(Fault::Utf16));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Problem::of_line(line_at(bytes, error.valid_up_to()), Fault::NotUtf8))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Finds out by the first line, which in a header has commas.
fn check_separator(text: &str) -> Result<(), Problem> {
    let mut lines = text.split(['\r', '\n']);
    let header = lines.find(|line| !trimmed(line).is_empty()).unwrap_or_default();
    let name = match header {
        header if header.contains(',') => return Ok(()),
        header if header.contains(';') => "semicolons",
        header if header.contains('\t') => "tabs",
        _ => return Ok(()),
    };
    Err(Problem::of_file(Fault::Separator { name }))
}

/// Where a quotation mark stands inside a field, or opens one that does not end where a field ends.
///
/// The csv crate reads on in such a case, and takes the payments up to the next mark for text.
fn misplaced_quote(text: &str) -> Option<usize> {
    #[derive(Clone, Copy)]
    enum Place {
        Start,
        Plain,
        Quoted { opened: usize },
        AfterQuote { opened: usize },
        Closed { opened: usize },
    }
    let mut place = Place::Start;
    for (offset, byte) in text.bytes().enumerate() {
        place = match (place, byte) {
            (Place::Quoted { opened }, b'"') => Place::AfterQuote { opened },
            (Place::Quoted { opened }, _) | (Place::AfterQuote { opened }, b'"') => {
                Place::Quoted { opened }
            }
            (_, b',' | b'\r' | b'\n') => Place::Start,
            (Place::AfterQuote { opened } | Place::Closed { opened }, b' ' | b'\t') => {
                Place::Closed { opened }
            }
            (Place::AfterQuote { opened } | Place::Closed { opened }, _) => return Some(opened),
            (Place::Start, b'"') => Place::Quoted { opened: offset },
            (Place::Plain, b'"') => return Some(offset),
            (Place::Start | Place::Plain, _) => Place::Plain,
        };
    }
    match place {
        Place::Quoted { opened } => Some(opened),
        _ => None,
    }
}

/// Without the spaces and tabs around it. Odd spaces stay, and are refused where they matter.
fn trimmed(field: &str) -> &str {
    field.trim_matches([' ', '\t'])
}

/// The line of the byte at `offset`, from 1.
fn line_at(bytes: &[u8], offset: usize) -> usize {
    1 + line_ends(&bytes[..offset])
}

/// How many lines end in `bytes`: at `\n`, `\r\n` or `\r`.
fn line_ends(bytes: &[u8]) -> usize {
    let ends = bytes.iter().enumerate().filter(|&(place, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(place + 1) != Some(&b'\n'),
        _ => false,
    });
    ends.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Vec<(usize, Vec<String>)> {
        read(text.as_bytes()).unwrap().into_iter().map(|line| (line.number, line.fields)).collect()
    }

    fn fault(bytes: &[u8]) -> (Option<usize>, Fault) {
        let problem = read(bytes).unwrap_err();
        (problem.line, problem.fault)
    }

    #[test]
    fn lines_are_numbered_as_editors_do() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["\u{feff}", "a,b", "  ", "", "1,\"x", "y\"", ",", "", "2,z "].join(end);
            let text = text.replacen(end, "", 1);
            let field = format!("x{end}y");
            let expected = [(1, ["a", "b"]), (4, ["1", &field]), (8, ["2", "z"])];
            let expected =
                expected.map(|(line, fields)| (line, fields.map(str::to_owned).to_vec()));
            assert_eq!(table(&text), expected, "{end:?}");
        }
    }

    #[test]
    fn quotes_hold_commas_and_quotes() {
        assert_eq!(table("\"a, \"\"b\"\"\" ,c")[0].1, ["a, \"b\"", "c"]);
    }

    #[test]
    fn a_quotation_mark_never_swallows_a_line() {
        for (text, line) in [
            ("a,b\n1,\"x\n2,y\n", 2),
            ("a,b\n1,\"x\n2,\"y\n", 2),
            ("a,b\n\n1,5\" pipe\n", 3),
            ("a,b\n1, \"x, y\"\n", 2),
            ("a,b\n1,\"x\" \"y\"\n", 2),
        ] {
            assert_eq!(fault(text.as_bytes()), (Some(line), Fault::Quote), "{text:?}");
        }
    }

    #[test]
    fn other_encodings_are_named() {
        assert_eq!(fault(b"\xff\xfei\0d\0"), (None, Fault::Utf16));
        assert_eq!(fault(b"\0i\0d"), (None, Fault::Utf16));
        assert_eq!(fault(b"id,to\n1,M\xfcller"), (Some(2), Fault::NotUtf8));
        let length = LARGEST_FILE + 1;
        assert_eq!(fault(&vec![b' '; length]), (None, Fault::FileTooLarge { length }));
    }

    #[test]
    fn other_separators_are_named() {
        let semicolons = Fault::Separator { name: "semicolons" };
        assert_eq!(fault(b"\"id\";\"to\"\n1;0,5"), (None, semicolons.clone()));
        assert_eq!(fault(b"\r\nsep=;\r\nid;to"), (None, semicolons));
        assert_eq!(fault(b"id\tto\n"), (None, Fault::Separator { name: "tabs" }));
    }
}
