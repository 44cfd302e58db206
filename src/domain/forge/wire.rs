//! JSON as forges send it: read once, kept only where something reads it, forgiving elsewhere.
//!
//! A field may be absent, null or of another type than the forge's documentation says; none of
//! that fails a delivery unless the event cannot be understood without the field, and then the
//! error names it. What is not asked for is skipped over without being kept: a push of two
//! thousand commits costs no more memory than its body.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::PayloadError;

/// A field of a body, whatever the forge put there.
#[derive(Debug, Default)]
pub(super) enum Field<T> {
    /// Not there, or null: forges use the two alike.
    #[default]
    Absent,
    /// Of another JSON type than we read.
    Wrong,
    Is(T),
}

/// An object within a body.
pub(super) type Part<T> = Field<Object<T>>;

/// A list within a body.
pub(super) type List<T> = Field<Vec<Field<T>>>;

/// What [`Part`] holds.
#[derive(Debug, Default)]
pub(super) struct Object<T>(pub(super) T);

/// A forge's id of something: a number or a text, always kept as a text.
#[derive(Debug)]
pub(super) struct Id(pub(super) String);

impl<T> Field<T> {
    pub(super) fn take(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }

    pub(super) fn get(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }
}

impl<T: Shape> Field<T> {
    /// The value, or an error with the field's dotted name.
    pub(super) fn required(&self, field: &'static str) -> Result<&T, PayloadError> {
        match self {
            Self::Is(value) => Ok(value),
            Self::Absent => Err(PayloadError::Missing { field }),
            Self::Wrong => Err(PayloadError::Wrong { field, expected: T::EXPECTED }),
        }
    }
}

impl Field<String> {
    /// The text; empty where there is none.
    pub(super) fn text(&self) -> String {
        self.get().cloned().unwrap_or_default()
    }

    /// The text, unless it is empty.
    pub(super) fn filled(&self) -> Option<&str> {
        self.get().map(String::as_str).filter(|text| !text.is_empty())
    }

    /// What the text says, if it says anything of the kind.
    pub(super) fn parsed<T: FromStr>(&self) -> Option<T> {
        self.get().and_then(|text| text.parse().ok())
    }
}

impl Field<bool> {
    /// Whether it is there and true.
    pub(super) fn is_set(&self) -> bool {
        matches!(self, Self::Is(true))
    }
}

impl<T> Part<T> {
    pub(super) fn part(&self) -> Option<&T> {
        self.get().map(|Object(part)| part)
    }
}

impl<T> List<T> {
    /// The elements that are what they should be.
    pub(super) fn items(&self) -> impl Iterator<Item = &T> {
        self.get().into_iter().flatten().filter_map(Field::get)
    }
}

/// What a field can hold: one JSON type (or two), taken as it comes.
pub(super) trait Shape: Sized {
    /// What it should have been, with its article, for a message.
    const EXPECTED: &'static str;

    fn from_text(_text: Cow<'_, str>) -> Option<Self> {
        None
    }

    fn from_number(_number: u64) -> Option<Self> {
        None
    }

    fn from_flag(_flag: bool) -> Option<Self> {
        None
    }

    /// Reads all of the object, also when it is of no use.
    fn from_object<'de, A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    /// Reads all of the list, also when it is of no use.
    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl Shape for String {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: Cow<'_, str>) -> Option<Self> {
        Some(text.into_owned())
    }
}

impl Shape for u64 {
    const EXPECTED: &'static str = "a number";

    fn from_number(number: u64) -> Option<Self> {
        Some(number)
    }
}

impl Shape for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

impl Shape for Id {
    const EXPECTED: &'static str = "a number or a text";

    fn from_text(text: Cow<'_, str>) -> Option<Self> {
        Some(Self(text.into_owned()))
    }

    fn from_number(number: u64) -> Option<Self> {
        Some(Self(number.to_string()))
    }
}

impl<T: serde::de::DeserializeOwned> Shape for Object<T> {
    const EXPECTED: &'static str = "an object";

    fn from_object<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|part| Some(Self(part)))
    }
}

impl<T: Shape> Shape for Vec<Field<T>> {
    const EXPECTED: &'static str = "a list";

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Some(items))
    }
}

impl<'de, T: Shape> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

fn field<T>(value: Option<T>) -> Field<T> {
    value.map_or(Field::Wrong, Field::Is)
}

impl<'de, T: Shape> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Absent)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Field<T>, E> {
        Ok(field(T::from_flag(flag)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field<T>, E> {
        Ok(field(T::from_number(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Field<T>, E> {
        Ok(field(u64::try_from(number).ok().and_then(T::from_number)))
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Field<T>, E> {
        Ok(Field::Wrong)
    }

    fn visit_str<E>(self, text: &str) -> Result<Field<T>, E> {
        Ok(field(T::from_text(Cow::Borrowed(text))))
    }

    fn visit_string<E>(self, text: String) -> Result<Field<T>, E> {
        Ok(field(T::from_text(Cow::Owned(text))))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field<T>, A::Error> {
        T::from_object(map).map(field)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Field<T>, A::Error> {
        T::from_list(list).map(field)
    }
}

#[cfg(test)]
mod tests;
