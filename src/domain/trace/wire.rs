//! The wire format of protobuf, as far as OTLP needs it.

/// A message that is cut, or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The body is no protobuf message")]
pub struct Malformed;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    Number(u64),
    Fixed(u64),
    Short(u32),
    /// A text, bytes, or another message.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The bytes; nothing where it is something else.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// The text, with what is not UTF-8 replaced.
    pub fn text(self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// The number, however it is written; 0 where it is none.
    pub fn number(self) -> u64 {
        match self {
            Self::Number(number) | Self::Fixed(number) => number,
            Self::Short(number) => number.into(),
            Self::Bytes(_) => 0,
        }
    }
}

/// The fields of a message, in the order of the message; nothing follows an error.
#[derive(Debug, Clone)]
pub struct Fields<'a>(&'a [u8]);

/// Reads a message.
pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields(message)
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(Malformed))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => Value::Fixed(u64::from_le_bytes(*self.take(8)?.first_chunk()?)),
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Short(u32::from_le_bytes(*self.take(4)?.first_chunk()?)),
            _ => return None,
        };
        (key >> 3 != 0).then_some((key >> 3, value))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for place in 0..10 {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

/// A message in the making.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message(Vec<u8>);

impl Message {
    /// The finished message.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Nothing was put into it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A field as it was read.
    pub fn value(&mut self, field: u64, value: Value<'_>) {
        match value {
            Value::Number(number) => self.number(field, number),
            Value::Fixed(number) => self.fixed(field, number),
            Value::Short(number) => {
                self.varint(field << 3 | 5);
                self.0.extend_from_slice(&number.to_le_bytes());
            }
            Value::Bytes(bytes) => self.bytes(field, bytes),
        }
    }

    /// A number of few bytes where it is small.
    pub fn number(&mut self, field: u64, number: u64) {
        self.varint(field << 3);
        self.varint(number);
    }

    /// A number of eight bytes.
    pub fn fixed(&mut self, field: u64, number: u64) {
        self.varint(field << 3 | 1);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// A text, or bytes.
    pub fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Another message.
    pub fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }

    fn varint(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}
