//! From bytes to lines of fields: encoding, separators, quotes (RFC 4180).

use super::{LARGEST_FILE, MOST_LINES};
use crate::problem::{Fault, Problem};
use std::borrow::Cow;

/// One line that is not empty; more than one in the file if a field in quotes spans them.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it begins, from 1.
    pub(super) number: usize,
    /// Its fields, without quotes and without spaces around them.
    pub(super) fields: Vec<String>,
}

/// The first bytes of files that are no text.
const WORKBOOKS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];

/// The text without a byte-order mark.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Problem> {
    if bytes.len() > LARGEST_FILE {
        return Err(Problem::of_file(Fault::FileTooLarge { length: bytes.len() }));
    }
    if WORKBOOKS.iter().any(|start| bytes.starts_with(start)) {
        return Err(Problem::of_file(Fault::Workbook));
    }
    let wide = match bytes {
        [0xff, 0xfe, rest @ ..] => Some((rest, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0xfe, 0xff, rest @ ..] => Some((rest, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        _ => None,
    };
    if let Some((rest, read)) = wide {
        let pairs = rest.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(Problem::of_file(Fault::Utf16));
        }
        let units = pairs.map(|pair| read([pair[0], pair[1]]));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        return text.map(Cow::Owned).map_err(|_| Problem::of_file(Fault::Utf16));
    }
    if bytes.contains(&0) {
        return Err(Problem::of_file(Fault::Utf16));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Problem::of_line(line_at(bytes, error.valid_up_to()), Fault::NotUtf8))?;
    Ok(Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)))
}

/// Splits a text into lines and fields. `names` are those of the columns, in small letters.
pub(super) fn read(text: &str, names: &[&str]) -> Result<Vec<Line>, Problem> {
    let start = behind_separator_line(text);
    let separator = separator(&text[start..], names);
    if let Some(offset) = misplaced_quote(&text[start..], separator) {
        return Err(Problem::of_line(line_at(text.as_bytes(), start + offset), Fault::Quote));
    }
    let mut lines = Vec::new();
    let (mut counted, mut number) = (0, 1 + line_ends(&text.as_bytes()[..start]));
    let text = &text[start..];
    let reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes());
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
        if lines.len() > MOST_LINES + 1 {
            let count = line_ends(text.as_bytes());
            return Err(Problem::of_file(Fault::TooManyLines { count }));
        }
    }
    Ok(lines)
}

/// Where the list begins behind a line `sep=;`, which some spreadsheets write and read.
fn behind_separator_line(text: &str) -> usize {
    let blank = text.len() - text.trim_start_matches(['\r', '\n', ' ']).len();
    let rest = &text[blank..];
    let line = rest.split(['\r', '\n']).next().unwrap_or_default();
    match trimmed_of_blanks(line).trim_matches('"').strip_prefix("sep=") {
        Some("," | ";" | "\t" | "") => blank + line.len(),
        _ => 0,
    }
}

fn trimmed_of_blanks(line: &str) -> &str {
    line.trim_matches(' ')
}

/// What separates the columns: that by which the first line has the most names of columns.
fn separator(text: &str, names: &[&str]) -> u8 {
    let mut lines = text.split(['\r', '\n']);
    let header = lines.find(|line| !trimmed(line).is_empty()).unwrap_or_default();
    let count = |separator: u8| {
        let cells = header.split(char::from(separator));
        let name = |cell: &str| trimmed(trimmed(cell).trim_matches('"')).to_lowercase();
        cells.filter(|cell| names.contains(&&*name(cell))).count()
    };
    let separators = [b',', b';', b'\t'];
    let most = separators.into_iter().map(count).max().unwrap_or_default();
    let is_there = |separator: &u8| match most {
        // No name at all, or one alone: what is there separates.
        0 | 1 => header.contains(char::from(*separator)),
        most => count(*separator) == most,
    };
    separators.into_iter().find(is_there).unwrap_or(b',')
}

/// Where a quotation mark stands inside a field, or opens one that does not end where a field ends.
///
/// The csv crate reads on in such a case, and takes the payments up to the next mark for text.
fn misplaced_quote(text: &str, separator: u8) -> Option<usize> {
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
            (_, byte) if byte == separator || matches!(byte, b'\r' | b'\n') => Place::Start,
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
pub(super) fn trimmed(field: &str) -> &str {
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

    const NAMES: [&str; 4] = ["id", "to", "amount", "token"];

    fn table(text: &str) -> Vec<(usize, Vec<String>)> {
        let text = decode(text.as_bytes()).unwrap();
        let lines = read(&text, &NAMES).unwrap();
        lines.into_iter().map(|line| (line.number, line.fields)).collect()
    }

    fn fault(bytes: &[u8]) -> (Option<usize>, Fault) {
        let problem = decode(bytes).and_then(|text| read(&text, &NAMES)).unwrap_err();
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
            ("sep=;\nid;to\n1;\"x\n", 3),
        ] {
            assert_eq!(fault(text.as_bytes()), (Some(line), Fault::Quote), "{text:?}");
        }
    }

    #[test]
    fn other_encodings_are_read_or_named() {
        let utf16 = |bom: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
            let units = "id,to\n1,Müller".encode_utf16().flat_map(bytes);
            bom.into_iter().chain(units).collect::<Vec<u8>>()
        };
        for file in [utf16([0xff, 0xfe], u16::to_le_bytes), utf16([0xfe, 0xff], u16::to_be_bytes)] {
            assert_eq!(decode(&file).unwrap(), "id,to\n1,Müller");
            assert_eq!(fault(&file[..file.len() - 1]), (None, Fault::Utf16));
        }
        assert_eq!(fault(b"\xff\xfe\x00\xd8"), (None, Fault::Utf16));
        assert_eq!(fault(b"\0i\0d"), (None, Fault::Utf16));
        assert_eq!(fault(b"PK\x03\x04\0\0"), (None, Fault::Workbook));
        assert_eq!(fault(b"id,to\n1,M\xfcller"), (Some(2), Fault::NotUtf8));
        let length = LARGEST_FILE + 1;
        assert_eq!(fault(&vec![b' '; length]), (None, Fault::FileTooLarge { length }));
    }

    /// Case 39: what separates the columns is told by the header.
    #[test]
    fn the_header_tells_what_separates() {
        let expected = [(1, vec!["id".to_owned(), "to".to_owned()])];
        for text in ["id,to", "id;to", "id\tto", "\"id\";\"to\"", "ID\tTO"] {
            let found = table(text);
            assert_eq!(found[0].1.len(), 2, "{text}");
            assert_eq!(found[0].0, expected[0].0);
        }
        for text in ["sep=;\nid;to\n1;a,b", "sep=,\r\nid,to\r\n1,\"a,b\"", "sep=\t\nid\tto\n1\ta,b"]
        {
            let found = table(text);
            assert_eq!((found[0].0, found[1].0), (2, 3), "{text:?}");
            assert_eq!(found[1].1, ["1", "a,b"], "{text:?}");
        }
        // A comma in the name of a column of somebody else's is no separator.
        assert_eq!(table("id;to;amount, net;token")[0].1.len(), 4);
    }

    #[test]
    fn too_many_lines_are_counted() {
        let text = format!("id,to\n{}", "1,x\n".repeat(MOST_LINES + 3));
        let count = MOST_LINES + 4;
        assert_eq!(fault(text.as_bytes()), (None, Fault::TooManyLines { count }));
    }
}
