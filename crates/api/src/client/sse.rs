//! The form of a stream of server-sent events (WHATWG HTML, section 9.2).

/// The most bytes of one event.
const LARGEST: usize = 1 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// The last id that was told, if one was.
    pub(super) id: Option<String>,
    /// Its lines, with line feeds between them.
    pub(super) data: String,
}

/// An event of more bytes than is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Makes events of bytes, however those are cut into pieces.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// The line before ended with a carriage return: a line feed belongs to that.
    is_behind_return: bool,
    is_behind_first_line: bool,
    id: Option<String>,
    data: Option<String>,
}

impl Parser {
    /// Reads the next bytes, and adds the events that they complete.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        to: &mut impl Extend<Message>,
    ) -> Result<(), TooLarge> {
        for &byte in bytes {
            let follows_return = std::mem::take(&mut self.is_behind_return);
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => {
                    self.is_behind_return = byte == b'\r';
                    to.extend(self.end_line());
                }
                byte => self.line.push(byte),
            }
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > LARGEST {
                return Err(TooLarge);
            }
        }
        Ok(())
    }

    /// Takes the line; an empty one completes an event.
    fn end_line(&mut self) -> Option<Message> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let is_first = !std::mem::replace(&mut self.is_behind_first_line, true);
        let line = line.strip_prefix('\u{feff}').filter(|_| is_first).unwrap_or(&line);
        if line.is_empty() {
            let data = self.data.take()?;
            return Some(Message { id: self.id.clone(), data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // The kind stands in the data too; comments and what is not known say nothing.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(parts: &[&[u8]]) -> Vec<Message> {
        let (mut parser, mut messages) = (Parser::default(), Vec::new());
        parts.iter().for_each(|part| parser.read(part, &mut messages).unwrap());
        messages
    }

    fn message(id: Option<&str>, data: &str) -> Message {
        Message { id: id.map(str::to_owned), data: data.to_owned() }
    }

    #[test]
    fn fields_comments_and_all_ends_of_lines_are_read() {
        let stream = "\u{feff}: hello\n\nid: 1\nevent: status\ndata: {\"a\":1}\n\n\
            data: two\r\ndata:lines\r\n\r\nid: 3\rdata\rretry: 10\r\rid: 4\n\ndata: cut";
        let expected = [
            message(Some("1"), "{\"a\":1}"),
            message(Some("1"), "two\nlines"),
            message(Some("3"), ""),
        ];
        assert_eq!(read(&[stream.as_bytes()]), expected);
    }

    #[test]
    fn an_event_without_an_end_is_given_up() {
        let mut parser = Parser::default();
        let (mut messages, part) = (Vec::new(), [b'x'; 4_096]);
        let fails = (0..=LARGEST / part.len()).any(|_| parser.read(&part, &mut messages).is_err());
        assert!(fails && messages.is_empty() && parser.line.len() <= LARGEST + 1);
        let mut parser = Parser::default();
        let fails =
            (0..LARGEST).any(|_| parser.read(b"data: aaaaaaaaaa\n", &mut messages).is_err());
        assert!(fails && messages.is_empty());
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_does_not_matter(
            stream in "(data: [a-zé]{0,3}|id: [0-9]|:|event: x|)(\r\n|\n|\r){0,3}((data: [a-zé]{0,3}|id: [0-9]|:)(\r\n|\n|\r){1,2}){0,5}",
            cuts in prop::collection::vec(0_usize..100, 0..6),
        ) {
            let bytes = stream.as_bytes();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts: Vec<_> = cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
            prop_assert_eq!(read(&parts), read(&[bytes]));
        }
    }
}
