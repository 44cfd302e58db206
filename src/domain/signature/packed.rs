//! The `payload` of a form, read piece by piece without keeping any of it: some forges sign that,
//! and not the form.

/// The field's name as every sender writes it; nobody encodes letters.
const NAME: &[u8] = b"payload";

/// How far the form has been read.
#[derive(Default)]
pub(super) struct Unpacking {
    place: Place,
    /// The beginning of `%2F`, where a piece ended in the middle of one.
    escape: Vec<u8>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// So many bytes of a field's name were those of the one.
    Name(usize),
    /// In a field that is another.
    Other,
    /// In the value that is looked for.
    Value,
    /// Behind it: a second one of that name says nothing.
    #[default]
    Start,
    Past,
}

impl Unpacking {
    /// The next bytes of the form; what they hold of the value goes to `to`.
    pub(super) fn push(&mut self, bytes: &[u8], mut to: impl FnMut(&[u8])) {
        let mut value = Vec::with_capacity(bytes.len());
        for byte in bytes {
            self.step(*byte, &mut value);
        }
        to(&value);
    }

    /// The form ends here.
    pub(super) fn finish(self, mut to: impl FnMut(&[u8])) {
        // What looks like the beginning of an escape and is none stands for itself.
        to(&self.escape);
    }

    fn step(&mut self, byte: u8, value: &mut Vec<u8>) {
        self.place = match (self.place, byte) {
            (Place::Past, _) => Place::Past,
            (Place::Value, b'&') => {
                value.append(&mut self.escape);
                Place::Past
            }
            (Place::Value, byte) => {
                self.decode(byte, value);
                Place::Value
            }
            (_, b'&') => Place::Start,
            (Place::Name(known), b'=') if known == NAME.len() => Place::Value,
            (Place::Start, byte) if NAME.first() == Some(&byte) => Place::Name(1),
            (Place::Name(known), byte) if NAME.get(known) == Some(&byte) => Place::Name(known + 1),
            _ => Place::Other,
        };
    }

    fn decode(&mut self, byte: u8, value: &mut Vec<u8>) {
        match (self.escape.as_slice(), byte) {
            ([], b'%') => self.escape.push(byte),
            ([], b'+') => value.push(b' '),
            ([], byte) => value.push(byte),
            ([_], byte) if byte.is_ascii_hexdigit() => self.escape.push(byte),
            ([_, high], byte) => match (digit(*high), digit(byte)) {
                (Some(high), Some(low)) => {
                    value.push(high << 4 | low);
                    self.escape.clear();
                }
                _ => self.give_up(byte, value),
            },
            _ => self.give_up(byte, value),
        }
    }

    /// It was no escape: what was kept of it stands for itself, and this byte begins anew.
    fn give_up(&mut self, byte: u8, value: &mut Vec<u8>) {
        value.append(&mut self.escape);
        self.decode(byte, value);
    }
}

fn digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests;
